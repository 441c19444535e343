"""Compact networks that go to other programs, of every activation and upscale."""

from __future__ import annotations

import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

COMPACT = [("prelu", 1), ("prelu", 2), ("relu", 3), ("leakyrelu", 4)]


def compact(act_type: str, upscale: int) -> SRVGGNetCompact:
    torch.manual_seed(0)
    return SRVGGNetCompact(num_feat=8, num_conv=2, upscale=upscale, act_type=act_type).eval()
