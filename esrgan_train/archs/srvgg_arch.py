"""The compact generator of Real-ESRGAN (realesr-animevideov3, realesr-general-x4v3)."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.cpu.prelu import PReLU
from esrgan_train.archs.discovery import generator
from esrgan_train.archs.eager import is_eager
from esrgan_train.bounds import Count, WholeNumber, bounded
from esrgan_train.errors import UserError

LEAKY_SLOPE = 0.1
Activation = Literal["prelu", "relu", "leakyrelu"]
ACTIVATIONS = get_args(Activation)


@generator("srvgg")
class SRVGGNetCompact(nn.Module):
    """A plain stack of 3×3 convolutions at low resolution, added to the nearest-neighbour enlargement.

    Parameters (names, shapes and order) and the constructor's arguments are those of the published network.

    Source: Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
    2021, and its repository.

    Shape:
        (B, num_in_ch, H, W) → (B, num_out_ch, H·upscale, W·upscale). Values are meant to lie in [0, 1]; the
        output is not clamped.
    """

    casts_at_once = True  # its layers' weights, see ``training.casting``

    @bounded
    def __init__(
        self,
        num_in_ch: Count = 3,
        num_out_ch: Count = 3,  # equals num_in_ch unless that is 1
        num_feat: Count = 64,  # channels of the hidden layers
        num_conv: WholeNumber = 16,  # hidden convolutions between the first and the last one
        upscale: Count = 4,
        act_type: Activation = "prelu",  # one learnt slope per channel; leakyrelu has slope 0.1
    ) -> None:
        super().__init__()
        if num_in_ch not in (1, num_out_ch):
            raise UserError(
                f"num_out_ch={num_out_ch} does not fit num_in_ch={num_in_ch}: the enlarged input is added to "
                f"the output; give num_out_ch={num_in_ch}"
            )
        self.num_in_ch = num_in_ch
        self.num_out_ch = num_out_ch
        self.num_feat = num_feat
        self.num_conv = num_conv
        self.upscale = upscale
        self.act_type = act_type

        body: list[nn.Module] = []
        for channels in (num_in_ch, *[num_feat] * num_conv):
            body += [nn.Conv2d(channels, num_feat, 3, padding=1), _activation(act_type, num_feat)]
        body.append(nn.Conv2d(num_feat, num_out_ch * upscale**2, 3, padding=1))
        self.body = nn.Sequential(*body)
        self.upsampler = nn.PixelShuffle(upscale)

    def forward(self, lr: Tensor) -> Tensor:
        """Return the enlarged images."""
        residual = self._residual(lr)
        # Not in place: under bf16 autocast the sum keeps the float32 of ``lr``.
        if is_eager():  # the same sums as below, without enlarging the picture
            added: Tensor = residual.unflatten(1, (self.num_out_ch, -1)) + lr.unsqueeze(2)
            return self._shuffle(added.flatten(1, 2))
        return self._shuffle(residual) + F.interpolate(lr, scale_factor=float(self.upscale), mode="nearest")

    def _residual(self, lr: Tensor) -> Any:
        return self.body(lr)  # (B, num_out_ch·upscale², h, w)

    def _shuffle(self, phases: Tensor) -> Tensor:
        enlarged: Tensor = self.upsampler(phases)
        return enlarged


def _activation(act_type: Activation, num_feat: int) -> nn.Module:
    if act_type == "prelu":
        return PReLU(num_feat)
    # In place is safe after a convolution, which needs only its input for its gradient.
    return nn.ReLU(inplace=True) if act_type == "relu" else nn.LeakyReLU(LEAKY_SLOPE, inplace=True)
