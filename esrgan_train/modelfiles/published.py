"""The published layout of compact models: options read from weights, and the two forms of an activation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from esrgan_train.archs.srvgg_arch import LEAKY_SLOPE

FIXED_SLOPES = {"relu": 0.0, "leakyrelu": LEAKY_SLOPE}


def srvgg_options(state_dict: Mapping[str, Tensor]) -> dict[str, object] | None:
    """The arguments of ``SRVGGNetCompact`` that its weights show, or None if these are another network's.

    ``act_type`` is among them only if the weights hold slopes (then it is ``prelu``): relu and leakyrelu do not
    show in weights.
    """
    if not all(re.fullmatch(r"body\.\d+\.(weight|bias)", name) for name in state_dict):
        return None
    convs = {name: tensor.shape for name, tensor in state_dict.items() if tensor.dim() == 4}
    count = len(convs)
    names = [f"body.{2 * index}.weight" for index in range(count)]
    if count < 2 or set(names) != set(convs) or any(0 in shape for shape in convs.values()):
        return None
    num_feat, num_in_ch = convs[names[0]][:2]
    channels = convs[names[-1]][0]
    hidden = [convs[name] for name in names[1:-1]]
    if convs[names[-1]][1] != num_feat or any(shape[:2] != (num_feat, num_feat) for shape in hidden):
        return None
    for num_out_ch in (num_in_ch, 3, 4):  # the input is added to the output: equal channels, or one for all
        upscale = math.isqrt(channels // num_out_ch)
        if num_out_ch * upscale**2 == channels and upscale and num_in_ch in (1, num_out_ch):
            break
    else:
        return None
    options: dict[str, object] = {
        "num_in_ch": num_in_ch,
        "num_out_ch": num_out_ch,
        "num_feat": num_feat,
        "num_conv": count - 2,
        "upscale": upscale,
    }
    if "body.1.weight" in state_dict:
        options["act_type"] = "prelu"
    return options


def unet_sn_options(state_dict: Mapping[str, Tensor]) -> dict[str, object] | None:
    """The arguments of ``UNetDiscriminatorSN`` that its weights show, or None if these are another network's."""
    normalize_ends = "conv0.weight_orig" in state_dict
    first = state_dict.get("conv0.weight_orig" if normalize_ends else "conv0.weight")
    if first is None or first.dim() != 4 or "conv1.weight_orig" not in state_dict:
        return None
    return {"num_in_ch": first.shape[1], "num_feat": first.shape[0], "normalize_ends": normalize_ends}


def to_published(state_dict: Mapping[str, Tensor], *, act_type: str) -> dict[str, Tensor]:
    """A compact model's weights as all programs of the field read them: with PReLU slopes.

    relu becomes slope 0 and leakyrelu slope 0.1, so outputs stay equal; the metadata must then say
    ``act_type: prelu``. Tensors are not copied.
    """
    if act_type not in FIXED_SLOPES:
        return dict(state_dict)
    out: dict[str, Tensor] = {}
    last = max(_layer(name) for name in state_dict)
    for name, tensor in state_dict.items():
        out[name] = tensor
        if name.endswith(".bias") and _layer(name) != last:
            out[f"body.{_layer(name) + 1}.weight"] = torch.full_like(tensor, FIXED_SLOPES[act_type])
    return out


def from_published(state_dict: Mapping[str, Tensor], *, act_type: str) -> dict[str, Tensor]:
    """Undo ``to_published``: drop the slopes if all of them are those of ``act_type``, relu or leakyrelu.

    Otherwise the weights are returned unchanged.
    """
    slopes = {name for name in state_dict if _layer(name) % 2 == 1}
    fixed = FIXED_SLOPES.get(act_type)
    if fixed is None or any(bool((state_dict[name] != fixed).any()) for name in slopes):
        return dict(state_dict)
    return {name: tensor for name, tensor in state_dict.items() if name not in slopes}


def _layer(name: str) -> int:
    return int(name.split(".")[1])
