"""The compact generator with parallel branches while it trains, which are one convolution whenever it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from esrgan_train.archs.casting import cast_together
from esrgan_train.archs.discovery import generator
from esrgan_train.archs.eager import is_eager
from esrgan_train.archs.srvgg_arch import Activation, SRVGGNetCompact
from esrgan_train.bounds import Count, WholeNumber, bounded

GROUPS = ("first", "hidden", "last")  # layers of one shape, in their order
_PREFIX = "branches."


def branch_kernels(narrow: Tensor, spread: Tensor, point: Tensor, identity: Tensor | None) -> Tensor:
    """The 3×3 kernels that the branches beside a 3×3 convolution amount to, for several layers of one shape.

    A 1×1 convolution without bias before a 3×3 one is the 3×3 kernel of their product; a 1×1 and a factor for each
    channel are values in the middle of a kernel.

    Shape:
        narrow (L, M, C), the 1×1 of the branch of two; spread (L, K·9, M), its 3×3, ordered by output channel,
        row, column; point (L, K, C), the 1×1; identity (L, K), where K = C → (L, K, C, 3, 3), each kernel in
        channels_last order.
    """
    layers, outputs, inputs = point.shape
    middle = point if identity is None else point + torch.diag_embed(identity)
    padded = F.pad(middle.unsqueeze(2), (0, 0, 4, 4))  # (L, K, 9, C), taps in the order of ``spread``
    kernels = torch.baddbmm(padded.view(layers, -1, inputs), spread, narrow)
    return kernels.view(layers, outputs, 3, 3, inputs).permute(0, 1, 4, 2, 3)


def has_branches(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether these weights are a ``RepSR``'s own, branches apart."""
    return any(name.startswith(_PREFIX) for name in state_dict)


