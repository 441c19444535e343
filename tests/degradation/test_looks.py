"""What holds for all steps that only change how an image looks."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path

import hydra
import numpy as np
import pytest

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Blur, HostStep
from esrgan_train.degradation.rendering import carry_out

CONF = Path(__file__).parents[2] / "conf"
STEPS = [
    "halo", "dither", "palette", "halftone", "moire", "motion_blur", "lens_blur", "cast", "gamma", "thicken"
]  # fmt: skip


def choice(name: str, *overrides: str) -> StepChoice:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose(
            overrides=["+degradation=chain", f"degradation/steps=[{name}]", "+upscale=4", *overrides]
        )
    return hydra.utils.instantiate(config.degradation.steps[name])


@pytest.fixture(scope="module")
def choices() -> dict[str, StepChoice]:
    return {name: choice(name) for name in STEPS}


@pytest.mark.parametrize("name", STEPS)
def test_configuration_spells_out_the_defaults(choices, name):
    options = {field.name: getattr(choices[name], field.name) for field in fields(choices[name])}
    assert options == {**{field.name: field.default for field in fields(choices[name])}, "prob": 0.5}
    text = (CONF / "degradation" / "steps" / f"{name}.yaml").read_text()
    assert all(f"\n{option}: " in text for option in options)


@pytest.mark.parametrize("name", STEPS)
def test_drawn_from_the_rng_and_rendered_from_the_drawing_alone(choices, name):
    image = np.random.default_rng(0).uniform(-0.1, 1.1, (23, 31, 3)).astype(np.float32)
    before = image.copy()
    for seed in range(12):
        first, second = (
            choices[name].draw(Canvas((23, 31), (5, 7)), np.random.default_rng(seed)) for _ in range(2)
        )
        assert pickle.dumps(first) == pickle.dumps(second)
        made = carry_out(first, image)
        np.testing.assert_array_equal(made, carry_out(pickle.loads(pickle.dumps(first)), image))
        np.testing.assert_array_equal(image, before)
        assert made.dtype == np.float32
        assert made.shape == image.shape
        assert not np.shares_memory(made, image)
        if isinstance(first, HostStep):
            assert 0 <= made.min() <= made.max() <= 1


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 1), (5, 3)])
def test_any_size(choices, name, size):
    image = np.random.default_rng(1).random((*size, 3), dtype=np.float32)
    for seed in range(8):
        made = carry_out(choices[name].draw(Canvas(size, (1, 1)), np.random.default_rng(seed)), image)
        assert made.shape == image.shape
        assert np.isfinite(made).all()


@pytest.mark.parametrize("name", ["motion_blur", "lens_blur"])
def test_kernels_have_the_room_that_they_ask_for(choices, name):
    canvas = Canvas((40, 50), (10, 12))
    place = choices[name].place(canvas)
    assert (place.kind, place.height, place.width) == (Blur, 40, 50)
    sizes = {len(choices[name].draw(canvas, np.random.default_rng(seed)).kernel) for seed in range(80)}
    assert max(sizes) == place.kernel
    assert all(size % 2 for size in sizes)
