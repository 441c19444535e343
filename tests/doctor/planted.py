"""Folders of made-up photographs, sound or with planted faults, and the options that examine them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.tiny import tiny

Picture = NDArray[np.uint8]

UPSCALE = 4
QUIET = ("callbacks.lpips=null",)  # its weights may be on one machine and not on another


def photo(seed: int, height: int = 160, width: int = 200) -> Picture:
    """Structure of every size, as photographs have it; another one for each seed."""
    rng = np.random.default_rng(seed)
    octaves = []
    for step in (2, 4, 8, 16, 32):
        noise = rng.normal(size=(height // step + 2, width // step + 2, 3)).astype(np.float32)
        octaves.append(step * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))
    field = np.sum(octaves, axis=0)
    return (255 * (field - field.min()) / np.ptp(field)).astype(np.uint8)


def reduced(hr: Picture) -> Picture:
    size = hr.shape[1] // UPSCALE, hr.shape[0] // UPSCALE
    return np.asarray(Image.fromarray(hr).resize(size, Image.Resampling.BICUBIC))


def save(picture: Picture, *path: str | Path) -> Path:
    file = Path(*path)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)
    return file


def photos(folder: Path, *seeds: int, **size: int) -> Path:
    for seed in seeds:
        save(photo(seed, **size), folder, f"{seed:02}.png")
    return folder


def pairs(folder: Path, *seeds: int) -> tuple[Path, Path]:
    for seed in seeds:
        hr = photo(seed)
        save(hr, folder, "hr", f"{seed:02}.png")
        save(reduced(hr), folder, "lr", f"{seed:02}.png")
    return folder / "hr", folder / "lr"


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def options(root: Path, *more: str) -> list[str]:
    """Of a tiny training on ``root/photos``, validated on ``root/held_out``."""
    data = ["data=folder", f"data.train_dir={root / 'photos'}", f"data.val_dir={root / 'held_out'}", "recipe=demo"]
    return [*data, *tiny(root / "run", *QUIET), "data.scales=[1]", *more]


def everything_below(folder: Path) -> dict[Path, tuple[Any, ...]]:
    """Names, sizes and times, to compare with what is there later."""
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns if path.is_file() else 0)
        for path in sorted(folder.rglob("*"))
    }
