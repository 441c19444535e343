"""esrgan_train: train your own real-time upscaler with PyTorch Lightning and Hydra.

For Python: ``load_generator``, ``upscale``, ``config.compose_config``, ``config.check`` and ``train.train``. They
are imported when they are first asked for, so that the package itself needs no torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = ("config", "errors", "train", "upscale")  # the last can be called


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "load_generator":
        return importlib.import_module(f"{__name__}.inference.models").load_generator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, "load_generator"])
