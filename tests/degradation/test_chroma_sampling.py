from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from lr_statistics import crop

from esrgan_train.degradation.chroma_sampling import SITINGS, subsample, supersample
from esrgan_train.degradation.planes import Layout, from_planes, pad, to_planes
from esrgan_train.degradation.yuv import to_yuv

# Where the first sample lies among the pixels: (row, column)
PLACES = {"left": (0.5, 0.0), "centre": (0.5, 0.5), "topleft": (0.0, 0.0)}


def ramp(height: int, width: int) -> np.ndarray:
    """Its two channels are the row and the column."""
    return np.moveaxis(np.mgrid[:height, :width], 0, -1).astype(np.float32)


@pytest.mark.parametrize("siting", SITINGS)
def test_samples_lie_where_the_siting_says(siting: str):
    sampled = subsample(ramp(16, 20), "yuv420p", siting)
    assert sampled.shape == (8, 10, 2)
    expected = np.moveaxis(np.mgrid[:8, :10], 0, -1) * 2 + PLACES[siting]
    np.testing.assert_allclose(sampled[1:, 1:], expected[1:, 1:], atol=1e-6)  # the edges are continued


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("format_", ["yuv420p", "yuv422p", "yuv444p"])
def test_a_ramp_comes_back_where_it_was(siting: str, format_: str):
    back = supersample(subsample(ramp(16, 20), format_, siting), format_, siting, nearest=False)
    np.testing.assert_allclose(back[2:-2, 2:-2], ramp(16, 20)[2:-2, 2:-2], atol=1e-5)


def test_reading_by_another_siting_shifts_by_half_a_pixel():
    back = supersample(subsample(ramp(16, 20), "yuv420p", "left"), "yuv420p", "centre", nearest=False)
    shift = (back - ramp(16, 20))[4:-4, 4:-4]
    np.testing.assert_allclose(shift, np.broadcast_to([0, -0.5], shift.shape), atol=1e-5)


def test_centred_samples_are_means_and_enlarged_as_opencv_does():
    chroma = np.random.default_rng(0).random((12, 16, 2), dtype=np.float32)
    sampled = subsample(chroma, "yuv420p", "centre")
    np.testing.assert_allclose(sampled, cv2.resize(chroma, (8, 6), interpolation=cv2.INTER_AREA), atol=1e-6)
    enlarged = supersample(sampled, "yuv420p", "centre", nearest=False)
    np.testing.assert_allclose(enlarged, cv2.resize(sampled, (16, 12)), atol=1e-6)
    repeated = supersample(sampled, "yuv420p", "centre", nearest=True)
    np.testing.assert_array_equal(repeated, cv2.resize(sampled, (16, 12), interpolation=cv2.INTER_NEAREST))


def test_a_photograph_gets_the_planes_of_swscale():
    image = crop(0, 96)
    ours = to_planes(to_yuv(image, "bt709", full_range=False), Layout("yuv420p", "left"))
    frame = av.VideoFrame.from_ndarray(np.rint(image * 255).clip(0, 255).astype(np.uint8), format="rgb24")
    theirs = frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    ).to_ndarray()
    np.testing.assert_allclose(ours[0], theirs[:96], atol=1)
    for plane, other in zip(ours[1:], theirs[96:].reshape(2, 48, 48), strict=True):
        assert np.abs(plane.astype(int) - other).mean() < 0.6  # filters of chroma differ


@pytest.mark.parametrize("format_", ["yuv420p", "yuv422p", "yuv444p"])
def test_planes_keep_a_gray_picture(format_: str):
    yuv = to_yuv(np.repeat(crop(0, 32)[..., :1], 3, -1), "bt601", full_range=False)
    back = from_planes(to_planes(yuv, Layout(format_, "left")), Layout(format_, "left"), nearest=False)
    np.testing.assert_allclose(back, yuv, atol=0.501)


@pytest.mark.parametrize(
    ("shape", "least", "padded"), [((1, 1), 2, (2, 2)), ((3, 4), 2, (4, 4)), ((5, 90), 64, (64, 90))]
)
def test_padding_repeats_the_edge(shape: tuple[int, int], least: int, padded: tuple[int, int]):
    image = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    result = pad(image, least)
    assert result.shape == (*padded, 3)
    np.testing.assert_array_equal(result[: shape[0], : shape[1]], image)
    np.testing.assert_array_equal(result[-1, -1], image[-1, -1])
