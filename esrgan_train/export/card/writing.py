"""The card of an export: what is known before it, and the files written after it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.card.facts import Facts, Written
from esrgan_train.export.card.openmodeldb import entry, model_id
from esrgan_train.export.card.readme import readme
from esrgan_train.export.card.stated import Stated
from esrgan_train.export.verification import Verdict
from esrgan_train.files import replacing
from esrgan_train.modelfiles.digest import sha256_of

if TYPE_CHECKING:
    from esrgan_train.export.card.run import Run

README, ENTRIES = "README.md", "openmodeldb"  # the latter is a folder: ncnn has a JSON file of its own
_SEAL = re.compile(r"<!-- written by esrgan_train\.export: (\S+) ([0-9a-f]{64}) -->\n\Z")


def facts_before(
    model: Path, generator: nn.Module, name: str, metadata: Mapping[str, Any], stated: Stated
) -> Facts:
    """What is known before anything is written: of the model file, of the run that it lies in, and from a person.

    Raises:
        UserError: the run cannot be read, or its configuration states what no card takes.
    """
    folder = _run_folder(model)
    run = None if folder is None else _read_run(folder, metadata.get("iterations"))
    return Facts(
        name=name,
        network=type(generator).__name__,
        scale=metadata["upscale"],
        channels=metadata.get("channels", 3),
        metadata=metadata,
        stated=stated if run is None else stated.or_else(run.stated),
        day=date.today(),
        run=run,
    )


def _run_folder(model: Path) -> Path | None:
    """The run that a checkpoint or model file lies in."""
    folder = model.resolve().parent
    is_run = folder.name in ("checkpoints", "model") and (folder.parent / "config.yaml").is_file()
    return folder.parent if is_run else None


def _read_run(folder: Path, iterations: object) -> Run:
    from esrgan_train.export.card.run import read_run  # with Lightning, which takes seconds

    return read_run(folder, iterations)


def check_card_place(folder: Path, facts: Facts) -> None:
    """``UserError`` if the card would replace what this command did not write, or what was changed since."""
    if (folder / README).exists() and not _is_unchanged(folder):
        raise UserError(
            f"{folder / README} was not written by this command, or was changed since: move it, give another "
            "folder with -o, or --no-card"
        )
    place = folder / _entry_file(facts)
    if place.exists() and not (folder / README).exists():
        raise UserError(f"{place} would be replaced: move it, give another folder with -o, or --no-card")


def write_card(folder: Path, facts: Facts, verdicts: Iterable[Verdict]) -> tuple[Facts, list[Path]]:
    """Write pictures, the entry and the page about the files that were kept; the facts with them, and the paths.

    Raises:
        UserError: the run's preview cannot be read.
        OSError: the disk does not take them.
    """
    kept = tuple(verdict for verdict in verdicts if verdict.passed)
    files = tuple(_written(file, folder, verdict.label) for verdict in kept for file in verdict.files)
    facts = replace(facts, verdicts=kept, files=files)
    if facts.run is not None:
        facts = _with_pictures(facts, folder, facts.run.folder)
    listed = json.dumps(entry(facts), indent=4, ensure_ascii=False) + "\n"
    page = readme(facts)
    seal = f"<!-- written by esrgan_train.export: {_entry_file(facts)} {_digest(page, listed)} -->\n"
    texts = {_entry_file(facts): listed, README: page + seal}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    return facts, [folder / name for name in texts]


def _with_pictures(facts: Facts, folder: Path, run: Path) -> Facts:
    from esrgan_train.export.card.pictures import preview_of, write_pictures  # as above

    if (preview := preview_of(run, facts.iterations)) is None:
        return facts
    step, file = preview
    return replace(facts, pictures=tuple(write_pictures(file, folder)), shown_after=step)


def _entry_file(facts: Facts) -> str:
    return f"{ENTRIES}/{model_id(facts)}.json"


def _written(file: Path, folder: Path, label: str) -> Written:
    size, digest = file.stat().st_size, sha256_of(file)
    return Written(path=file.relative_to(folder), size=size, sha256=digest, label=label)


def _is_unchanged(folder: Path) -> bool:
    """Whether page and entry are as this command wrote them."""
    try:
        page = (folder / README).read_text(encoding="utf-8")
        seal = _SEAL.search(page)
        return seal is not None and seal[2] == _digest(page[: seal.start()], _text(folder / seal[1]))
    except (OSError, UnicodeDecodeError):
        return False


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _digest(page: str, listed: str) -> str:
    return sha256(f"{page}\0{listed}".encode()).hexdigest()
