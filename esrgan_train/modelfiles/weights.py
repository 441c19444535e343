"""Weights of a network, read from and written to the field's file formats; checkpoints are read too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from esrgan_train.archs.discovery import Role
from esrgan_train.errors import UserError
from esrgan_train.modelfiles import layouts
from esrgan_train.modelfiles.merging import compact_form
from esrgan_train.modelfiles.published import to_published
from esrgan_train.modelfiles.tensor_files import read_safetensors, read_torch, write_safetensors, write_torch

METADATA_KEY = "esrgan_train"
_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class ModelFile:
    """A generator's weights as read from a file, and what the file says about its network."""

    path: Path
    state_dict: dict[str, Tensor]  # on the CPU, independent of the file; real numbers are float32
    arch: str | None = None  # the name by which the network's class was discovered
    target: str | None = None  # ``module:Class`` of a class that was not discovered
    options: dict[str, object] = field(default_factory=dict)  # the constructor's arguments
    metadata: dict[str, object] = field(default_factory=dict)  # everything of that kind, the above included


def load_weights(path: str | Path, *, role: Role = "generator", branches: bool = False) -> ModelFile:
    """Read a generator from a ``.pth``, ``.pt``, ``.safetensors`` or ``.ckpt`` file; no code in it is ever run.

    In a published ``.pth``, ``params_ema`` is preferred to ``params``; in our checkpoints, the averaged generator
    to the raw one. The usual wrappers and prefixes of other trainers' files are removed (see ``layouts``).
    ``role`` says whose weights to take from a file that holds both players'. The branches of ``generator=repsr``,
    which checkpoints hold, are merged: the model is a compact one. ``branches`` keeps them.

    Raises:
        UserError: the file cannot be read or holds no such network.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UserError(f"{path} is not a model file: give one of {', '.join(_SUFFIXES)}")
    if suffix != ".safetensors":
        content = read_torch(path)
        metadata = content.pop(METADATA_KEY, None)
        if isinstance(metadata, dict) and isinstance(content.get("global_step"), int):
            metadata = {**metadata, "iterations": content["global_step"]}  # a checkpoint has its own count
    else:
        tensors, header = read_safetensors(path)
        content, metadata = dict(tensors), header.get(METADATA_KEY)
    model = _model_file(path, _network_in(path, content, role, ours=metadata is not None), metadata)
    return model if branches else merged(model)


def merged(model: ModelFile) -> ModelFile:
    """The same model as a compact one, if it is ``RepSR``'s with its branches.

    Raises:
        UserError: the branches do not fit.
    """
    try:
        state_dict, metadata = compact_form(model.state_dict, model.metadata)
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{model.path} holds branches that cannot be merged ({reason}); fetch it again") from error
    if metadata == model.metadata:
        return model
    options = metadata["options"]
    assert isinstance(options, dict)
    return replace(model, state_dict=state_dict, arch="srvgg", options=options, metadata=metadata)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a whole training checkpoint, tensors on the CPU; no code in it is ever run.

    Raises:
        UserError: the file cannot be read or is not a checkpoint.
    """
    content = read_torch(Path(path))
    if not isinstance(content.get("state_dict"), dict) or not isinstance(content.get("global_step"), int):
        raise UserError(
            f"{path} is not a training checkpoint: give a .ckpt, or use init_from for a model's weights"
        )
    return content


def save_model(path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]) -> None:
    """Write a generator as ``.pth`` or ``.safetensors``, by the path's suffix, so that others can open it.

    A compact model is written in the published form (``published.to_published``), ``generator=repsr`` with its
    branches merged as such a model too, and the metadata say so.

    The file is replaced in one step. ``metadata`` holds ``arch`` (the discovered name or None), ``options`` (the
    constructor's arguments) and other plain values.
    """
    state_dict, metadata = published_form(state_dict, metadata)
    path, weights, entry = Path(path), plain(state_dict), json.dumps(metadata)
    if path.suffix.lower() == ".safetensors":
        write_safetensors(path, weights, {METADATA_KEY: entry})
    else:  # under "params" alone: programs that mix two models read only that key
        write_torch(path, {"params": weights, METADATA_KEY: entry})


def as_written(path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]) -> ModelFile:
    """What ``load_weights`` would return for the file that ``save_model`` would write, errors included."""
    state_dict, metadata = published_form(state_dict, metadata)
    return _model_file(Path(path), state_dict, json.dumps(metadata))


def published_form(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """A compact model's weights, merged and with PReLU slopes, and metadata that say so; others unchanged."""
    state_dict, metadata = compact_form(state_dict, metadata)
    options = metadata.get("options")
    if metadata.get("arch") != "srvgg" or not isinstance(options, Mapping):
        return dict(state_dict), dict(metadata)
    state_dict = to_published(state_dict, act_type=str(options.get("act_type", "prelu")))
    return state_dict, {**metadata, "options": {**options, "act_type": "prelu"}}


def plain(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU: real numbers as float32, whole numbers and truth values in their own type.

    Each is contiguous and shares no memory with another: a file would keep ``channels_last`` and views.
    """
    return {name: _plain_copy(tensor.detach()) for name, tensor in state_dict.items()}


def _plain_copy(tensor: Tensor) -> Tensor:
    number = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.to("cpu", number, copy=True, memory_format=torch.contiguous_format)


def _network_in(path: Path, content: layouts.Entries, role: Role, *, ours: bool) -> layouts.Entries:
    inner = layouts.unwrapped(content, role)
    if not ours:  # in our files, names are the network's own, whatever they start with
        inner = layouts.bare(inner)
    try:
        if "state_dict" in content or (not ours and layouts.of_players(inner)):
            inner = layouts.player(inner, role)
        return inner if ours else layouts.bare(inner)
    except LookupError:
        raise UserError(f"{path} is a checkpoint without a {role}; give one that holds its weights") from None


def _model_file(path: Path, found: layouts.Entries, metadata: object) -> ModelFile:
    state_dict: dict[str, Tensor] = {}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not _is_plain(value):
            raise UserError(
                f"{path} holds {name!r}, which is not a weight; give a file that holds only a generator's weights"
            )
        state_dict[name] = value
    if not state_dict:
        raise UserError(f"{path} holds no weights; fetch or export it again")
    entry = _parse(path, metadata)
    arch, target, options = entry.get("arch"), entry.get("target"), entry.get("options", {})
    named = (arch is None or isinstance(arch, str)) and (target is None or isinstance(target, str))
    if not named or not isinstance(options, dict):
        raise UserError(f"{path} names no architecture in its {METADATA_KEY} entry; export it again")
    return ModelFile(path, plain(state_dict), arch, target, options, entry)  # type: ignore[arg-type]  # as named says


def _is_plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_quantized
    return dense and not tensor.is_complex() and tensor.device.type == "cpu"


def _parse(path: Path, metadata: object) -> dict[str, object]:
    with suppress(json.JSONDecodeError):
        entry = json.loads(metadata) if isinstance(metadata, str) else {} if metadata is None else metadata
        if isinstance(entry, dict):
            return entry
    raise UserError(f"{path} has a damaged {METADATA_KEY} entry; export it again")
