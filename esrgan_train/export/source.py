"""What written files say of the model that is exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from esrgan_train import __version__
from esrgan_train.errors import UserError
from esrgan_train.inference.geometry import enlargement_of
from esrgan_train.modelfiles.published import srvgg_options
from esrgan_train.modelfiles.weights import ModelFile

_CHROMA = "not enlarged: the model takes luma, BT.601 in full range, and the program enlarges Cb and Cr (bicubic)"


def metadata_of(
    model: ModelFile, generator: nn.Module, *, licence: str | None, authors: Sequence[str] = ()
) -> dict[str, Any]:
    """All that the model file says, and what only its weights and network show.

    Raises:
        UserError: the network does not take RGB or gray images of any size, or does not enlarge by a whole number.
    """
    try:
        upscale, multiple, channels = enlargement_of(generator)
    except UserError as error:
        raise UserError(f"{error}: it cannot be exported") from error
    if multiple > 1:
        raise UserError(
            f"{type(generator).__name__} takes only pictures whose sides are multiples of {multiple}, which other "
            "programs do not know: it cannot be exported"
        )
    said = dict(model.metadata)
    if model.arch is None and model.target is None and (options := srvgg_options(model.state_dict)) is not None:
        said |= {"arch": "srvgg", "options": options}
    if channels == 1:
        said |= {"channels": 1, "chroma": _CHROMA}
    said |= {"upscale": upscale, "exported_by": f"esrgan_train {__version__}"}
    stated = {"licence": licence, "author": list(authors)}
    return said | {name: value for name, value in stated.items() if value}


def file_name(model: ModelFile) -> str:
    """The file's own name, or for a checkpoint, which is called ``last`` or ``best``, that of its run's model."""
    name = model.metadata.get("name", model.metadata.get("experiment"))  # the latter in files of earlier versions
    return name if model.path.suffix.lower() == ".ckpt" and isinstance(name, str) else model.path.stem
