from __future__ import annotations

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from lr_statistics import crop, photographs
from scipy.stats import kstest

from esrgan_train.degradation import BicubicDegradation, RealESRGANDegradation
from esrgan_train.degradation.drawing import Blur, Clamp, Jpeg, Noise, Resize
from esrgan_train.degradation.rendering import render
from esrgan_train.degradation.stage import FIRST_STAGE, SECOND_STAGE

OFF = {"blur_prob": 0, "up_odds": 0, "down_odds": 0, "keep_odds": 1, "noise_prob": 0, "jpeg_prob": 0}
CLEAN = RealESRGANDegradation(
    first=replace(FIRST_STAGE, **OFF), second=replace(SECOND_STAGE, **OFF), final_sinc_prob=0
)


@pytest.mark.run
@pytest.mark.parametrize("upscale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("size", [(8, 8), (64, 64), (72, 216), (5, 1)])
def test_any_factor_and_size(upscale, size):
    hr = np.random.default_rng(0).random((size[0] * upscale, size[1] * upscale, 3), dtype=np.float32)
    for seed in range(5):
        lr = RealESRGANDegradation(upscale=upscale)(hr, np.random.default_rng(seed))
        assert lr.shape == (*size, 3)
        assert lr.dtype == np.float32
        np.testing.assert_array_equal(lr, np.rint(lr * 255).clip(0, 255).astype(np.float32) / np.float32(255))


def test_same_state_gives_the_same_bytes_and_hr_is_not_changed():
    hr = crop(0, 128)
    hr.setflags(write=False)
    degrade = RealESRGANDegradation()
    results = [degrade(hr, np.random.Generator(np.random.Philox(key=5, counter=n))) for n in range(20)]
    again = pickle.loads(pickle.dumps(degrade))
    for n, lr in enumerate(results):
        np.testing.assert_array_equal(again(hr, np.random.Generator(np.random.Philox(key=5, counter=n))), lr)
    assert len({lr.tobytes() for lr in results}) == 20
    np.testing.assert_array_equal(hr, crop(0, 128))


def test_result_does_not_depend_on_the_number_of_threads():
    hr, degrade, threads = crop(1, 400), RealESRGANDegradation(), cv2.getNumThreads()
    results = []
    for count in (1, 4):
        cv2.setNumThreads(count)
        results.append([degrade(hr, np.random.default_rng(seed)) for seed in range(10)])
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*results)


def test_nothing_switched_on_is_a_plain_resize():
    hr = crop(0, 96)
    lrs = [CLEAN(hr, np.random.default_rng(seed)) for seed in range(20)]
    expected = cv2.resize(hr, (24, 24), interpolation=cv2.INTER_AREA)  # one of the three modes
    distances = [np.abs(lr - expected).max() for lr in lrs]
    assert 1 <= sum(distance < 0.51 / 255 for distance in distances) < 20


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_a_clean_sample_is_the_clean_bicubic_reduction(upscale):
    hr = crop(0, 96)
    lr = RealESRGANDegradation(upscale=upscale, clean_prob=1.0)(hr, np.random.default_rng(0))
    expected = BicubicDegradation(upscale=upscale)(hr, np.random.default_rng(0))
    inside = (slice(2, -2), slice(2, -2))  # the two mirror borders differently
    assert np.abs(lr - expected)[inside].max() < 1.01 / 255
    assert (lr != expected)[inside].mean() < 0.01  # rounded the other way


def test_the_share_of_clean_samples_is_the_one_that_was_given():
    degrade = RealESRGANDegradation(upscale=2, clean_prob=0.3)
    rng = np.random.default_rng(0)
    drawn = [degrade.draw((64, 64), rng) for _ in range(2000)]
    clean = [drawing for drawing in drawn if sum(step is not None for step in drawing) == 2]
    assert len(clean) / len(drawn) == pytest.approx(0.3, abs=0.03)
    assert {len(drawing) for drawing in drawn} == {len(degrade.places((64, 64)))}


def test_without_clean_samples_every_sample_is_as_it_was():
    plain, share = RealESRGANDegradation(upscale=2), RealESRGANDegradation(upscale=2, clean_prob=1e-9)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rng.random()  # what a share draws first
        np.testing.assert_array_equal(plain(crop(0, 64), rng), share(crop(0, 64), np.random.default_rng(seed)))


def test_content_stays_where_it_is():
    """The centre of gravity of a bright spot does not move, whatever the sizes in between."""
    resizing = {"up_odds": 0.3, "down_odds": 0.7, "resize_modes": ["bilinear"]}
    degrade = replace(CLEAN, first=replace(CLEAN.first, **resizing), second=replace(CLEAN.second, **resizing))
    rows, columns = np.mgrid[:160, :200]
    spot = np.exp(-((rows - 140) ** 2 + (columns - 165) ** 2) / 200)
    hr = spot.astype(np.float32)[..., None].repeat(3, axis=2)
    for seed in range(50):
        lr = degrade(hr, np.random.default_rng(seed))[..., 0].astype(float)
        rows, columns = np.mgrid[: lr.shape[0], : lr.shape[1]]
        centre = np.array([(lr * rows).sum(), (lr * columns).sum()]) / lr.sum()
        assert centre == pytest.approx([(140.5) / 4 - 0.5, (165.5) / 4 - 0.5], abs=0.35), seed


