"""Names of what is written."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.images.names import distinct_names
from esrgan_train.inference.targets import plan


def photos(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(path)
    return paths


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["a.jpg", "s/a.png"], ["a", "s/a"]),
        (["a.jpg", "a.png", "b.png"], ["a.jpg", "a.png", "b"]),
        (["A.jpg", "a.png"], ["A.jpg", "a.png"]),
        (["a.jpg", "a.png", "a.jpg.png"], ["a.jpg", "a.png", "a.jpg.png"]),
        (["a.png", "A.png"], ["a.png", "A.png"]),
    ],
)
def test_a_suffix_is_kept_where_it_tells_two_apart(paths: list[str], names: list[str]) -> None:
    assert distinct_names([PurePosixPath(path) for path in paths]) == names


def test_photos_of_one_name_keep_their_suffixes_and_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos(tmp_path / "in", "a.png", "a.jpg", "b.png", "sub/c.webp", "sub/C.png")
    targets = plan([str(tmp_path / "in")], tmp_path / "o", "png")
    written = {path.relative_to(tmp_path / "o").as_posix() for path in targets.values()}
    assert written == {"a.png.png", "a.jpg.png", "b.png", "sub/c.webp.png", "sub/C.png.png"}
    assert [record.message.count("have one name") for record in caplog.records] == [1, 1]
    assert "o/a.jpg.png, " in caplog.records[0].message
    assert {path.name for path in plan([str(tmp_path / "in/b.png")], tmp_path, "webp").values()} == {"b.webp"}
    kept = plan([str(tmp_path / "in/b.png")], tmp_path / "o", "webp", keep_suffix=True)
    assert [path.name for path in kept.values()] == ["b.png.webp"]


def test_all_that_would_be_written_over_each_other_are_named(tmp_path: Path) -> None:
    photos(tmp_path, "one/Photo.png", "one/b.png", "one/c.png", "two/photo.png", "two/b.png")
    with pytest.raises(
        UserError, match=r"4 photos would be written over each other.*give them one by one"
    ) as error:
        plan([str(tmp_path / "one"), str(tmp_path / "two")], tmp_path / "o", "png")
    assert all(name in str(error.value) for name in ("one/Photo.png", "two/photo.png", "one/b.png", "two/b.png"))


def test_no_input_is_overwritten(tmp_path: Path) -> None:
    source, other = photos(tmp_path, "a.png", "b.jpg")
    with pytest.raises(UserError, match=r"a\.png would be overwritten: give another folder with -o"):
        plan([str(source), str(other)], tmp_path, "png")
    assert list(plan([str(source), str(other), str(source)], tmp_path / "o", "png")) == [source, other]
