from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.degradation.chain import Chain
from esrgan_train.degradation.drawing import Blur, Clamp, HostStep, Jpeg, Noise, Resize, Step
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.kernels import circular_lowpass_kernel, gaussian_kernel
from esrgan_train.degradation.planes import Layout
from esrgan_train.degradation.steps.codec import Coding
from esrgan_train.degradation.steps.reduce import Reduce, Reduction
from esrgan_train.degradation.trace import trace
from esrgan_train.degradation.words import cutoff, in_words, widths

SIZE = (48, 64)
YUV420 = Layout("yuv420p", "left")
HR = np.random.default_rng(0).random((*SIZE, 3), dtype=np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_the_last_picture_is_what_the_degradation_makes(seed: int) -> None:
    for degradation in (RealESRGANDegradation(), Chain(steps={"reduce": Reduce()})):
        made = degradation(HR, np.random.default_rng(seed))
        done = trace(HR, degradation.draw(SIZE, np.random.default_rng(seed)))
        assert np.array_equal(done[-1].image, made)


def test_what_does_nothing_is_left_out() -> None:
    blur, jpeg = Blur(gaussian_kernel(7, sigma_x=1, sigma_y=1)), Jpeg(50, False)
    done = trace(HR, (None, blur, Resize(*SIZE, "area"), Noise("gaussian", 90.0, False, 1), Clamp(), jpeg, None))
    assert [type(each.step) for each in done] == [Blur, Noise, Jpeg]
    assert all(each.before == SIZE for each in done)
    assert done[1].image.min() >= 0  # clamped before it is shown
    assert trace(HR, (None, Clamp())) == []


@dataclass(frozen=True)
class LensBlur(HostStep):
    kind: str
    radius: float
    blades: int
    soft: bool
    shift: tuple[float, float]
    key: int

    def render(self, image: Image) -> Image:
        return image.copy()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Blur(gaussian_kernel(21, sigma_x=1.4, sigma_y=1.4)), "blur 1.4 px"),
        (Blur(gaussian_kernel(21, sigma_x=0.6, sigma_y=1.8, angle=0.7)), "blur 1.8 × 0.6 px"),
        (Resize(30, 40, "bicubic"), "resize bicubic 0.62×"),
        (Resize(48, 32, "area"), "resize area 0.50× across, 1.00× down"),
        (Noise("poisson", 1.2, True, 7), "poisson noise 1.2, gray"),
        (Noise("gaussian", 12.34, False, 7), "gaussian noise 12.3"),
        (Jpeg(43, True), "JPEG quality 43"),
        (Reduction(12, 16, "lanczos"), "reduction lanczos 0.25×"),
        (Coding("h265", 31, "bt601", False, YUV420, False, 3, 1, (0.0, 1.0)), "h265 crf 31, frame 2 of 3"),
        (Coding("mpeg2", 7, "bt709", False, YUV420, False, 1, 0, (0.0, 0.0)), "mpeg2 quantiser 7, frame 1 of 1"),
        (LensBlur("disc", 2.5, 6, True, (1, 0.2), 9), "lens blur disc, radius 2.5, 6 blades, soft, shift 1 × 0.2"),
        (LensBlur("disc", 2.5, 6, False, (0.0, 0.0), 99), "lens blur disc, radius 2.5, 6 blades, shift 0 × 0"),
    ],
)  # fmt: skip
def test_a_step_in_words(step: Step, words: str) -> None:
    assert in_words(step, SIZE) == words


@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_a_low_pass_is_told_by_its_cutoff(share: float) -> None:
    kernel = circular_lowpass_kernel(21, cutoff=np.pi * share)
    assert cutoff(kernel) == pytest.approx(share, abs=0.03)
    assert in_words(Blur(kernel), SIZE).startswith("ringing low-pass")


def test_widths_are_those_that_opencv_blurs_with() -> None:
    line = cv2.getGaussianKernel(15, 1.7)
    assert widths(line @ line.T) == pytest.approx((1.7, 1.7), abs=0.01)
