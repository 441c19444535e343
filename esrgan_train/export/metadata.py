"""What every exported file says of itself."""

from __future__ import annotations

from typing import Any

from esrgan_train import __version__
from esrgan_train.modelfiles.published import srvgg_options
from esrgan_train.modelfiles.weights import ModelFile


def metadata_of(model: ModelFile, *, upscale: int, licence: str | None) -> dict[str, Any]:
    """All that the model file says, and what it leaves out but its weights tell.

    Args:
        model: the file that is exported.
        upscale: as the network itself enlarges.
        licence: the user's words; None keeps those of the file, if it has any.
    """
    said = dict(model.metadata)
    if model.arch is None and model.target is None and srvgg_options(model.state_dict) is not None:
        said |= {"arch": "srvgg", "options": srvgg_options(model.state_dict)}
    said |= {"upscale": upscale, "exported_by": f"esrgan_train {__version__}"}
    return said if licence is None else said | {"licence": licence}


def name_of(model: ModelFile) -> str:
    """A checkpoint is called like the model of its run, since its own name is ``last`` or ``best``."""
    name = model.metadata.get("name", model.metadata.get("experiment"))  # the latter in files of earlier versions
    return name if model.path.suffix.lower() == ".ckpt" and isinstance(name, str) else model.path.stem
