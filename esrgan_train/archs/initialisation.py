"""Initial weights with which a compact network learns from the first iteration on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

SLOPE = 0.25  # of PReLU at the start
LAST_SCALE = 0.01


@torch.no_grad()
def start_as_bilinear(network: SRVGGNetCompact) -> None:
    """Make a compact network start as bilinear enlargement, with the picture available in every layer.

    With PyTorch's default weights, each layer more than halves the picture's share of the signal. After the
    compact network's 17 layers it is below the optimizer's epsilon, and training stalls at first. Here the first
    channels of each hidden layer pass the picture on unchanged (it is not negative, so activations keep it), and
    the last convolution adds to the nearest-neighbour enlargement what makes it a bilinear one. The other
    channels are He-normal, and their share in the output starts small.

    Source of the scale: He et al., "Delving deep into rectifiers", ICCV 2015. A network with fewer hidden
    channels than the picture has starts He-normal alone. With branches, their sum starts so.
    """
    if isinstance(network, RepSR):
        plain = network.folded()
        start_as_bilinear(plain)
        network.start_from(plain.state_dict())
        return
    *hidden, last = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    for conv in (*hidden, last):
        nn.init.kaiming_normal_(conv.weight, a=SLOPE)
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
    last.weight.mul_(LAST_SCALE)
    carried = network.num_in_ch
    if network.num_feat < carried:
        return
    for conv in hidden:
        conv.weight[:carried] = 0.0
        for channel in range(carried):
            conv.weight[channel, channel, 1, 1] = 1.0
    kernels = bilinear_minus_nearest(network.upscale).flatten(0, 1)  # (upscale², 3, 3)
    last.weight[:, :carried] = 0.0
    for channel in range(network.num_out_ch):
        source = channel if carried == network.num_out_ch else 0
        rows = slice(channel * network.upscale**2, (channel + 1) * network.upscale**2)
        last.weight[rows, source] = kernels


def bilinear_minus_nearest(upscale: int) -> Tensor:
    """The 3×3 kernel of each output phase, (upscale, upscale, 3, 3), with align_corners=False."""
    offset = (torch.arange(upscale) + 0.5) / upscale - 0.5  # of the phase from the middle of its LR pixel
    taps = torch.stack([(-offset).clamp(min=0), 1 - offset.abs(), offset.clamp(min=0)], dim=1)
    kernels = torch.einsum("ia,jb->ijab", taps, taps)
    kernels[:, :, 1, 1] -= 1
    return kernels