def test_first_resize_and_noise_follow_their_ranges():
    rng = np.random.default_rng(0)
    factors = np.array([FIRST_STAGE.draw_resize((100_000, 1), rng).height / 100_000 for _ in range(3000)])
    assert np.mean(factors > 1) == pytest.approx(0.2, abs=0.03)
    assert np.mean(factors < 1) == pytest.approx(0.7, abs=0.03)
    assert kstest(factors[factors > 1], "uniform", (1, 0.5)).pvalue > 1e-3
    assert kstest(factors[factors < 1], "uniform", (0.15, 0.85)).pvalue > 1e-3
    noises = [FIRST_STAGE.draw_noise(rng) for _ in range(4000)]
    for kind, low, high in (("gaussian", 1, 30), ("poisson", 0.05, 3)):
        strengths = [noise.strength for noise in noises if noise.kind == kind]
        assert len(strengths) / len(noises) == pytest.approx(0.5, abs=0.05)
        assert kstest(strengths, "uniform", (low, high - low)).pvalue > 1e-3
    assert np.mean([noise.gray for noise in noises]) == pytest.approx(0.4, abs=0.05)


def test_a_drawing_is_a_function_of_size_and_generator_and_has_a_place_for_each_step():
    degrade = RealESRGANDegradation(upscale=4)
    kinds = [{type(step) for step in steps if step} for steps in zip(*drawings(degrade), strict=True)]
    resized = [Blur, Resize, Noise, Clamp, Jpeg]
    assert kinds == [{kind} for kind in (*resized, *resized, Resize, Blur, Jpeg)]
    assert [repr(drawing) for drawing in drawings(degrade)] == [repr(drawing) for drawing in drawings(degrade)]
    for drawing in drawings(degrade):
        assert (drawing[10].height, drawing[10].width) == (24, 32)
        assert (drawing[9] is None) or (drawing[12] is None)


def test_degrading_is_drawing_and_then_carrying_it_out():
    degrade, hr = RealESRGANDegradation(upscale=4), crop(0, 96)
    for seed, drawing in enumerate(drawings(degrade, size=(96, 96))):
        expected = degrade(hr, np.random.default_rng(seed))
        np.testing.assert_array_equal(render(hr, drawing), expected)
        np.testing.assert_array_equal(render(hr, drawing), expected)  # noise does not go on


def drawings(degrade, size=(96, 128)):
    return [degrade.draw(size, np.random.default_rng(seed)) for seed in range(60)]


def test_whole_photographs_of_any_shape():
    photo = photographs()[2][:424, :640]
    lr = RealESRGANDegradation(upscale=2)(np.ascontiguousarray(photo), np.random.default_rng(1))
    assert lr.shape == (212, 320, 3)


@pytest.mark.parametrize(
    ("hr", "message"),
    [
        (
            np.zeros((8, 10, 3), np.float32),
            "hr is 10×8 pixels; crop it to multiples of upscale=4, such as 8×8",
        ),
        (np.zeros((8, 8, 3), np.uint8), "hr is uint8 .*; pass float32 RGB"),
        (np.zeros((8, 8), np.float32), "pass float32 RGB of shape"),
        (np.zeros((0, 8, 3), np.float32), "hr is 8×0 pixels"),
    ],
)
def test_bad_images(hr, message):
    with pytest.raises(ValueError, match=message):
        RealESRGANDegradation()(hr, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upscale": 0}, "upscale=0: give a whole number from 1 on"),
        ({"final_sinc_prob": -0.1}, "final_sinc_prob=-0.1: give a number from 0 to 1"),
        ({"jpeg_last_prob": 2}, "jpeg_last_prob=2: give a number from 0 to 1"),
        (
            {"final_sinc_size": [6, 21]},
            r"final_sinc_size=\[6,21\]: give a list of 2, each an odd number of pixels from 1 to 99",
        ),
        (
            {"final_sinc_cutoff": [0.5, 2]},
            r"final_sinc_cutoff=\[0.5,2\]: give a list of 2, each a number from 0.01 to 1",
        ),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        RealESRGANDegradation(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blur_prob": "often"}, "blur_prob=often: give a number from 0 to 1"),
        ({"down_range": [0.5, 1.2]}, r"down_range=\[0.5,1.2\]: give .* from 0.01 to 1"),
        ({"up_range": [0.5, 1.2]}, r"up_range=\[0.5,1.2\]: give .* from 1 to 16"),
        (
            {"jpeg_quality": [30, 101]},
            r"jpeg_quality=\[30,101\]: give a list of 2, each a whole number from 1 to 100",
        ),
        ({"jpeg_quality": [30, 60, 95]}, r"jpeg_quality=\[30,60,95\]: give a list of 2"),
        ({"gaussian_sigma_levels": [30, 1]}, r"gaussian_sigma_levels=\[30,1\]: give .*, ascending"),
        ({"resize_modes": ["lanczos"]}, r"resize_modes=\[lanczos\]: give .* one of area, bilinear, bicubic"),
        ({"resize_modes": []}, r"resize_modes=\[\]: give a list"),
        ({"up_odds": 0, "down_odds": 0, "keep_odds": 0}, "up_odds, down_odds, keep_odds are all 0"),
    ],
)
def test_bad_stage_options(options, message):
    with pytest.raises(ValueError, match=message):
        replace(FIRST_STAGE, **options)
