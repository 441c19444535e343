"""The ways to enlarge that are compared: interpolation, this project's models, and published weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.proof.carried import CARRIED, missing
from esrgan_train.errors import UserError
from esrgan_train.evaluate.scores import bicubic_of
from esrgan_train.inference.models import open_upscaler
from esrgan_train.modelfiles.digest import digest_of

Picture = NDArray[np.uint8]
Kind = Literal["interpolation", "model", "pixel stage", "published"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to enlarge pictures."""

    name: str
    scale: int
    kind: Kind
    about: str  # what it is, or was made for
    enlarge: Callable[[Picture], Picture]  # (h, w, 3) to (h·scale, w·scale, 3)
    digest: str | None = None  # of the file of its weights
    training: Mapping[str, Any] | None = None  # what the JSON beside the file says

    def as_dict(self) -> dict[str, Any]:
        """What a record keeps of it."""
        names = ("name", "scale", "kind", "about", "digest", "training")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def models_in(folder: Path, pixel: Mapping[str, Path]) -> list[Method]:
    """The models of a folder, each after what its pixel stage ended with, where that file is named.

    Args:
        folder: where ``NAME.safetensors`` lie, with ``NAME.json`` beside.
        pixel: model files or checkpoints by the model's name.

    Raises:
        UserError: a file cannot be read, or ``pixel`` names a model that is not there.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.safetensors"))}
    if unknown := sorted(pixel.keys() - files.keys()):
        known = ", ".join(files) or "none"
        raise UserError(f"--pixel {unknown[0]}=… names no model of --models {folder}: give one of these: {known}")
    found = []
    for name, file in files.items():
        if name in pixel:
            found.append(_model(f"{name}_pixel", pixel[name], "pixel stage", f"{name} before its GAN stage"))
        found.append(_model(name, file, "model", "this project's"))
    return found


def published(scales: Collection[int], *, large: bool) -> list[Method]:
    """The weights that a package carries for these scales; none without the package, see ``carried.missing``.

    Args:
        scales: for which they are wanted.
        large: whether those are wanted that take seconds for a small picture.
    """
    return [
        Method(
            name=carried.name,
            scale=carried.scale,
            kind="published",
            about=f"published weights for {carried.made_for}",
            enlarge=carried,
            digest=carried.digest,
        )
        for carried in CARRIED
        if carried.scale in scales and (large or not carried.large) and missing() is None
    ]


def interpolations(scale: int) -> list[Method]:
    """What a model has to be better than."""

    def lanczos(lr: Picture) -> Picture:
        size = (lr.shape[1] * scale, lr.shape[0] * scale)
        return np.asarray(Image.fromarray(lr).resize(size, Image.Resampling.LANCZOS))

    return [
        Method(
            name="bicubic",
            scale=scale,
            kind="interpolation",
            about="torch's, with a of −0.75, as validation measures it",  # noqa: RUF001 — it is a minus sign
            enlarge=lambda lr: bicubic_of(lr, scale),
        ),
        Method(name="lanczos", scale=scale, kind="interpolation", about="Pillow's", enlarge=lanczos),
    ]


def _model(name: str, file: Path, kind: Kind, about: str) -> Method:
    upscaler = open_upscaler(file, device="cpu", precision="32", tile=None)
    return Method(
        name=name,
        scale=upscaler.scale,
        kind=kind,
        about=about,
        enlarge=upscaler,
        digest=digest_of(file),
        training=_beside(file),
    )


def _beside(file: Path) -> dict[str, Any] | None:
    beside = file.with_suffix(".json")
    if not beside.is_file():
        return None
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{beside} is no JSON ({error}): it says how {file.name} was trained") from error
    return content if isinstance(content, dict) else {"content": content}
