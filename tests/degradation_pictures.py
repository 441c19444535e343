"""The pictures in docs/degradation.md, a row for each step and preset: ``python -m tests.degradation_pictures``.

Without arguments all are drawn; ``python -m tests.degradation_pictures jpeg video`` draws those. The photographs
are those inside scikit-image.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image as PillowImage

from esrgan_train.building import build
from esrgan_train.config import compose_config, config_dir
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.rendering import carry_out
from esrgan_train.degradation.words import in_words
from esrgan_train.images.encode import shown
from esrgan_train.images.sheet import Tile, labelled_sheet
from esrgan_train.images.zoom import at_same_place

Draw = Callable[[Image, np.random.Generator], Tile]

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "degradation"
NO_PICTURE = {"chain", "none"}  # whatever is put together; nothing

_UPSCALE = 2
_WINDOW = 256  # pixels a side of HR; a step gets half of it, the size of LR
_SHOWN = 96  # pixels a side of what a step gets, in the middle
_TIMES = 2  # for each of them
_DRAWS = 12  # of which three are shown, in the order of how much they change
_DEGREES = {"mild": 2, "usual": 6, "strong": 11}
_QUALITY = 82  # of WebP
_PLACES = {"astronaut": (20, 110), "coffee": (60, 190), "page": (0, 60)}  # where a photograph's window starts
_MOTIFS = {"thicken": "page", "anime": "page", "cast": "coffee", "gamma": "coffee"}  # the astronaut otherwise


def steps() -> list[str]:
    """The names of all steps of a chain."""
    return sorted(file.stem for file in (config_dir() / "degradation" / "steps").glob("*.yaml"))


def presets() -> list[str]:
    """The names of all degradations that change something by themselves."""
    return sorted({file.stem for file in (config_dir() / "degradation").glob("*.yaml")} - NO_PICTURE)


def picture(name: str) -> NDArray[np.uint8]:
    """A photograph, and a mild, a usual and a strong draw of a step or preset from it: (H, W, 3) RGB uint8."""
    hr = _window(_MOTIFS.get(name, "astronaut"))
    before, drawn = (_before(name, hr), _step(name)) if name in steps() else (hr, _preset(name))
    original = _tile(before)
    draws = [drawn(before, np.random.default_rng(seed)) for seed in range(_DRAWS)]
    draws.sort(key=lambda draw: float(np.abs(draw[1].astype(float) - original).mean()))
    shown_draws = [(f"{degree}{draws[n][0]}", draws[n][1]) for degree, n in _DEGREES.items()]
    return labelled_sheet([[("before", original), *shown_draws]], label_lines=2)


def _window(photo: str) -> Image:
    """A square of a photograph; of one that is not as high, its middle is continued by reflection."""
    top, left = _PLACES[photo]
    file = Path(skimage.__file__).parent / "data" / f"{photo}.png"
    pixels = np.array(PillowImage.open(file).convert("RGB"))[top : top + _WINDOW, left : left + _WINDOW]
    missing = _WINDOW - len(pixels)
    filled = np.pad(pixels, ((missing // 2, missing - missing // 2), (0, 0), (0, 0)), mode="reflect")
    return filled.astype(np.float32) / 255


def _before(name: str, hr: Image) -> Image:
    """What a step gets: a picture of LR's size, but of HR's where it makes LR of that."""
    return hr if name == "reduce" else cv2.resize(hr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _step(name: str) -> Draw:
    cfg = compose_config(["degradation=chain", f"degradation/steps=[{name}]", f"upscale={_UPSCALE}"])
    choice: StepChoice = build(cfg.degradation.steps[name])

    def drawn(image: Image, rng: np.random.Generator) -> Tile:
        size, low = (image.shape[0], image.shape[1]), (_WINDOW // _UPSCALE, _WINDOW // _UPSCALE)
        step = choice.draw(Canvas(size, low), rng)
        if step is None:
            raise ValueError(f"{name} drew nothing")
        return f": {in_words(step, size).partition(',')[0]}", _tile(carry_out(step, image))

    return drawn


def _preset(name: str) -> Draw:
    degradation = build(compose_config([f"degradation={name}", f"upscale={_UPSCALE}"]).degradation)
    return lambda image, rng: ("", _tile(degradation(image, rng)))


def _tile(image: Image) -> NDArray[np.uint8]:
    """The middle of a picture of any size, of the same part of the motif."""
    grid = _WINDOW // _UPSCALE
    middle = slice((grid - _SHOWN) // 2, (grid + _SHOWN) // 2)
    return shown(at_same_place(image, (middle, middle), (grid, grid), _TIMES))


def main(names: list[str]) -> None:
    """Write the pictures of these steps and presets, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or [*steps(), *presets()]:
        PillowImage.fromarray(picture(name)).save(FOLDER / f"{name}.webp", quality=_QUALITY, method=6)


if __name__ == "__main__":
    main(sys.argv[1:])
