"""Put a trained starter model into the package, with a card: ``python -m tests.starters.ship RUN [--note TEXT]``.

Run it on the machine that trained, in the folder of the checkout. It starts the training again for a hundred
iterations; only if every figure is that of the run, it writes the weights, the card and the same facts as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from esrgan_train.cli import DONE, run_command
from esrgan_train.errors import UserError
from esrgan_train.export.card.facts import Written
from esrgan_train.export.card.stated import Stated
from esrgan_train.export.card.writing import facts_before
from esrgan_train.export.source import metadata_of
from esrgan_train.files import replacing
from esrgan_train.modelfiles.digest import sha256_of
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights, save_model
from esrgan_train.moved import read_config
from esrgan_train.starters.catalogue import STARTERS, Starter
from tests.starters.beginning import begin
from tests.starters.card import card
from tests.starters.record import LICENCE, SET, check_run, overrides_of, record, threads_of


def main(arguments: list[str] | None = None) -> int:
    """Write the three files of the model that a run made."""
    parser = argparse.ArgumentParser(prog="python -m tests.starters.ship")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run that trained the model")
    parser.add_argument("--note", metavar="TEXT", help="for the card, such as what else ran on the machine")
    options = parser.parse_args(arguments)
    starter = starter_of(options.run)
    check_run(options.run, starter)
    with tempfile.TemporaryDirectory() as folder:
        again = begin(overrides_of(options.run), Path(folder) / "run", threads=threads_of(options.run))
    for file in put(options.run, starter, again, options.note):
        print(file)
    return DONE


def starter_of(run: Path) -> Starter:
    """The model that a run was to make.

    Raises:
        UserError: none of those that ship.
    """
    if not (run / "config.yaml").is_file():
        raise UserError(f"{run} is no folder of a run: give one that holds config.yaml")
    experiment = read_config(run / "config.yaml").experiment
    found = next((one for one in STARTERS if one.name == experiment), None)
    if found is None:
        names = ", ".join(one.name for one in STARTERS)
        raise UserError(f"{run} trained experiment={experiment}: give a run of {names}")
    return found


def put(run: Path, starter: Starter, again: dict[str, str], note: str | None) -> list[Path]:
    """Write the files; ``again`` are the figures of ``beginning.begin``."""
    model = load_weights(run / "model" / f"{starter.name}.safetensors")
    generator = rebuild_generator(model)
    stated = Stated(
        author=("esrgan_train",),
        licence=LICENCE,
        tags=("photo", "general-upscaler"),
        description=f"A model that ships with esrgan_train ({starter.purpose}): `--model {starter.name}`.",
        dataset=("photographs out of Debian's packages",),
    )
    metadata = metadata_of(model, generator, licence=stated.licence, authors=stated.author)
    facts = facts_before(model.path, generator, starter.name, metadata, stated)
    assert facts.run is not None
    found = record(run, starter, model, facts.run.scores, again)
    licences = (SET / "LICENCES.md").read_text(encoding="utf-8")
    save_model(starter.file, model.state_dict, metadata)
    size, digest = starter.file.stat().st_size, sha256_of(starter.file)
    written = Written(path=Path(starter.file.name), size=size, sha256=digest, label="safetensors")
    facts, found = replace(facts, files=(written,)), {**found, "sha256": digest, "bytes": size}
    texts = {starter.card: card(facts, found, licences, note)}
    texts[starter.record] = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    for file, text in texts.items():
        with replacing(file) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    return [starter.file, *texts]


if __name__ == "__main__":
    sys.exit(run_command(main))
