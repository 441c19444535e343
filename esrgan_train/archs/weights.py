"""Reads and writes generators in the field's file formats and in this framework's checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from esrgan_train.archs.published import to_published
from esrgan_train.archs.tensor_files import (
    SUFFIXES,
    TORCH_SUFFIXES,
    read_safetensors,
    read_torch,
    write_safetensors,
    write_torch,
)
from esrgan_train.errors import UserError

METADATA_KEY = "esrgan_train"
# In the order of preference: the averaged generator of our checkpoints, then the raw one.
CHECKPOINT_PREFIXES = ("ema.module.", "generator.")
DISCRIMINATOR_PREFIXES = ("discriminator.",)


@dataclass(frozen=True)
class ModelFile:
    """A generator's weights as read from a file.

    Attributes:
        path: where they were read.
        state_dict: float32 tensors on the CPU, independent of the file.
        arch: the name the architecture was discovered by, where the file says so.
        options: the constructor's arguments, where the file says so.
        metadata: all that the file says, ``arch`` and ``options`` included.
    """

    path: Path
    state_dict: dict[str, Tensor]
    arch: str | None = None
    options: dict[str, object] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)


def load_weights(path: str | Path, *, prefixes: Sequence[str] = CHECKPOINT_PREFIXES) -> ModelFile:
    """Read a generator from a ``.pth``, ``.safetensors`` or ``.ckpt`` file; no code in it is ever run.

    Of a published ``.pth``, ``params_ema`` is preferred to ``params``; of our checkpoint, the averaged
    generator to the raw one. With ``DISCRIMINATOR_PREFIXES`` the discriminator is read likewise.

    Args:
        path: the file.
        prefixes: of the wanted network's weights in our checkpoints, in the order of preference.

    Raises:
        UserError: the file cannot be read or holds no such network.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is no model file that can be read; give one of {', '.join(SUFFIXES)}")
    if suffix in TORCH_SUFFIXES:
        content = read_torch(path)
        found, metadata = _network_in(path, content, prefixes), content.get(METADATA_KEY)
        if isinstance(metadata, dict) and isinstance(content.get("global_step"), int):
            metadata = {**metadata, "iterations": content["global_step"]}  # a checkpoint has its own count
    else:
        tensors, header = read_safetensors(path)
        found, metadata = dict(tensors), header.get(METADATA_KEY)
    return _model_file(path, found, metadata)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a whole training checkpoint, tensors on the CPU; no code in it is ever run.

    Raises:
        UserError: the file cannot be read or is no checkpoint.
    """
    content = read_torch(Path(path))
    if not isinstance(content.get("state_dict"), dict) or not isinstance(content.get("global_step"), int):
        raise UserError(f"{path} is no training checkpoint; give a .ckpt, or use init_from for a model's weights")
    return content


def save_model(path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]) -> None:
    """Write a generator as ``.pth`` or ``.safetensors``, by the path's suffix, so that others can open it.

    A compact model is written in the published form (``published.to_published``), and the metadata say so.

    Args:
        path: replaced in one step.
        state_dict: the generator's own.
        metadata: ``arch`` (the discovered name or None), ``options`` (the constructor's arguments) and other
            plain values.
    """
    state_dict, metadata = published_form(state_dict, metadata)
    save = save_safetensors if Path(path).suffix.lower() == ".safetensors" else save_pth
    save(path, state_dict, metadata)


def published_form(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """A compact model's weights with PReLU slopes, and metadata that say so; others as they are."""
    options = metadata.get("options")
    if metadata.get("arch") != "srvgg" or not isinstance(options, Mapping):
        return dict(state_dict), dict(metadata)
    state_dict = to_published(state_dict, act_type=str(options.get("act_type", "prelu")))
    return state_dict, {**metadata, "options": {**options, "act_type": "prelu"}}


def save_pth(path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]) -> None:
    """Write weights (float32, CPU) as the field's ``.pth``, with ``metadata`` as JSON beside them.

    The weights stand under ``params`` alone: programs that mix two models read only that key.
    """
    content = {"params": _plain(state_dict), METADATA_KEY: json.dumps(metadata)}
    write_torch(Path(path), content)


def save_safetensors(path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]) -> None:
    """Write weights (float32, CPU) as ``.safetensors``, with ``metadata`` as JSON in the header."""
    write_safetensors(Path(path), _plain(state_dict), {METADATA_KEY: json.dumps(metadata)})


def _plain(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # A contiguous copy each: channels_last would be kept in the file, and tensors may share memory.
    return {
        name: tensor.detach().to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
        for name, tensor in state_dict.items()
    }


def _network_in(path: Path, content: dict[str, object], prefixes: Sequence[str]) -> dict[str, object]:
    for key in ("params_ema", "params"):
        if isinstance(inner := content.get(key), dict):
            return inner
    if isinstance(inner := content.get("state_dict"), dict):
        for prefix in prefixes:
            found = {name[len(prefix) :]: value for name, value in inner.items() if str(name).startswith(prefix)}
            if found:
                return found
        wanted = prefixes[-1].rstrip(".")
        raise UserError(f"{path} is a checkpoint without a {wanted}; give one that this framework has written")
    return {name: value for name, value in content.items() if name != METADATA_KEY}


def _model_file(path: Path, found: Mapping[str, object], metadata: object) -> ModelFile:
    # Strangers' weights saved from a wrapped (data-parallel) network carry this prefix.
    wrapped = metadata is None and all(str(name).startswith("module.") for name in found)
    state_dict: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not _is_plain(value):
            raise UserError(
                f"{path} holds {name!r}, which is no weight; give a file of a generator's weights alone"
            )
        state_dict[name.removeprefix("module.") if wrapped else name] = _independent(value)
    if not state_dict:
        raise UserError(f"{path} holds no weights; fetch or export it again")
    said = _parse(path, metadata)
    arch, options = said.get("arch"), said.get("options", {})
    if not (arch is None or isinstance(arch, str)) or not isinstance(options, dict):
        raise UserError(f"{path} names no architecture in its {METADATA_KEY} entry; export it again")
    return ModelFile(path, state_dict, arch, options, said)


def _is_plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_quantized
    return dense and not tensor.is_complex() and tensor.device.type == "cpu"


def _independent(tensor: Tensor) -> Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(dtype, copy=True, memory_format=torch.contiguous_format)


def _parse(path: Path, metadata: object) -> dict[str, object]:
    try:
        said = json.loads(metadata) if isinstance(metadata, str) else metadata
    except json.JSONDecodeError as error:
        raise UserError(f"{path} has a damaged {METADATA_KEY} entry; export it again") from error
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise UserError(f"{path} has a damaged {METADATA_KEY} entry; export it again")
    return said