def merged_state(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of ``RepSR`` as ``SRVGGNetCompact``'s: the same output, under the published names.

    Raises:
        KeyError, RuntimeError: branches are missing or have wrong shapes.
    """
    merged = {name: tensor for name, tensor in state_dict.items() if not name.startswith(_PREFIX)}
    for place, kernel in enumerate(_kernels_of(state_dict)):
        merged[f"body.{2 * place}.weight"] = merged[f"body.{2 * place}.weight"] + kernel
    return merged


def _kernels_of(state_dict: Mapping[str, Tensor]) -> Iterator[Tensor]:
    for group in GROUPS:
        prefix = f"{_PREFIX}{group}."
        found = {name.removeprefix(prefix): t for name, t in state_dict.items() if name.startswith(prefix)}
        if found:
            yield from branch_kernels(
                found["narrow"], found["spread"], found["point"], found.get("identity")
            ).unbind()


class Branches(nn.Module):
    """What is added to the 3×3 kernels of several convolutions of one shape; see ``branch_kernels``.

    They lie in one tensor each, so that merging them is a few operations, not a few for each layer. First weights
    are ``nn.Conv2d``'s; the identity's factors start at 0.
    """

    def __init__(self, layers: int, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Parameter(_uniform(layers, width, inputs, fan_in=inputs))
        self.spread = nn.Parameter(_uniform(layers, outputs * 9, width, fan_in=width * 9))
        self.point = nn.Parameter(_uniform(layers, outputs, inputs, fan_in=inputs))
        # The 3×3 beside it makes up for any start; 1 there would cost its middle values bits.
        self.identity = nn.Parameter(torch.zeros(layers, outputs)) if inputs == outputs else None

    def forward(self) -> Tensor:
        """The kernels: (layers, outputs, inputs, 3, 3)."""
        return branch_kernels(self.narrow, self.spread, self.point, self.identity)


def _uniform(*shape: int, fan_in: int) -> Tensor:
    bound = fan_in**-0.5
    return torch.empty(shape).uniform_(-bound, bound)


@generator("repsr")
class RepSR(SRVGGNetCompact):
    """``SRVGGNetCompact`` whose convolutions are sums of branches: 3×3, 1×1 before 3×3, 1×1 and identity.

    The identity has a learnt factor for each channel, and exists where a layer has as many outputs as inputs. In
    each pass the kernels are added up, in float32 and differentiably, and one convolution is computed: branches
    change how the network learns, not what it can compute nor, but for the sums, what that costs. At any time it
    is ``SRVGGNetCompact`` with the merged kernels, and model files hold that one; checkpoints hold the branches.

    A merged convolution has one bias, of the 3×3. The 1×1 before a 3×3 has none: its bias would be there inside
    the picture but not in the zeros around it, which no single kernel can imitate, and a network trained so is
    another one at the borders once it is merged.

    It starts as ``SRVGGNetCompact`` does, with the same random numbers: the 3×3 is what remains of that network's
    kernels after the other branches. Weights of a compact network are taken in the same way (``start_from``).

    Source: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021; the 1×1 before 3×3: Zhang et
    al., "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices", ACM MM 2021.

    Shape:
        as ``SRVGGNetCompact``.
    """

    casts_at_once = False  # the branches are merged in float32; ``_weights`` casts the result

    @bounded
    def __init__(
        self,
        num_in_ch: Count = 3,
        num_out_ch: Count = 3,  # equals num_in_ch unless that is 1
        num_feat: Count = 64,  # channels of the hidden layers
        num_conv: WholeNumber = 16,  # hidden convolutions between the first and the last one
        upscale: Count = 4,
        act_type: Activation = "prelu",  # one learnt slope per channel; leakyrelu has slope 0.1
        branch_ratio: Count = 2,  # channels between the 1×1 and its 3×3, in multiples of num_feat
    ) -> None:
        super().__init__(num_in_ch, num_out_ch, num_feat, num_conv, upscale, act_type)
        self.branch_ratio = branch_ratio
        width = branch_ratio * num_feat
        with torch.random.fork_rng(devices=[]):  # what is drawn later is as with a compact network
            self.branches = nn.ModuleDict({"first": Branches(1, num_in_ch, num_feat, width)})
            if num_conv:
                self.branches["hidden"] = Branches(num_conv, num_feat, num_feat, width)
            self.branches["last"] = Branches(1, num_feat, num_out_ch * upscale**2, width)
        self.start_from(super().state_dict())

    @torch.no_grad()
    def start_from(self, state_dict: Mapping[str, Tensor]) -> None:
        """Become a compact network, given by its weights: 3×3 kernels take what remains after the branches.

        Raises:
            KeyError, RuntimeError: they are another network's.
        """
        for name, weight in self.body.named_parameters(prefix="body"):
            weight.copy_(state_dict[name])
        for conv, kernel in zip(self._convolutions(), self._branch_kernels(), strict=True):
            conv.weight -= kernel

    @torch.no_grad()
    def folded(self) -> SRVGGNetCompact:
        """The same network as a plain one: a copy, with the merged kernels, on the same device."""
        options = (self.num_in_ch, self.num_out_ch, self.num_feat, self.num_conv, self.upscale, self.act_type)
        with torch.device("meta"):  # draws no random numbers
            plain = SRVGGNetCompact(*options)
        weights = {name: weight.detach().clone() for name, weight in merged_state(self.state_dict()).items()}
        plain.load_state_dict(weights, assign=True)
        return plain.train(self.training)

    def _residual(self, lr: Tensor) -> Any:
        return functional_call(self.body, self._weights(lr.device.type), (lr,), tie_weights=False)

    def _weights(self, device_type: str) -> dict[str, Tensor]:
        """What the layers of ``body`` compute with, by their names there; under autocast in its precision."""
        with torch.autocast(device_type, enabled=False):
            kernels = torch._foreach_add([conv.weight for conv in self._convolutions()], self._branch_kernels())
        places = (name for name, layer in self.body.named_children() if isinstance(layer, nn.Conv2d))
        merged = {f"{name}.weight": kernel for name, kernel in zip(places, kernels, strict=True)}
        if not (is_eager() and torch.is_autocast_enabled(device_type)):
            return merged
        weights = {**dict(self.body.named_parameters()), **merged}
        cast = cast_together(torch.get_autocast_dtype(device_type), *weights.values())
        return dict(zip(weights, cast, strict=True))

    def _convolutions(self) -> list[nn.Conv2d]:
        return [layer for layer in self.body if isinstance(layer, nn.Conv2d)]

    def _branch_kernels(self) -> list[Tensor]:
        return list(chain.from_iterable(group().unbind() for group in self.branches.values()))
