from __future__ import annotations

import numpy as np
from skimage.exposure import adjust_gamma, rescale_intensity

from esrgan_train.degradation.steps.gamma import Tones

RAMP = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, -1)


def test_gamma_and_levels_equal_scikit_image():
    np.testing.assert_allclose(Tones(1.4, 1.0, 0.0, 1.0).render(RAMP), adjust_gamma(RAMP, 1.4), atol=1e-6)
    levels = rescale_intensity(adjust_gamma(RAMP, 0.8), (0.0, 1.0), (0.05, 0.95))
    np.testing.assert_allclose(Tones(0.8, 1.0, 0.05, 0.95).render(RAMP), levels, atol=1e-6)


def test_contrast_turns_about_middle_gray():
    made = Tones(1.0, 1.5, 0.0, 1.0).render(RAMP)
    np.testing.assert_allclose(made, np.clip(0.5 + 1.5 * (RAMP - 0.5), 0, 1), atol=1e-6)


def test_limited_range_shown_as_full_and_the_reverse():
    codes = RAMP * 255
    washed, crushed = (
        Tones(1.0, 1.0, *ends).render(RAMP) for ends in ((16 / 255, 235 / 255), (-16 / 219, 239 / 219))
    )
    np.testing.assert_allclose(washed, (16 + codes * 219 / 255) / 255, atol=1e-6)
    np.testing.assert_allclose(crushed, np.clip((codes - 16) / 219, 0, 1), atol=1e-6)
