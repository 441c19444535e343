from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from esrgan_train.screening.duplicates import Match
from esrgan_train.screening.scores import Scores, measure
from esrgan_train.screening.verdict import Thresholds, complaints, duplicate
from tests.screening.spoilt import as_jpeg, photo

GOOD = Scores(blur=1.6, jpeg_quality=95, blockiness=0.1, detail=0.5, fingerprint="0" * 64)


def test_a_good_photo_has_no_complaints(tmp_path: Path) -> None:
    Image.fromarray(photo("astronaut")).save(tmp_path / "good.png")
    assert complaints(measure(photo("astronaut"), tmp_path / "good.png")) == []
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"blur": 4.0}, "blurred", "edges 4.0 px wide"),
        ({"jpeg_quality": 60}, "compressed", "JPEG 60"),
        ({"blockiness": 0.5}, "compressed", "once JPEG of about 75"),
        ({"blockiness": 2.0}, "compressed", "once JPEG of about 25"),
        ({"detail": 0.001}, "flat", "0.1% has detail"),
    ],
)
def test_a_score_beyond_its_limit_is_one_complaint_with_the_score(changed: dict, kind: str, said: str) -> None:
    (complaint,) = complaints(replace(GOOD, **changed))
    assert complaint.kind == kind
    assert said in complaint.reason
    assert complaint.score == next(iter(changed.values()))


def test_limits_can_be_chosen() -> None:
    strict = Thresholds(blur=1.5, jpeg_quality=95, blockiness=0.05, detail=0.6)
    assert [found.kind for found in complaints(GOOD, strict)] == ["flat", "blurred", "compressed"]


def test_a_jpeg_of_low_quality_is_one_complaint_though_its_pixels_tell_too() -> None:
    assert len(complaints(replace(GOOD, jpeg_quality=50, blockiness=1.0))) == 1


def test_a_picture_without_edges_is_flat_but_not_blurred() -> None:
    scores = measure(np.full((300, 300, 3), 120, np.uint8))
    assert [found.kind for found in complaints(scores)] == ["flat"]


def test_planted_faults_are_found(tmp_path: Path) -> None:
    good = photo("coffee")
    Image.fromarray(good).save(tmp_path / "low.jpg", quality=40)
    kinds = {
        "blurred": complaints(measure(cv2.GaussianBlur(good, (0, 0), 2))),
        "compressed": complaints(measure(as_jpeg(good, 60)[2:, 7:])),
    }
    assert {name: [found.kind for found in some] for name, some in kinds.items()} == {
        "blurred": ["blurred"],
        "compressed": ["compressed"],
    }
    assert measure(good, tmp_path / "low.jpg").jpeg_quality == 40


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (64, 64), (71, 71), (1, 5000)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pictures_of_any_size_can_be_measured(shape: tuple[int, int], kind: type) -> None:
    picture = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (*shape, 3)).astype(kind)
    before = picture.copy()
    scores = measure(picture)
    assert 0 <= scores.detail <= 1
    assert scores.jpeg_quality is None
    assert np.array_equal(picture, before)


def test_a_duplicate_names_the_earlier_one() -> None:
    assert duplicate(Match(5, 2, 12), "a/b.png").reason == "duplicate: like a/b.png (12 of 256 bits differ)"
