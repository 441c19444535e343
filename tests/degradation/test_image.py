from __future__ import annotations

import numpy as np
import torch

from esrgan_train.degradation.image import to_levels
from esrgan_train.images.decode import to_float


def test_rounds_and_clamps_as_the_published_code_does():
    values = np.random.default_rng(0).uniform(-0.3, 1.3, (50, 40, 3)).astype(np.float32)
    expected = torch.clamp((torch.from_numpy(values) * 255).round(), 0, 255) / 255
    np.testing.assert_array_equal(to_float(to_levels(values)), expected.numpy())


def test_every_level_survives_the_round_trip():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_levels(to_float(levels)), levels)
