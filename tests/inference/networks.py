"""Small networks of the field, with the weights that they start with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from spandrel.architectures.DITN import DITN
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.OmniSR import OmniSR
from spandrel.architectures.PLKSR import PLKSR, RealPLKSR
from spandrel.architectures.RCAN import RCAN
from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet2x_fast
from spandrel.architectures.SAFMN import SAFMN
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "compact": lambda: nn.Sequential(SRVGGNetCompact(num_feat=8, num_conv=4, upscale=2)),
    "deep compact": lambda: nn.Sequential(SRVGGNetCompact(num_feat=8, num_conv=32, upscale=2)),
    "rrdb x4": lambda: ESRGAN(num_filters=8, num_blocks=1, scale=4),
    "rrdb x2": lambda: ESRGAN(num_filters=8, num_blocks=2, scale=2),
    "unshuffled rrdb": lambda: ESRGAN(in_nc=12, num_filters=8, num_blocks=1, scale=4, shuffle_factor=2),
    "span": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=2),
    "plksr": lambda: PLKSR(dim=16, n_blocks=2, upscaling_factor=2, kernel_size=5),
    "realplksr": lambda: RealPLKSR(dim=16, n_blocks=1, upscaling_factor=2, kernel_size=5),
    "safmn": lambda: SAFMN(dim=16, n_blocks=1, upscaling_factor=2),
    "ditn": lambda: DITN(dim=16, ITL_blocks=1, SAL_blocks=1, upscale=2),
    "swinir": lambda: SwinIR(
        embed_dim=12, depths=[2], num_heads=[2], window_size=4, upscale=2, upsampler="pixelshuffledirect"
    ),
    "omnisr": lambda: OmniSR(num_feat=16, block_num=1, res_num=1, up_scale=2),
    "rcan": lambda: RCAN(scale=2, n_resgroups=1, n_resblocks=1, n_feats=16, rgb_range=1),
    "realcugan": lambda: UpCunet2x(),
    "fast realcugan": lambda: UpCunet2x_fast(),
}


def build(name: str) -> nn.Module:
    """In evaluation mode, the same each time."""
    torch.manual_seed(0)
    return NETWORKS[name]().eval()
