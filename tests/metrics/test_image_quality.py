from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from basicsr.metrics import calculate_psnr, calculate_ssim
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchmetrics.functional.image import structural_similarity_index_measure

from esrgan_train.metrics import image_quality
from esrgan_train.metrics.image_quality import MAX_PSNR, MEASURES, psnr, psnr_y, rgb_to_y, ssim, ssim_y

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


def test_a_batch_counts_as_its_images():
    sr, hr = (tensor(image) for image in pair("chelsea"))
    for measure in MEASURES.values():
        batch = measure(torch.cat([sr, hr]), torch.cat([hr, hr]), 4)
        torch.testing.assert_close(batch, torch.cat([measure(sr, hr, 4), measure(hr, hr, 4)]))


@pytest.mark.parametrize("name", MEASURES)
def test_8_bit_images_count_as_their_floats(name):
    images = pair("coffee")
    planes = [torch.from_numpy(image).permute(2, 0, 1)[None] for image in images]
    floats = [tensor(image) for image in images]
    assert torch.equal(MEASURES[name](*planes, 3), MEASURES[name](*floats, 3))


@pytest.fixture
def short_strips(monkeypatch):
    """Strips of one to a few rows of windows, so that small pictures have many."""

    def shorten(pixels: int) -> None:
        monkeypatch.setattr(image_quality, "_STRIP_PIXELS", pixels)
        monkeypatch.setattr(image_quality, "_LEAST_ROWS", 1)

    return shorten


@pytest.mark.parametrize("size", [(11, 11), (12, 40), (61, 11), (47, 53), (100, 33)])
@pytest.mark.parametrize("pixels", [1, 1500])
def test_strips_give_what_the_whole_picture_gives(size, pixels, short_strips):
    height, width = size
    hr = tensor(skimage.data.astronaut()[100 : 100 + height, 150 : 150 + width])
    sr = (hr + 0.06 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    short_strips(pixels)
    rgb = [(image * 255).round().double() for image in (sr, hr)]
    luma = [rgb_to_y(image / 255) * 255 for image in rgb]
    for suffix, (one, other) in (("", rgb), ("_y", luma)):
        error = peak_signal_noise_ratio(other.numpy(), one.numpy(), data_range=255)
        assert MEASURES[f"psnr{suffix}"](sr, hr, 0).item() == pytest.approx(error, abs=2e-5)
        maps = structural_similarity_index_measure(
            one, other, data_range=255.0, reduction="none", return_full_image=True
        )[1][..., 5:-5, 5:-5]
        assert MEASURES[f"ssim{suffix}"](sr, hr, 0).item() == pytest.approx(maps.mean().item(), abs=5e-6)


class Largest(TorchDispatchMode):
    """Notes the number formats and the largest size of what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.formats, self.numel = set(), 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if isinstance(output, torch.Tensor) and not func.is_view:
            self.formats.add(output.dtype)
            self.numel = max(self.numel, output.numel())
        return output


@pytest.mark.run
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", MEASURES)
def test_memory_does_not_grow_with_the_picture(name, device):
    numels = []
    with FakeTensorMode(), torch.device(device):
        for height in (200, 400):
            images = [torch.empty(1, 3, height, 3000, dtype=torch.uint8) for _ in range(2)]
            with Largest() as largest:
                MEASURES[name](*images, 4)
            assert largest.formats == {torch.float32}
            numels.append(largest.numel)
    assert numels[0] == numels[1]


def test_autocast_does_not_change_the_values():
    args = *(tensor(image) for image in pair("astronaut")), 4
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = ssim(*args), psnr(*args)
    assert torch.equal(torch.cat(under_autocast), torch.cat((ssim(*args), psnr(*args))))


def test_luma_equals_scikit_image() -> None:
    rgb = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    reference = torch.from_numpy(rgb2ycbcr(rgb.numpy(), channel_axis=1)[:, :1])
    torch.testing.assert_close(rgb_to_y(rgb) * 255, reference, rtol=0, atol=1e-9)
    assert torch.equal(rgb_to_y(rgb[0]), rgb_to_y(rgb)[0])


def test_black_and_white_have_limited_range() -> None:
    ends = torch.stack([torch.zeros(3, 1, 1), torch.ones(3, 1, 1)])
    torch.testing.assert_close(rgb_to_y(ends).flatten() * 255, torch.tensor([16.0, 235.0]))
