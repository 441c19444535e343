from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.callbacks.crops import FOLDER, write_crops
from esrgan_train.report.folder import read_folders
from esrgan_train.report.pictures import Shared, drawn, fitting, iteration_text, shared_photos
from tests.report.folders import make_run, shown


def decoded(url: str) -> np.ndarray:
    kind, _, content = url.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def test_pictures_are_those_of_the_validation_pixel_for_pixel(tmp_path: Path) -> None:
    (photo, _) = shared_photos(read_folders([make_run(tmp_path / "run")]))
    page, truth = drawn(photo, several=False), shown("a.png", step=4)
    assert (page["width"], page["height"]) == (32, 32)
    assert np.array_equal(decoded(page["still"]["LR"]), truth.lr)
    assert np.array_equal(decoded(page["still"]["HR"]), truth.large["HR"])
    (series,) = page["series"]
    assert np.array_equal(decoded(series["pictures"][1]), truth.large["SR"])
    assert series["texts"] == ["before training", "iteration 4, pixel stage", "iteration 8, GAN stage"]
    assert series["label"] == "SR"


def test_a_photo_of_several_runs_is_shown_once(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name) for name in ("one", "two")]
    write_crops(folders[1] / FOLDER, [shown("c.png", seed=99)], 0)
    other = shown("a.png", seed=0)
    make_run(tmp_path / "three", photos=())
    write_crops(tmp_path / "three" / FOLDER, [other._replace(lr=255 - other.lr)], 8)
    photos = shared_photos(read_folders([*folders, tmp_path / "three"]))
    assert [(photo.name, [series.run for series in photo.series], photo.other_lr) for photo in photos] == [
        ("a.png", ["one", "two", "three"], ["three"]),
        ("b.png", ["one", "two"], []),
        ("c.png", ["two"], []),
    ]
    assert [series["label"] for series in drawn(photos[1], several=True)["series"]] == ["SR of one", "SR of two"]


def test_photos_of_one_name_with_other_pixels_stay_apart(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", photos=("a.png",))
    write_crops(folder / FOLDER, [shown("a.png", seed=50)], 8)
    assert len(shared_photos(read_folders([folder]))) == 2


def size(photos: list[Shared]) -> int:
    return sum(len(str(drawn(photo, several=False))) for photo in photos)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Shared]:
    folder = make_run(tmp_path_factory.mktemp("many") / "run", photos=("a", "b", "c"), steps=range(0, 24, 2))
    return shared_photos(read_folders([folder]))


def test_everything_is_kept_where_there_is_room(many: list[Shared]) -> None:
    kept, left_out = fitting(many, 10**7)
    assert (kept, left_out) == (many, [])


@pytest.mark.parametrize("share", [0.95, 0.6, 0.45, 0.3, 0.15, 0.12])
def test_what_is_kept_fits(many: list[Shared], share: float) -> None:
    room = int(share * size(many))
    kept, left_out = fitting(many, room)
    assert kept
    assert left_out
    assert size(kept) <= room
    for photo in kept:
        steps = [*photo.series[0].sr]
        assert steps == sorted(steps)
        assert steps[-1] == 22
        assert len(steps) == 1 or steps[0] == 0


def test_iterations_are_left_out_before_photos(many: list[Shared]) -> None:
    kept, left_out = fitting(many, int(0.7 * size(many)))
    assert len(kept) == 3
    assert left_out == [f"of each photo the pictures of {12 - len(kept[0].series[0].sr)} of 12 validations"]


def test_without_room_nothing_is_kept(many: list[Shared]) -> None:
    assert fitting(many, 100) == ([], ["3 of 3 photos"])
    assert fitting([], 100) == ([], [])


@pytest.mark.parametrize(
    ("step", "switch", "text"),
    [
        (0, 4, "before training"),
        (4, 4, "iteration 4, pixel stage"),
        (5, 4, "iteration 5, GAN stage"),
        (12000, None, "iteration 12,000"),
    ],
)
def test_an_iteration_in_words(step: int, switch: int | None, text: str) -> None:
    assert iteration_text(step, switch) == text
