"""Rows: each step of a degradation alone, and whole degradations, on the window of a training sample; one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.one_core import PER_TURN, milliseconds
from benchmarks.pictures import Image, large_photo
from benchmarks.row import Row
from benchmarks.sizes import Sizes
from esrgan_train.building import build
from esrgan_train.config import compose_config, config_dir
from esrgan_train.data.window import Window
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.rendering import carry_out
from esrgan_train.images.decode import to_float

_UPSCALE = 2
_PRESETS = ("realesrgan", "frames", "video", "anime", "scan", "web")
_NOTE = f"mean of {PER_TURN} per repeat, drawing included"


def step_rows(sizes: Sizes) -> list[Row]:
    """Steps on the LR window, and next to it on HR's; then the presets from HR's."""
    low_side = Window(sizes.sample_gt_size, _UPSCALE).side // _UPSCALE
    photo = to_float(large_photo(sizes.photo_size))
    hr, low = (np.ascontiguousarray(photo[:side, :side]) for side in (low_side * _UPSCALE, low_side))
    rows = [_step_row(name, choice, low, hr, sizes) for name, choice in _steps()]
    return rows + [_preset_row(name, degrade, hr, sizes) for name, degrade in _presets()]


def _steps() -> Iterator[tuple[str, StepChoice]]:
    """Each step with its own options."""
    for file in sorted((config_dir() / "degradation" / "steps").glob("*.yaml")):
        cfg = compose_config(["degradation=chain", f"degradation/steps=[{file.stem}]", f"upscale={_UPSCALE}"])
        yield file.stem, build(cfg.degradation.steps[file.stem])


def _presets() -> Iterator[tuple[str, Any]]:
    for name in _PRESETS:
        yield name, build(compose_config([f"degradation={name}", f"upscale={_UPSCALE}"]).degradation)


def _step_row(name: str, choice: StepChoice, low: Image, hr: Image, sizes: Sizes) -> Row:
    side = low.shape[0]
    rng = np.random.default_rng(0)

    def run(image: Image) -> Image:
        canvas = Canvas((image.shape[0], image.shape[1]), (side, side))
        return carry_out(choice.draw(canvas, rng), image)

    sides: dict[str, Callable[[], Image]] = {"ours": partial(run, low), "hr": partial(run, hr)}
    found = milliseconds(sides, sizes, once=())
    return Row(
        key=f"step_{name}",
        name=f"degradation step {name} on {side} × {side} pixels, one core",
        sizes={"side": side},
        unit="ms",
        ours=found["ours"],
        peer=found["hr"],
        peer_name=f"the same on {hr.shape[0]} × {hr.shape[0]}",
        rounds=sizes.image_rounds,
        note=_NOTE,
    )


def _preset_row(name: str, degrade: Any, hr: Image, sizes: Sizes) -> Row:
    rng = np.random.default_rng(0)
    found = milliseconds({"ours": lambda: degrade(hr, rng)}, sizes)
    return Row(
        key=f"preset_{name}",
        name=f"degradation={name} at ×{_UPSCALE} of {hr.shape[0]} × {hr.shape[0]} pixels, one core",
        sizes={"side": hr.shape[0]},
        unit="ms",
        ours=found["ours"],
        rounds=sizes.image_rounds,
        note=_NOTE,
    )
