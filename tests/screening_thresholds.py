"""Measure what the limits of ``screening/verdict.py`` let through: python -m tests.screening_thresholds [FOLDER…]

Photos are scikit-image's and those of the folders. Large ones are halved first, which makes them sharp and removes
what JPEG left. Each is then spoilt in known ways; a line says how the score spreads and how many are reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

from esrgan_train.data.sample_photos import TRAIN, VAL
from esrgan_train.images.decode import decode
from esrgan_train.images.find import find_photos
from esrgan_train.screening.blur import edge_width
from esrgan_train.screening.compression import grid_step
from esrgan_train.screening.detail import detail
from esrgan_train.screening.duplicates import MOST_DIFFERENT_BITS
from esrgan_train.screening.fingerprint import fingerprint
from esrgan_train.screening.luma import luma_of
from esrgan_train.screening.verdict import Thresholds

Photo = NDArray[np.uint8]
Change = Callable[[Photo], Photo]
LARGE = 800  # pixels of the shorter side


def photos(folders: Sequence[str]) -> dict[str, Photo]:
    files = [Path(skimage.__file__).parent / "data" / name for name in TRAIN + VAL]
    for folder in folders:
        files += [Path(folder) / name for name in find_photos(folder, option="FOLDER")]
    found = {file.name: to_8_bits(decode(file)) for file in files}
    return {name: half(photo) if min(photo.shape[:2]) >= LARGE else photo for name, photo in found.items()}


def to_8_bits(photo: NDArray[Any]) -> Photo:
    return photo if photo.dtype == np.uint8 else (photo >> 8).astype(np.uint8)


def half(photo: Photo) -> Photo:
    return cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def gauss(photo: Photo, sigma: float) -> Photo:
    return cv2.GaussianBlur(photo, (0, 0), sigma)


def enlarge(photo: Photo, times: int) -> Photo:
    return cv2.resize(photo, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def move(photo: Photo, pixels: int) -> Photo:
    return cv2.blur(photo, (pixels, 1))


def noise(photo: Photo, sigma: float) -> Photo:
    noisy = photo + np.random.default_rng(0).normal(0, sigma, photo.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def coded(photo: Photo, suffix: str, setting: int, quality: int) -> Photo:
    return cv2.imdecode(cv2.imencode(suffix, photo, [setting, quality])[1], cv2.IMREAD_COLOR)


jpeg = partial(coded, suffix=".jpg", setting=cv2.IMWRITE_JPEG_QUALITY)


def cut(photo: Photo, share: float) -> Photo:
    height, width = photo.shape[:2]
    top, left = int(height * share), int(width * share)
    return np.ascontiguousarray(photo[top : height - top, left : width - left])


def brighten(photo: Photo) -> Photo:
    return np.clip(photo * 1.2 + 10, 0, 255).astype(np.uint8)


CLEAN = {"as they are": lambda photo: photo, "noise σ 5": partial(noise, sigma=5)}
BLURRED: dict[str, Change] = {
    **CLEAN,
    "JPEG 50": partial(jpeg, quality=50),
    **{f"Gauss σ {sigma}": partial(gauss, sigma=sigma) for sigma in (1, 1.5, 2, 3)},
    "Gauss σ 2, noise σ 3": lambda photo: noise(gauss(photo, 2), 3),
    "Gauss σ 2, JPEG 75": lambda photo: jpeg(gauss(photo, 2), quality=75),
    **{f"bicubic ×{times}": partial(enlarge, times=times) for times in (2, 4)},
    **{f"moved {pixels} pixels": partial(move, pixels=pixels) for pixels in (7, 15)},
}
COMPRESSED: dict[str, Change] = {
    **CLEAN,
    "Gauss σ 1": partial(gauss, sigma=1),
    **{f"JPEG {q}": partial(jpeg, quality=q) for q in (30, 50, 60, 75, 80, 85, 90, 95)},
    "JPEG 75, cut": lambda photo: jpeg(photo, quality=75)[3:, 5:],
    "JPEG 75, noise σ 2": lambda photo: noise(jpeg(photo, quality=75), 2),
    "JPEG 50, then 95": lambda photo: jpeg(jpeg(photo, quality=50), quality=95),
    "JPEG 50, cut, then 90": lambda photo: jpeg(jpeg(photo, quality=50)[3:, 3:], quality=90),
    "JPEG 50, halved": lambda photo: half(jpeg(photo, quality=50)),
    "WebP 50": lambda photo: coded(photo, ".webp", cv2.IMWRITE_WEBP_QUALITY, 50),
    "AVIF 50": lambda photo: coded(photo, ".avif", cv2.IMWRITE_AVIF_QUALITY, 50),
}
SAME: dict[str, Change] = {
    "JPEG 50": partial(jpeg, quality=50),
    "a quarter of the size": lambda photo: half(half(photo)),
    "brighter": brighten,
    "noise σ 10": partial(noise, sigma=10),
    "1 % cut on one side": lambda photo: photo[:, photo.shape[1] // 100 :],
    "3 % cut on each side": partial(cut, share=0.03),
    "shifted by 2 %": lambda photo: np.roll(photo, [side // 50 for side in photo.shape[:2]], (0, 1)),
    "mirrored": lambda photo: np.ascontiguousarray(photo[:, ::-1]),
}


def textures() -> dict[str, Photo]:
    """Patterns of 8 pixels, which no JPEG made."""
    y, x = np.mgrid[:512, :512]
    board = ((y // 8 + x // 8) % 2 * 200 + 20).astype(np.uint8)
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (64, 64)).astype(np.uint8)
    page = np.full((512, 512), 240, np.uint8)
    for line in range(16, 512, 16):
        cv2.putText(page, "The quick brown fox jumps over", (8, line), cv2.FONT_HERSHEY_PLAIN, 1, 20, 1)
    grays = {
        "board of 8 pixels": board,
        "grid of 8 pixels": np.where((y % 8 == 0) | (x % 8 == 0), 40, 200).astype(np.uint8),
        "waves of 8 pixels": (128 + 60 * np.sin(np.pi * x / 4) + 40 * np.sin(np.pi * y / 4)).astype(np.uint8),
        "tile of 8 pixels": np.tile(small[:8, :8], (64, 64)),
        "pixel art, enlarged 4 times": np.kron(small, np.ones((4, 4), np.uint8)),
        "pixel art, enlarged 8 times": np.kron(small, np.ones((8, 8), np.uint8)),
        "lines of text 16 pixels apart": page,
    }
    found = {name: np.dstack([gray] * 3) for name, gray in grays.items()}
    return found | {f"{name}, noise σ 3": noise(photo, 3) for name, photo in found.items()}


def drawing() -> Photo:
    """Flat colours between smooth outlines, as in animation."""
    picture = np.full((512, 512, 3), (200, 220, 250), np.uint8)
    for size in range(240, 40, -40):
        cv2.circle(picture, (256, 256), size, (size, 250 - size, 90), -1, cv2.LINE_AA)
        cv2.circle(picture, (256, 256), size, (20, 20, 20), 2, cv2.LINE_AA)
    return picture


def spread(values: Sequence[float]) -> str:
    known = [value for value in values if value == value]
    return "  ".join(f"{value:6.2f}" for value in np.percentile(known, [0, 5, 50, 95, 100])) if known else "none"


def table(title: str, lines: dict[str, list[float]], limit: float, *, below: bool = False) -> None:
    print(f"\n{title}, limit {limit}\n{'':42}   min      5     50     95    max  reported")
    for name, values in lines.items():
        reported = sum(value <= limit if below else value >= limit for value in values)
        print(f"{name:40}  {spread(values)}  {reported} of {len(values)}")


def measured(photos: dict[str, Photo], changes: dict[str, Change], score: Callable[[Photo], float]) -> Any:
    return {name: [score(change(photo)) for photo in photos.values()] for name, change in changes.items()}


def blur(photo: Photo) -> float:
    return edge_width(luma_of(photo))


def step(photo: Photo) -> float:
    return grid_step(luma_of(photo))


def bits(one: str, other: str) -> float:
    return (int(one, 16) ^ int(other, 16)).bit_count() if one and other else float("nan")


def main() -> None:
    limits, found = Thresholds(), photos(sys.argv[1:])
    print(f"{len(found)} photos")
    table("Width of edges", measured(found, BLURRED, blur), limits.blur)
    drawn = {"a drawing": drawing(), "a drawing, Gauss σ 2": gauss(drawing(), 2)} | textures()
    table("The same", {name: [blur(picture)] for name, picture in drawn.items()}, limits.blur)
    never = {name: photo for name, photo in found.items() if step(photo) == 0}
    print(f"\nJPEG left traces in {', '.join(sorted(found.keys() - never.keys()))}: not used in the next table")
    table("Step of the JPEG grid", measured(never, COMPRESSED, step), limits.blockiness)
    table("The same", {name: [step(photo)] for name, photo in textures().items()}, limits.blockiness)
    table(
        "Detail",
        measured(found, {**CLEAN, "Gauss σ 3": partial(gauss, sigma=3)}, detail),
        limits.detail,
        below=True,
    )
    skies = {
        f"plain, noise σ {sigma}": noise(np.full((512, 512, 3), 128, np.uint8), sigma) for sigma in (0, 2, 5, 8)
    }
    table("The same", {name: [detail(photo)] for name, photo in skies.items()}, limits.detail, below=True)
    hashes = {name: fingerprint(luma_of(photo)) for name, photo in found.items()}
    lines = {
        name: [bits(hashes[key], fingerprint(luma_of(change(photo)))) for key, photo in found.items()]
        for name, change in SAME.items()
    }
    names = list(found)
    lines["different photos"] = [bits(hashes[a], hashes[b]) for n, a in enumerate(names) for b in names[:n]]
    table("Bits that differ", lines, MOST_DIFFERENT_BITS, below=True)


if __name__ == "__main__":
    main()
