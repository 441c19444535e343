from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from basicsr.metrics import calculate_psnr, calculate_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from esrgan_train.metrics.image_quality import MAX_PSNR, ImageQuality, psnr, psnr_y, ssim, ssim_y

PHOTOS = {
    "astronaut": skimage.data.astronaut()[:121, 140:300],
    "coffee": skimage.data.coffee()[100:200, 100:233],
    "chelsea": skimage.data.chelsea()[60:160, 80:180],
}
BORDERS = (0, 2, 4)
SSIM_TOLERANCE = 2e-5  # float32 on the CPU; papers print four digits


def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A photograph and a blurred, noisy copy: uint8, HWC, RGB."""
    hr = np.ascontiguousarray(PHOTOS[name])
    noise = np.random.default_rng(0).normal(0, 6, hr.shape)
    return (cv2.GaussianBlur(hr, (0, 0), 1.2) + noise).clip(0, 255).round().astype(np.uint8), hr


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("border", BORDERS)
def test_values_equal_the_published_ones(name, border):
    sr, hr = pair(name)
    bgr = sr[..., ::-1], hr[..., ::-1]  # the published code reads images as OpenCV does
    args = tensor(sr), tensor(hr), border
    assert psnr(*args).item() == pytest.approx(calculate_psnr(*bgr, border), abs=2e-5)
    assert ssim(*args).item() == pytest.approx(calculate_ssim(*bgr, border), abs=SSIM_TOLERANCE)
    assert psnr_y(*args).item() == pytest.approx(calculate_psnr(*bgr, border, test_y_channel=True), abs=2e-5)
    assert ssim_y(*args).item() == pytest.approx(
        calculate_ssim(*bgr, border, test_y_channel=True), abs=SSIM_TOLERANCE
    )


@pytest.mark.parametrize("name", PHOTOS)
def test_values_equal_scikit_images(name):
    sr, hr = pair(name)
    assert psnr(tensor(sr), tensor(hr), 0).item() == pytest.approx(peak_signal_noise_ratio(hr, sr), abs=2e-5)
    full = structural_similarity(
        hr.astype(np.float64),
        sr.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
        full=True,
    )[1]
    assert ssim(tensor(sr), tensor(hr), 0).item() == pytest.approx(full[5:-5, 5:-5].mean(), abs=SSIM_TOLERANCE)


def test_images_are_clamped_and_rounded_first():
    hr = torch.zeros(1, 3, 16, 16)
    assert psnr(hr - 0.3, hr, 0).item() == MAX_PSNR
    assert psnr(hr + 0.4 / 255, hr, 0).item() == MAX_PSNR
    assert psnr(hr + 0.6 / 255, hr, 0).item() == pytest.approx(20 * np.log10(255))
    assert psnr(hr + 7, hr, 0).item() == pytest.approx(0)


def test_identical_images_stay_finite():
    image = torch.rand(2, 3, 20, 24)
    assert psnr(image, image, 2).tolist() == psnr_y(image, image, 2).tolist() == [MAX_PSNR, MAX_PSNR]
    torch.testing.assert_close(ssim(image, image, 2), torch.ones(2))


def test_a_failed_network_does_not_look_perfect():
    image = torch.rand(1, 3, 16, 16)
    assert psnr(image * float("nan"), image, 0).isnan().all()


def test_the_border_does_not_count():
    hr = torch.rand(1, 3, 24, 24)
    sr = 1 - hr
    sr[..., 4:-4, 4:-4] = hr[..., 4:-4, 4:-4]
    assert psnr(sr, hr, 4).item() == MAX_PSNR
    assert psnr(sr, hr, 3).item() < 40


@pytest.mark.parametrize(
    ("size", "border", "words"),
    [((8, 30), 4, "8×30 is too small to cut a border of 4"), ((18, 30), 4, "there are 10×22")],
)
def test_small_images_are_refused(size, border, words):
    image = torch.rand(1, 3, *size)
    with pytest.raises(ValueError, match=words):
        ssim(image, image, border)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="of one shape"):
        psnr(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 17), 0)


def test_the_metric_averages_over_images_of_all_sizes():
    metric, expected = ImageQuality(border=2), []
    for name in PHOTOS:
        sr, hr = (tensor(image) for image in pair(name))
        metric.update(sr, hr)
        expected.append([function(sr, hr, 2).item() for function in (psnr, ssim, psnr_y, ssim_y)])
    actual = metric.compute()
    assert list(actual) == ["psnr", "ssim", "psnr_y", "ssim_y"]
    np.testing.assert_allclose([value.item() for value in actual.values()], np.mean(expected, 0), rtol=1e-6)
    metric.reset()
    assert metric.count == 0


def test_a_batch_counts_as_its_images():
    sr, hr = (tensor(image) for image in pair("chelsea"))
    batch, single = ImageQuality(border=4), ImageQuality(border=4)
    batch.update(torch.cat([sr, hr]), torch.cat([hr, hr]))
    single.update(sr, hr)
    single.update(hr, hr)
    for name, value in batch.compute().items():
        torch.testing.assert_close(value, single.compute()[name])


def test_two_processes_states_add_up():
    sr, hr = (tensor(image) for image in pair("coffee"))
    one, two, both = (ImageQuality(border=4) for _ in range(3))
    for metric, image in ((one, sr), (two, hr), (both, sr), (both, hr)):
        metric.update(image, hr)
    one.sums, one.count = one.sums + two.sums, one.count + two.count  # what the sum over processes does
    assert {kind.__name__ for kind in one._reductions.values()} == {"dim_zero_sum"}
    one._computed = None
    for name, value in one.compute().items():
        torch.testing.assert_close(value, both.compute()[name])


def test_autocast_does_not_change_the_values():
    args = *(tensor(image) for image in pair("astronaut")), 4
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = ssim(*args), psnr(*args)
    assert torch.equal(torch.cat(under_autocast), torch.cat((ssim(*args), psnr(*args))))
