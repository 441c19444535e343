"""What each augmentation makes of a sample, compared with NumPy and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate

from esrgan_train.data.augment.boxes import draw_box, draw_clipped_box
from esrgan_train.data.augment.choice import Augmentation
from esrgan_train.data.augment.cutblur import CutBlur
from esrgan_train.data.augment.cutmix import CutMix
from esrgan_train.data.augment.mixup import Mixup
from esrgan_train.data.augment.pair import Pair
from esrgan_train.data.augment.resizemix import ResizeMix
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.errors import UserError
from tests.data.augmented import FUNCTIONS, augmentations, random_pair


def constant(value: float, *, side: int = 12, upscale: int = 4) -> Pair:
    hr = torch.full((3, side * upscale, side * upscale), value)
    return Pair(torch.full((3, side, side), value), hr, hr + 0)


def enlarged(mask: torch.Tensor, upscale: int) -> torch.Tensor:
    return mask.repeat_interleave(upscale, -1).repeat_interleave(upscale, -2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_images_keep_their_shape_and_range_and_what_is_given_stays(name: str):
    for seed in range(20):
        pair, partner = random_pair(seed), random_pair(100 + seed)
        kept = [image.clone() for image in (*pair, *partner)]
        result = FUNCTIONS[name](pair, partner, np.random.default_rng(seed))
        for image, given in zip(result, pair, strict=True):
            assert image.shape == given.shape
            assert image.dtype == torch.float32
            assert image.is_contiguous()
            assert 0 <= image.min() < image.max() <= 1
        assert all(map(torch.equal, kept, (*pair, *partner)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_image_serves_as_hr_and_target_where_it_did(name: str):
    pair, partner = random_pair(0, sharpened=False), random_pair(1, sharpened=False)
    result = FUNCTIONS[name](pair, partner, np.random.default_rng(2))
    assert result.hr_target is result.hr


def test_mixup_blends_every_image_by_one_weight():
    pair, partner = random_pair(0), random_pair(1)
    result = Mixup(alpha=1.2)(pair, partner, np.random.default_rng(5))
    weight = np.random.default_rng(5).beta(1.2, 1.2)
    for image, one, other in zip(result, pair, partner, strict=True):
        expected = weight * one.double().numpy() + (1 - weight) * other.double().numpy()
        assert np.abs(image.numpy() - expected).max() < 1e-6


def test_cutmix_cuts_whole_lr_pixels_of_the_promised_area():
    areas = []
    for seed in range(400):
        lr, hr, target = CutMix(alpha=1.0)(constant(0), constant(1), np.random.default_rng(seed))
        assert torch.equal(enlarged(lr, 4), hr)
        assert torch.equal(hr, target)
        rows, columns = lr[0].any(dim=1), lr[0].any(dim=0)
        assert torch.equal(lr[0].bool(), rows[:, None] & columns[None])  # one rectangle
        areas.append(float(lr.float().mean()))
    # In the continuous case λ and the centre are even: E[(s − s²/4)²] of s = √(1 − λ), 1/2 − 1/5 + 1/48.
    assert np.mean(areas) == pytest.approx(1 / 2 - 1 / 5 + 1 / 48, abs=0.04)


def test_resizemix_reduces_both_sides_of_the_whole_partner_as_pillow_does():
    pair, partner = random_pair(0), random_pair(1)
    for seed in range(10):
        result = ResizeMix(sides=(0.2, 0.8))(pair, partner, np.random.default_rng(seed))
        box = draw_box((12, 12), (0.2, 0.8), np.random.default_rng(seed))
        for image, one, other, upscale in zip(result, pair, partner, (1, 4, 4), strict=True):
            height, width = (side * upscale for side in box.size)
            small = [
                np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR))
                for channel in other.numpy()
            ]
            expected = one.clone()
            box.of(expected, upscale).copy_(torch.from_numpy(np.stack(small)))
            assert (image - expected).abs().max() < 1e-5


def test_resizemix_leaves_lr_above_hr():
    """Of a picture of slow waves, LR is the mean of each block of HR before and after."""
    place = torch.linspace(0, 6, 96)
    waves = (torch.sin(place)[:, None] + torch.cos(place)[None]).expand(3, -1, -1) / 4 + 0.5
    hr = waves.contiguous()
    partner = Pair(avg_pool2d(hr, 4), hr, hr)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        result = ResizeMix(sides=(0.4, 0.9))(constant(0.5, side=24), partner, rng)
        box = draw_box((24, 24), (0.4, 0.9), np.random.default_rng(seed))
        pooled = avg_pool2d(result.hr, 4)
        inside = (box.of(result.lr, 1) - box.of(pooled, 1)).abs()[:, 1:-1, 1:-1]
        shifted = (box.of(result.lr, 1)[:, 1:-1, 2:] - box.of(pooled, 1)[:, 1:-1, 1:-1]).abs()
        assert inside.max() < 0.02
        assert inside.mean() < shifted.mean() / 10  # by one LR pixel; far less than that shows


@pytest.mark.parametrize("upscale", [1, 2, 4])
def test_cutblur_puts_reduced_hr_into_a_box_of_lr_or_round_it(upscale: int):
    pair = random_pair(0, side=24, upscale=upscale)
    hr = np.ascontiguousarray(pair.hr_target.permute(1, 2, 0).numpy())
    clean = torch.from_numpy(BicubicDegradation(upscale=upscale)(hr, np.random.default_rng(0))).permute(2, 0, 1)
    clean_inside = 0
    for seed in range(40):
        result = CutBlur(sides=(0.3, 0.7))(pair, None, np.random.default_rng(seed))
        assert result.hr is pair.hr
        assert result.hr_target is pair.hr_target
        box = draw_box((24, 24), (0.3, 0.7), np.random.default_rng(seed))
        inside = torch.zeros(24, 24, dtype=torch.bool)
        inside[box.top : box.bottom, box.left : box.right] = True
        degraded = (result.lr == pair.lr).all(dim=0)
        assert torch.equal(degraded, inside) or torch.equal(degraded, ~inside)
        clean_inside += int(torch.equal(degraded, ~inside))
        edge = torch.ones(24, 24, dtype=torch.bool)
        edge[2:-2, 2:-2] = False  # where that mirrors the picture and this renormalizes the kernel
        off = (result.lr - clean).abs()[:, ~degraded & ~edge]
        assert off.max() < 0.6 / 255  # rounded to 8 bits there
    assert 10 < clean_inside < 30


def test_boxes_lie_inside_and_everywhere():
    seen = torch.zeros(9, 7)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        for box in (draw_box((9, 7), (0.1, 1.0), rng), draw_clipped_box((9, 7), 0.5, rng)):
            assert 0 <= box.top <= box.bottom <= 9
            assert 0 <= box.left <= box.right <= 7
            seen[box.top : box.bottom, box.left : box.right] += 1
    assert seen.min() > 0
    assert draw_box((9, 7), (0.01, 0.01), np.random.default_rng(0)).size == (1, 1)
    assert draw_box((9, 7), (1, 1), np.random.default_rng(0)).size == (9, 7)


def test_one_channel_does_as_well():
    for function in FUNCTIONS.values():
        pair, partner = (Pair(*(image[:1] for image in random_pair(key))) for key in (0, 1))
        assert function(pair, partner, np.random.default_rng(0)).hr.shape == (1, 48, 48)


@pytest.mark.parametrize("probs", [{"mixup": 0.3, "cutmix": 0.2, "cutblur": 0.1}, {"cutmix": 1.0}])
def test_each_is_drawn_as_often_as_asked_and_at_most_one(probs: dict[str, float]):
    drawn = [augmentations(**probs).draw(n) for n in range(4000)]
    names = [each.augmentation.name if each else None for each in drawn]
    for name, prob in probs.items():
        assert names.count(name) / 4000 == pytest.approx(prob, abs=0.03)
    assert names.count(None) / 4000 == pytest.approx(1 - sum(probs.values()), abs=0.03)


def test_what_is_drawn_depends_on_seed_and_number_and_not_on_the_order_of_the_choices():
    def names(seed: int, **probs: float) -> list[str | None]:
        each = [augmentations(seed, **probs).draw(n) for n in range(50)]
        return [drawn.augmentation.name if drawn else None for drawn in each]

    assert names(0, mixup=0.3, cutmix=0.4) == names(0, cutmix=0.4, mixup=0.3)
    assert names(0, mixup=0.3, cutmix=0.4) != names(1, mixup=0.3, cutmix=0.4)


def test_more_than_every_sample_is_refused():
    with pytest.raises(UserError, match=r"^augmentation\.cutmix\.prob=0\.5 \+ augmentation\.mixup.* is 1\.1, "):
        augmentations(mixup=0.6, cutmix=0.5)
    augmentations(mixup=0.7, cutmix=0.2, resizemix=0.1)  # rounded, that may be a little more than 1


def test_a_function_without_a_word_about_partners_takes_none():
    assert not Augmentation(name="mine", prob=1, function=lambda pair, *_: pair).takes_partner


@pytest.mark.parametrize("sides", [(0.5, 0.2), (0, 0.5), (0.5, 1.5), (0.5,)])
def test_sides_that_make_no_box_are_refused(sides: tuple[float, ...]):
    for kind in (ResizeMix, CutBlur):
        with pytest.raises(UserError, match=r"^sides="):
            kind(sides=sides)


def test_reducing_by_torch_is_that_of_the_whole_box():
    """What ResizeMix relies on: reducing to its own size changes nothing."""
    image = random_pair(0).hr
    assert torch.allclose(interpolate(image[None], size=[48, 48], mode="bilinear", antialias=True)[0], image)
