"""Programs as targets of an export: what each wants, in a YAML file of ``targets/`` or of your own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from annotated_types import MinLen
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from esrgan_train.bounds import Count, check_fields, shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.errors import UserError
from esrgan_train.export.variants import Variant

_FOLDER = Path(__file__).parent / "targets"
_WORDS = ("name", "plain", "scale", "channels", "licence", "metadata")  # that names and descriptions may contain
_SCALE = r"(?:x\d+|\d+x)"  # as names of models say it


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a program wants.

    ``name`` and ``descriptions`` may contain ``{name}`` (of the export), ``{plain}`` (that without a scale at its
    start or end), ``{scale}``, ``{channels}``, ``{licence}`` and ``{metadata}`` (JSON); a brace is doubled.

    Raises:
        UserError: a value is not what its field takes.
    """

    program: str
    sources: Annotated[list[str], MinLen(1)]  # where these wishes can be read
    files: Annotated[list[Variant], MinLen(1)]
    name: str = "{name}"  # of the files, without ending; may have folders
    scales: list[Count] | None = None  # that the program takes; null: any
    channels: list[Count] = field(default_factory=lambda: [1, 3])  # of pictures that it takes: luma, RGB
    descriptions: dict[str, str] = field(default_factory=dict)  # path of a text file, and what it says

    def __post_init__(self) -> None:
        check_fields(self)
        for text in (self.name, *self.descriptions, *self.descriptions.values()):
            for _, word, _, _ in Formatter().parse(text):
                if word is not None and word not in _WORDS:
                    raise UserError(f"{{{word}}} is not known: {remedy(word, _WORDS)}")

    def written_as(self, name: str, metadata: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """The name of the files, and the descriptions, of a model of that name.

        Raises:
            UserError: the program does not take such a model.
        """
        scale = metadata["upscale"]
        if self.scales is not None and scale not in self.scales:
            taken = ", ".join(f"×{one}" for one in self.scales)
            raise UserError(f"{self.program} takes {taken}, and this model is ×{scale}: leave --target out")
        if (channels := metadata.get("channels", 3)) not in self.channels:
            raise UserError(f"{self.program} takes RGB, and this model luma alone: leave --target out")
        words = {
            "name": name,
            "plain": without_scale(name),
            "scale": scale,
            "channels": channels,
            "licence": metadata.get("licence", "not stated"),
            "metadata": json.dumps(metadata, indent=2),
        }
        texts = {path.format_map(words): text.format_map(words) for path, text in self.descriptions.items()}
        return self.name.format_map(words), texts


def without_scale(name: str) -> str:
    """A model's name without a scale at its start or end: ``prelu`` of ``x4_prelu``."""
    return re.sub(rf"^{_SCALE}[_-]|[_-]{_SCALE}$", "", name)


def target_names() -> list[str]:
    """The programs that have a file here."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def read_target(given: str) -> Target:
    """The target of a program's name, or of a YAML file.

    Raises:
        UserError: there is no such target, or the file does not fit ``Target``.
    """
    file = _FOLDER / f"{given}.yaml"
    if given not in target_names():
        file = Path(given)
        if file.suffix not in (".yaml", ".yml"):
            raise UserError(f"--target {given}: {remedy(given, target_names())} Or give a YAML file of your own")
        if not file.is_file():
            raise UserError(f"--target {given} does not exist: give {', '.join(target_names())} or a YAML file")
    try:
        said = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
        return _target(said)
    except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"--target {given} cannot be read ({' '.join(str(error).split())[:200]})") from error
    except UserError as error:
        raise UserError(f"--target {given}: {error}") from error


def _target(said: Any) -> Target:
    values = _known(said, Target)
    files = values["files"]
    if not isinstance(files, list):
        raise UserError(f"files={shown(files)}: list what is to be written, such as [{{format: onnx}}]")
    variants = []
    for place, one in enumerate(files):
        try:
            known = _known(one, Variant)
            options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
            variants.append(Variant(**options))
        except UserError as error:
            raise UserError(f"files[{place}].{error}") from error
    return Target(**{**values, "files": variants})


def _known(said: Any, cls: type) -> dict[str, Any]:
    """A mapping whose keys are fields of a dataclass, those without a default among them."""
    names = [one.name for one in fields(cls)]
    if not isinstance(said, Mapping):
        raise UserError(f"give a mapping of {', '.join(names)}")
    for key in said:
        if key not in names:
            raise UserError(f"{key} is not known: {remedy(str(key), names)}")
    for name in ("program", "sources", "files") if cls is Target else ("format",):
        if name not in said:
            raise UserError(f"{name} is missing")
    return {str(key): value for key, value in said.items()}
