"""Chains: composed, drawn, rendered on the CPU or in batches, and refused."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from drawings import stacked, tensors, windows, without_noise
from lr_statistics import crop
from scipy.stats import chisquare, ks_2samp

from esrgan_train.building import build
from esrgan_train.checks.effects import options_without_effect, steps_left_out
from esrgan_train.config import check, compose_config
from esrgan_train.contracts.steps import check_steps
from esrgan_train.data.site import BY_WORKERS, Site, choose_site
from esrgan_train.degradation import KernelChoice, RealESRGANDegradation
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.degradation.chain import Canvas, Chain, StepChoice, size_after
from esrgan_train.degradation.drawing import Blur, Drawing, HostStep, Jpeg, Noise, Resize
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.rendering import carry_out, render
from esrgan_train.degradation.steps.blur import BlurImage
from esrgan_train.degradation.steps.jpeg import StoreJpeg
from esrgan_train.degradation.steps.lens_blur import BlurLens
from esrgan_train.degradation.steps.motion_blur import BlurMotion
from esrgan_train.degradation.steps.noise import AddNoise
from esrgan_train.degradation.steps.reduce import Reduce
from esrgan_train.degradation.steps.resize import ResizeImage
from esrgan_train.degradation.steps.webp import StoreWebp
from esrgan_train.errors import UserError
from esrgan_train.identity import STEPS, config_hash, differing, settings_of

RESIZE = {"up_odds": 0.3, "down_odds": 0.4, "keep_odds": 0.3, "up_range": (1.0, 1.3), "down_range": (0.4, 1.0)}
STEPS_OF_ALL_KINDS: dict[str, StepChoice] = {
    "blur": BlurImage(kernel=KernelChoice(sigma=(0.2, 2.0))),
    "resize": ResizeImage(**RESIZE, prob=0.7),
    "noise": AddNoise(gaussian_sigma_levels=(1, 20), poisson_scale=(0.1, 2)),
    "reduce": Reduce(),
    "jpeg": StoreJpeg(yuv422_odds=1, yuv444_odds=1, times=(1, 3), shift_prob=0.5),
    "webp": StoreWebp(prob=0.5),
}
ON_ANY_DEVICE: dict[str, StepChoice] = {
    "lens": BlurLens(radius=(0.5, 3.6), prob=0.3),
    "motion": BlurMotion(length=(0.0, 9.0), prob=0.3),
    "blur": BlurImage(kernel=KernelChoice(sigma=(0.2, 2.0)), prob=0.7),
    "resize": ResizeImage(**RESIZE, prob=0.6),
    "noise": AddNoise(gaussian_sigma_levels=(1, 20), poisson_scale=(0.1, 2), prob=0.8),
    "reduce": Reduce(filters=("area",)),
    "again": ResizeImage(**RESIZE, of="lr", prob=0.5),
    "jpeg": StoreJpeg(prob=0.7, nearest_chroma_prob=0.5),
}


def chain(*names: str, upscale: int = 2) -> Chain:
    return Chain(upscale=upscale, steps={name: STEPS_OF_ALL_KINDS[name] for name in names or STEPS_OF_ALL_KINDS})


def composed(*overrides: str) -> Any:
    return compose_config(["degradation=chain", *overrides])


@pytest.mark.parametrize("order", list(itertools.permutations(("blur", "reduce", "jpeg", "noise")))[::5])
def test_steps_happen_in_the_order_in_which_they_are_named(order: tuple[str, ...]) -> None:
    cfg = composed(f"degradation/steps=[{','.join(order)}]")
    assert list(cfg.degradation.steps) == list(build(cfg.degradation).steps) == list(order)
    assert settings_of(cfg)[STEPS] == ",".join(order)


def test_another_order_is_another_degradation_and_another_run() -> None:
    one, other = (composed(f"degradation/steps=[{order}]") for order in ("blur,reduce,jpeg", "blur,jpeg,reduce"))
    hr = crop(1, 96)
    made, otherwise = (build(cfg.degradation)(hr, np.random.default_rng(2)) for cfg in (one, other))
    assert not np.array_equal(made, otherwise)
    assert differing(settings_of(one), settings_of(other)) == [STEPS]
    assert config_hash(one) != config_hash(other)


def test_a_sample_is_a_pure_function_of_its_seed() -> None:
    degrade, hr = chain(upscale=4), crop(1, 96)
    before = hr.copy()
    first = [degrade(hr, np.random.default_rng([3, n])) for n in range(6)]
    backwards = [pickle.loads(pickle.dumps(degrade))(hr, np.random.default_rng([3, n])) for n in range(5, -1, -1)]
    for one, other in zip(first, reversed(backwards), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(hr, before)
    assert len({one.tobytes() for one in first}) == 6


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (9, 8), (33, 17)])
@pytest.mark.parametrize("upscale", [1, 2, 3])
def test_every_size_is_degraded_to_lr_of_the_8_bit_grid(size: tuple[int, int], upscale: int) -> None:
    degrade = chain(upscale=upscale)
    hr = np.random.default_rng(0).random((size[0] * upscale, size[1] * upscale, 3), dtype=np.float32)
    for seed in range(4):
        lr = degrade(hr, np.random.default_rng(seed))
        assert lr.shape == (*size, 3)
        assert lr.dtype == np.float32
        np.testing.assert_allclose(lr * 255, np.rint(lr * 255), atol=1e-4)
        assert 0 <= lr.min() <= lr.max() <= 1


@pytest.mark.parametrize("name", STEPS_OF_ALL_KINDS)
def test_a_step_takes_values_a_little_beyond_and_leaves_its_image_alone(name: str) -> None:
    image = np.random.default_rng(1).normal(0.5, 0.4, (19, 22, 3)).astype(np.float32)
    before = image.copy()
    step = STEPS_OF_ALL_KINDS[name].draw(Canvas((19, 22), (7, 8)), np.random.default_rng(0))
    made, again = carry_out(step, image), carry_out(step, image)
    np.testing.assert_array_equal(made, again)
    np.testing.assert_array_equal(image, before)
    assert made.shape == (*size_after(step, (19, 22)), 3)
    assert np.isfinite(made).all()


def test_odds_are_how_often_a_step_happens() -> None:
    degrade = Chain(steps={"webp": StoreWebp(prob=0.3), "reduce": Reduce()})
    happened = sum(degrade.draw((8, 8), np.random.default_rng(n))[0] is not None for n in range(2000))
    assert chisquare([happened, 2000 - happened], [600, 1400]).pvalue > 1e-3


# What no step does


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["degradation/steps=[]"], r"^degradation\.steps is empty: name some, such as degradation/steps="),
        (["degradation.steps.reduce=null"], r"^degradation\.steps is empty"),
        (["degradation.steps.reduce.prob=0"], r"the prob of reduce is 0.*degradation=bicubic"),
        (["+degradation.steps.jpeg.prob=1"], r"steps\.jpeg builds nothing: choose it \(degradation/steps="),
        (["+degradation.steps.mine=3"], r"degradation\.steps\.mine is a int, no step"),
        (["+degradation.steps.mine._target_=torch.nn.ReLU"], r"mine is a ReLU, no step: derive .*StepChoice$"),
        (["degradation/steps=[blurr,reduce]"], r"steps=blurr: there is no such choice; did you mean blur\?"),
        (["degradation.steps.webp.quality=[1,2]"], r"give degradation=chain degradation/steps=\[webp\]"),
        (["degradation/steps=[webp]", "degradation.steps.webp.quality=[0,2]"], r"webp\.quality=\[0,2\]: give"),
        (["degradation/steps=[webp]", "degradation.steps.webp.qualty=[1,2]"], r"did you mean .*webp\.quality"),
        (["degradation.steps.reduce.prob=2"], r"degradation\.steps\.reduce\.prob=2: give a number from 0 to 1"),
        (["degradation.device=gpu"], r"degradation\.device=gpu: give one of auto, cpu, cuda"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_and_build(*overrides)


def check_and_build(*overrides: str) -> Chain:
    cfg = composed(*overrides)
    check(cfg)
    degradation: Chain = build(cfg.degradation)
    return degradation


def test_a_list_of_steps_for_a_degradation_that_has_none_names_the_chain() -> None:
    with pytest.raises(UserError, match=r"here: give degradation=chain degradation/steps=\[reduce\]$"):
        compose_config(["degradation/steps=[reduce]"])


@pytest.mark.parametrize(
    ("names", "upscale", "says"),
    [
        (("blur", "jpeg"), 2, True),
        (("blur", "jpeg"), 1, False),
        (("reduce", "jpeg"), 2, False),
        (("reduce", "resize"), 2, False),  # which keeps the size now and then
    ],
)
def test_a_chain_that_leaves_reducing_to_area_says_so(names: tuple[str, ...], upscale: int, says: bool) -> None:
    degrade = chain(*names, upscale=upscale)
    assert bool(degrade.remarks()) is says
    hr = crop(0, 64)
    if says:
        drawn = degrade.draw((64, 64), np.random.default_rng(0))
        assert drawn[-1] == Resize(32, 32, "area")
    assert degrade(hr, np.random.default_rng(0)).shape == (64 // upscale, 64 // upscale, 3)


def test_options_without_effect_and_steps_without_odds_are_named() -> None:
    given = [
        *("degradation/steps=[blur,reduce,jpeg]", "degradation.steps.blur.prob=0"),
        *("degradation.steps.blur.kernel.sigma=[1,2]", "degradation.steps.jpeg.shift_prob=1"),
        *("degradation.steps.jpeg.yuv420_odds=0", "degradation.steps.jpeg.nearest_chroma_prob=1"),
    ]
    cfg = composed(*given)
    check(cfg)
    assert [line.partition("=")[0] for line in options_without_effect(cfg, given)] == [
        "degradation.steps.blur.kernel.sigma",
        "degradation.steps.jpeg.shift_prob",
        "degradation.steps.jpeg.nearest_chroma_prob",
    ]
    (line,) = steps_left_out(cfg)
    assert line.startswith("degradation.steps.blur changes no sample: its prob is 0")
    assert not [*options_without_effect(cfg, given[:1]), *steps_left_out(composed(given[0]))]


# Where it is rendered


def test_a_chain_of_steps_that_a_gpu_renders_is_rendered_there() -> None:
    degradation = Chain(steps=ON_ANY_DEVICE)
    assert degradation.only_on_cpu == ()
    assert choose_site(degradation, trains_on="cuda", paired=False, target_noise=False) == Site("cuda")
    assert choose_site(degradation, trains_on="cpu", paired=False, target_noise=False) == BY_WORKERS


def test_a_step_that_only_the_cpu_renders_is_named() -> None:
    degradation = chain("blur", "reduce", "webp")
    why = "only the CPU renders degradation.steps.reduce, webp"
    site = choose_site(degradation, trains_on="cuda", paired=False, target_noise=False)
    assert str(site) == f"LR is made by the workers, on the CPU: {why}"
    with pytest.raises(ValueError, match=r"only the CPU renders degradation\.steps\.reduce"):
        degradation.places((64, 64))
    on_gpu = Chain(steps=degradation.steps, device="cuda")
    with pytest.raises(
        UserError, match=rf"^degradation\.device=cuda: {why}; give degradation\.device=auto or cpu$"
    ):
        choose_site(on_gpu, trains_on="cuda", paired=False, target_noise=False)


@pytest.mark.parametrize(
    ("choice", "plain"),
    [
        (StoreJpeg(), True),
        (StoreJpeg(yuv444_odds=0.1), False),
        (StoreJpeg(yuv422_odds=0.1), False),
        (StoreJpeg(times=(1, 2)), False),
        (Reduce(filters=("area",)), True),
        (Reduce(filters=("area", "lanczos")), False),
    ],
)
def test_options_decide_whether_a_gpu_renders_a_step(choice: StepChoice, plain: bool) -> None:
    canvas = Canvas((64, 64), (16, 16))
    drawn = [choice.draw(canvas, np.random.default_rng(seed)) for seed in range(20)]
    assert all(isinstance(step, (Jpeg, Resize)) is plain for step in drawn)
    assert all(isinstance(step, HostStep) is not plain for step in drawn)
    assert (choice.place(canvas) is not None) is plain


@pytest.mark.parametrize("upscale", [1, 2, 4])
def test_places_bound_every_drawing(upscale: int) -> None:
    degradation, side = Chain(upscale=upscale, steps=ON_ANY_DEVICE), 24 * upscale
    places = degradation.places((side, side))
    for seed in range(200):
        now = side, side
        drawing = degradation.draw(now, np.random.default_rng(seed))
        for step, place in zip(drawing, places, strict=True):
            assert step is None or type(step) is place.kind
            now = size_after(step, now)
            assert now[0] <= place.height
            assert now[1] <= place.width
            assert not isinstance(step, Blur) or len(step.kernel) <= place.kernel
    assert (places[-1].height, places[-1].width) == (24, 24)


def test_batches_are_the_cpus_pictures() -> None:
    side, count = 96, 16
    degradation = Chain(upscale=2, steps=ON_ANY_DEVICE)
    renderer = BatchRenderer(degradation, (side, side))
    drawn: list[Drawing] = [
        without_noise(degradation.draw((side, side), np.random.default_rng(n))) for n in range(count)
    ]
    images = windows(count, side)
    found = renderer(tensors(images), stacked(renderer, drawn))
    expected = tensors([render(image, drawing) for image, drawing in zip(images, drawn, strict=True)])
    assert found.shape == expected.shape == (count, 3, 48, 48)
    psnr = -10 * torch.log10((found - expected).square().mean(dim=(1, 2, 3)).clamp(min=1e-12))
    assert psnr.min() > 45, psnr
    assert psnr.mean() > 60


# Like the published one


def test_a_chain_of_the_published_steps_draws_what_that_draws() -> None:
    published = RealESRGANDegradation(upscale=4, jpeg_last_prob=1.0)  # else a file's place is drawn, too
    steps: dict[str, StepChoice] = {}
    for number, stage in enumerate((published.first, published.second)):
        noise = {name: getattr(stage, name) for name in ("gaussian_sigma_levels", "poisson_scale", "gray_prob")}
        odds = {name: getattr(stage, name) for name in (*RESIZE, "resize_modes")}
        steps |= {
            f"blur{number}": BlurImage(kernel=stage.kernel, prob=stage.blur_prob),
            f"resize{number}": ResizeImage(**odds, of="lr" if number else "image"),
            f"noise{number}": AddNoise(**noise, prob=stage.noise_prob),
            f"jpeg{number}": StoreJpeg(quality=stage.jpeg_quality, nearest_chroma_prob=1.0),
        }
    chained = Chain(upscale=4, steps=steps)
    found, expected = (
        numbers([each.draw((256, 256), np.random.default_rng([who, n])) for n in range(500)])
        for who, each in enumerate((chained, published))
    )
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert ks_2samp(values, expected[name], method="asymp").pvalue > 1e-3, name


def numbers(drawn: list[Drawing]) -> dict[str, list[float]]:
    """What the first two steps of each kind are, by kind and turn; clamps change no draw."""
    found: dict[str, list[float]] = {}
    for drawing in drawn:
        turns: dict[str, int] = {}
        for step in drawing:
            kind = type(step).__name__
            turns[kind] = turn = turns.get(kind, -1) + 1
            values: dict[str, float] = {}
            if turn > 1 or (kind == "Resize" and step is drawing[-1]):
                continue
            if isinstance(step, Blur) and turn == 0:  # later ones may not happen
                values = {"size": len(step.kernel), "centre": step.kernel[len(step.kernel) // 2].max()}
            elif isinstance(step, Resize):
                values = {"height": step.height, "mode": len(step.mode)}
            elif isinstance(step, Noise):
                values = {"strength": step.strength, "kind": len(step.kind), "gray": step.gray}
            elif isinstance(step, Jpeg):
                values = {"quality": step.quality, "nearest": step.nearest_chroma}
            for name, value in values.items():
                found.setdefault(f"{kind}{turn}.{name}", []).append(float(value))
    return found


# Steps of one's own


@dataclass(frozen=True)
class Darker(HostStep):
    factor: float

    def render(self, image: Image) -> Image:
        return image * np.float32(self.factor)


@dataclass(frozen=True, kw_only=True)
class Darken(StepChoice):
    factor: tuple[float, float] = (0.5, 1.0)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Darker:
        return Darker(rng.uniform(*self.factor))


class OtherNumbers(Darken):
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Darker:
        return Darker(np.random.default_rng().random())


class NoStep(Darken):
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Any:
        return 0.5


class TooBright(Darken):
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Darker:
        return Darker(255.0)


@dataclass(frozen=True)
class Doubled(HostStep):
    def render(self, image: Image) -> Image:
        return image.astype(np.float64)  # type: ignore[return-value]


class WrongType(Darken):
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Any:
        return Doubled()


@dataclass(frozen=True)
class Spoiling(HostStep):
    def render(self, image: Image) -> Image:
        image += 0.1
        return image


class Spoils(Darken):
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Any:
        return Spoiling()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (OtherNumbers, "draw gives another step for the same rng"),
        (NoStep, "draw gives a float; return a step"),
        (TooBright, r"its values go from .* to 2.*return values in about \[0, 1\]"),
        (WrongType, r"it makes an array of float64, .*; return a NumPy array of float32"),
        (Spoils, "it changes the picture that it is given"),
        (Darken, None),
    ],
)
def test_steps_of_ones_own_are_tried_before_the_run(kind: type, message: str | None) -> None:
    target = f"+degradation.steps.mine._target_={kind.__module__}.{kind.__qualname__}"
    node = composed("degradation/steps=[reduce]", target).degradation
    own = build(node)
    assert isinstance(own.steps["mine"], kind)
    if message is None:
        check_steps(own, node, upscale=2, lr_side=9)
        return
    with pytest.raises(UserError, match=rf"^degradation\.steps\.mine\._target_=.*{kind.__name__}: {message}"):
        check_steps(own, node, upscale=2, lr_side=9)
