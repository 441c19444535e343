"""Packages that only the export needs."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from esrgan_train.errors import UserError

NEEDED = {
    "pth": ("spandrel",),
    "safetensors": ("spandrel",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "ncnn": ("pnnx", "ncnn"),
}


def check_packages(formats: Iterable[str]) -> None:
    """Make sure, before any work, that each format can be written and run.

    Raises:
        UserError: naming the missing packages.
    """
    needed = dict.fromkeys(package for name in formats for package in NEEDED[name])
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        raise UserError(
            f"--format {' '.join(formats)} needs {', '.join(missing)}: pip install 'esrgan-train[export]'"
        )
