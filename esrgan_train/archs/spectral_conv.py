"""A convolution whose weight is divided by its largest singular value."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.cpu.doubled_conv import convolve_doubled
from esrgan_train.archs.cpu.weight_gradient import convolve


class SpectralConv2d(nn.Module):
    """A bias-free convolution with spectral normalization.

    Equal to ``torch.nn.utils.spectral_norm(torch.nn.Conv2d(…, bias=False))``, bit for bit, with the same random
    numbers and the same names (``weight_orig``, ``weight_u``, ``weight_v``), but for two things: the singular
    value is float32 also under autocast (on CUDA the hook's matrix-vector products would run in bf16), and a
    finished forward pass leaves nothing on the module, so that it can be copied and frees its graph.

    In training mode each forward pass first does one power iteration on the buffers ``weight_u`` (out) and
    ``weight_v`` (in·kernel²).

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018.

    Shape:
        (B, in_channels, H, W) → (B, out_channels, …) as in ``torch.nn.Conv2d``.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        bias: bool = False,
        doubles: bool = False,
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias)  # draws PyTorch's default weight
        self.stride = stride
        self.doubles = doubles
        self.bias = conv.bias
        self.weight_orig = conv.weight
        for name, length in (("weight_u", out_channels), ("weight_v", in_channels * kernel_size**2)):
            self.register_buffer(name, F.normalize(conv.weight.new_empty(length).normal_(), dim=0, eps=1e-12))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the normalized weight."""
        with torch.autocast(x.device.type, enabled=False):
            weight = self.weight_orig / self._largest_singular_value()
        if self.doubles:
            return convolve_doubled(x, weight)
        return convolve(x, weight, self.bias, stride=self.stride)

    def _largest_singular_value(self) -> Tensor:
        matrix = self.weight_orig.flatten(1)  # (out, in·kernel²)
        if self.training:
            with torch.no_grad():
                self.weight_v.copy_(F.normalize(torch.mv(matrix.t(), self.weight_u), dim=0, eps=1e-12))
                self.weight_u.copy_(F.normalize(torch.mv(matrix, self.weight_v), dim=0, eps=1e-12))
        # Copies, since the next forward pass changes the buffers before this one's gradient is computed.
        u, v = self.weight_u.clone(), self.weight_v.clone()
        return torch.dot(u, torch.mv(matrix, v))
