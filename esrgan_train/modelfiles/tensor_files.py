"""Files of tensors, read without ever running code from them, and written in one step."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from esrgan_train.errors import UserError
from esrgan_train.files import replacing


def read_torch(path: Path) -> dict[str, object]:
    """The dict in a ``.pth``, ``.pt`` or ``.ckpt`` file, tensors on the CPU.

    The tensors may be views of the file: copy those that are kept.

    Raises:
        UserError: the file is missing, empty or damaged, or holds objects (which could run code) or no dict.
    """
    _check_file(path)
    try:
        # The older format, which is not a zip archive, cannot be memory-mapped.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is damaged, or holds Python objects, which could run code, so it was not opened; "
            "fetch it again or ask its maker for a .safetensors file"
        ) from error
    except Exception as error:  # of a damaged file torch.load may raise anything
        raise UserError(f"{path} is damaged or no PyTorch file; fetch or export it again") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path} holds no named weights; give a model's .pth, .safetensors or .ckpt")
    return content


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a ``.safetensors`` file, on the CPU, and the strings of its header.

    Raises:
        UserError: the file is missing, empty or damaged.
    """
    _check_file(path)
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged or no safetensors file; fetch or export it again") from error


def write_torch(path: Path, content: Mapping[str, object], *, durable: bool = False) -> None:
    """Write a dict of tensors, numbers and strings, in one step (see ``replacing``)."""
    # An open file rather than its name, which torch.save would write into the archive.
    with replacing(path, durable=durable) as partial, _Sink(io.FileIO(partial, "w")) as file:
        try:
            torch.save(dict(content), file)
        except RuntimeError as error:
            if file.error is not None:
                raise file.error from error
            raise


class _Sink(io.BufferedWriter):
    """A file that remembers why it could not be written: torch.save raises a RuntimeError without the reason."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write contiguous CPU tensors and strings, in one step (see ``replacing``)."""
    with replacing(path) as partial:
        partial.write_bytes(safetensors.torch.save(dict(tensors), {"format": "pt", **metadata}))


def _check_file(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path} does not exist; give the path of a model file")
    if not path.is_file():
        raise UserError(f"{path} is not a file; give the path of a model file")
    if not os.access(path, os.R_OK):
        raise UserError(f"{path} cannot be read; change its permissions")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; fetch or export it again")
