"""The stream of samples is a promise: a resumed run and a rerun of an old one depend on it.

Regenerate with ``python -m pytest tests/data/test_golden_stream.py --update-golden``, and say in the changelog
why samples are no longer what they were.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.images.encode import to_uint8
from tests.data.small import names, split, training_set

GOLDEN = Path(__file__).parent / "golden" / "stream.json"
NUMBERS = (0, 1, 2, 5, 11, 12, 100, 1_000_003)


def folder_of_photos(root: Path) -> Path:
    for number in range(30):
        height, width = 60 + 7 * number, 90 - number
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        path = root / f"{'ab'[number % 2]}/{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def describe(dataset: TrainingSet, n: int) -> dict[str, Any]:
    sample = dataset.sample(n)
    digests = {name: sha256(to_uint8(getattr(sample, name)).tobytes()).hexdigest()[:16] for name in ("hr", "lr")}
    return {"name": sample.name, "scale": round(sample.scale, 6), **digests}


def every_fourth_and_a_draw(hr: Any, rng: np.random.Generator) -> Any:
    """Exact on every processor, unlike filters; shows which numbers the degradation gets."""
    lr = hr[::4, ::4].copy()
    lr[:, :, 2] = rng.integers(0, 256, lr.shape[:2]) / np.float32(255)
    return lr


@pytest.mark.parametrize("data", ["sample", "folder"])
def test_samples_are_what_they_always_were(data: str, tmp_path: Path, update_golden: bool) -> None:
    sources = sample_photos() if data == "sample" else split(folder_of_photos(tmp_path))
    dataset = training_set(
        sources.training,
        degradation=every_fourth_and_a_draw,
        upscale=4,
        seed=7,
        gt_size=32,
        scales=[1, 0.75, 0.5, 1 / 3],
    )
    found = {"held_out": names(sources.validation), "samples": {str(n): describe(dataset, n) for n in NUMBERS}}
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if update_golden:
        GOLDEN.write_text(json.dumps(golden | {data: found}, indent=1) + "\n")
    else:
        assert found == golden[data]
