"""A compact network's first weights from another's, of any scale, depth or activation, and the same width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.images.colour import BT601
from esrgan_train.modelfiles.published import from_published, to_published


@dataclass
class Derived:
    """Weights under a network's names; which of the file's were used, and how others were made from them."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    words: dict[str, list[str]] = field(default_factory=dict)  # how → names of the weights made so

    def take(self, name: str, tensor: Tensor, *, source: str | None = None, how: str = "") -> None:
        """Give the weight ``name``; ``source`` is the file's name of what it is made of."""
        self.weights[name] = tensor
        if source is not None:
            self.used.add(source)
        if how:
            self.words.setdefault(how, []).append(name)


def derive(
    network: SRVGGNetCompact, state_dict: Mapping[str, Tensor], options: Mapping[str, object], *, name: str
) -> Derived:
    """Match layers by their place: first convolution, hidden ones from the front, last one.

    - Another scale: the last convolution makes the pixels that an LR pixel becomes, so an area filter of these is
      one of its channels; the nearest-neighbour enlargement that is added is constant there. The network starts as
      the file's output resized by area: exactly, without rounding to pixels.
    - More convolutions: those behind the file's start as identity with slope 1 and change nothing (Chen et al.,
      "Net2Net: Accelerating Learning via Knowledge Transfer", ICLR 2016); under leakyrelu, all but nothing.
    - Fewer: the file's last hidden ones are left out.
    - Gray from RGB: for the same gray in all channels, the luma of the file's output; RGB from gray: luma goes in,
      and the same residual is added to all channels.

    Args:
        network: takes the weights later; it stays as it is.
        state_dict: of a compact network, in either form of the activation.
        options: its constructor's arguments; ``act_type`` may be missing.
        name: the file or option, for the message.

    Raises:
        UserError: another width, or other channels than gray and RGB.
    """
    _check(network, options, name)
    out = Derived()
    state = _with_activation(network, state_dict, options)
    out.used |= {key for key in state_dict if key not in state}  # fixed slopes, which the activation has
    theirs, ours = int(str(options["num_conv"])), network.num_conv
    for place in range(min(theirs, ours) + 1):
        _take_layer(out, network, state, place)
    for place in range(theirs + 1, ours + 1):
        _add_identity(out, network, place)
    _take_last(out, network, state, theirs, int(str(options["upscale"])))
    return out


def area_weights(outputs: int, inputs: int) -> Tensor:
    """How much of each of ``inputs`` equal parts of a length lies in each of ``outputs`` parts.

    Shape:
        (outputs, inputs); rows sum to 1.
    """
    edges = torch.arange(outputs + 1, dtype=torch.float64) * inputs  # in units of 1 / (outputs · inputs)
    parts = torch.arange(inputs + 1, dtype=torch.float64) * outputs
    low = torch.maximum(edges[:-1, None], parts[None, :-1])
    high = torch.minimum(edges[1:, None], parts[None, 1:])
    return ((high - low).clamp(min=0) / inputs).float()


def _check(network: SRVGGNetCompact, options: Mapping[str, object], name: str) -> None:
    if options["num_feat"] != network.num_feat:
        raise UserError(
            f"{name} has num_feat={options['num_feat']}, and no layer of it fits num_feat={network.num_feat}: "
            f"give generator.num_feat={options['num_feat']}, or give the file as teacher instead"
        )
    for key in ("num_in_ch", "num_out_ch"):
        pair = {options[key], getattr(network, key)}
        if len(pair) > 1 and pair != {1, 3}:
            raise UserError(
                f"{name} has {key}={options[key]}, and only gray and RGB are made from each other: "
                f"give generator.{key}={options[key]}"
            )


def _with_activation(
    network: SRVGGNetCompact, state_dict: Mapping[str, Tensor], options: Mapping[str, object]
) -> dict[str, Tensor]:
    """The file's weights in the form of the network's activation, as far as that is known."""
    if "body.1.weight" in state_dict:
        return from_published(state_dict, act_type=network.act_type)
    if network.act_type != "prelu":
        return dict(state_dict)
    return to_published(state_dict, act_type=str(options.get("act_type")))


def _take_layer(out: Derived, network: SRVGGNetCompact, state: Mapping[str, Tensor], place: int) -> None:
    weight, bias, slope = f"body.{2 * place}.weight", f"body.{2 * place}.bias", f"body.{2 * place + 1}.weight"
    mixed, how = _mix_input(state[weight], network.num_in_ch) if place == 0 else (state[weight], "")
    out.take(weight, mixed, source=weight, how=how)
    out.take(bias, state[bias], source=bias)
    if network.act_type == "prelu" and slope in state:
        out.take(slope, state[slope], source=slope)


def _mix_input(weight: Tensor, channels: int) -> tuple[Tensor, str]:
    if weight.shape[1] == channels:
        return weight, ""
    if channels == 1:
        return weight.sum(dim=1, keepdim=True), "RGB summed for gray"
    return weight * weight.new_tensor(BT601)[:, None, None], "gray as luma of RGB"


def _add_identity(out: Derived, network: SRVGGNetCompact, place: int) -> None:
    how, width = "added as identity", network.num_feat
    out.take(f"body.{2 * place}.weight", nn.init.dirac_(torch.empty(width, width, 3, 3)), how=how)
    out.take(f"body.{2 * place}.bias", torch.zeros(width), how=how)
    if network.act_type == "prelu":
        out.take(f"body.{2 * place + 1}.weight", torch.ones(width), how=how)


def _take_last(
    out: Derived, network: SRVGGNetCompact, state: Mapping[str, Tensor], convs: int, scale: int
) -> None:
    source, target = f"body.{2 * (convs + 1)}", f"body.{2 * (network.num_conv + 1)}"
    resize = area_weights(network.upscale, scale)
    for kind in ("weight", "bias"):
        phases = state[f"{source}.{kind}"]
        phases = phases.view(-1, scale, scale, *phases.shape[1:])  # (channels, scale, scale, …)
        words = []
        if network.upscale != scale:
            phases = torch.einsum("ia,jb,cab...->cij...", resize, resize, phases)
            words.append(f"×{network.upscale} from ×{scale} by area")
        if len(phases) != network.num_out_ch:
            phases = _mix_output(phases, network.num_out_ch)
            words.append("luma of RGB" if network.num_out_ch == 1 else "gray for all channels")
        out.take(f"{target}.{kind}", phases.flatten(0, 2), source=f"{source}.{kind}", how=", ".join(words))


def _mix_output(phases: Tensor, channels: int) -> Tensor:
    if channels == 1:
        return torch.einsum("c,c...->...", phases.new_tensor(BT601), phases)[None]
    return phases.expand(channels, *phases.shape[1:])
