"""The divisors of JPEG's frequencies by quality."""

from __future__ import annotations

import torch
from torch import Tensor

# ITU-T T.81, Annex K; of quality 50.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)
_UNIT = (_LUMA,) * 4 + (_CHROMA,) * 2


def all_divisors() -> Tensor:
    """libjpeg's, of a unit's six blocks by quality: (101, 6, 8, 8) int32 from 1 to 255; 0 counts as quality 1."""
    quality = torch.arange(101).clamp(min=1)
    percent = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality).view(-1, 1, 1, 1)
    return ((torch.tensor(_UNIT) * percent + 50) // 100).clamp(1, 255).int()
