from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable, find_photos


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def relative(table: PathTable) -> list[str]:
    return [table.relative(i) for i in range(len(table))]


def test_finds_every_format_in_subfolders_sorted_by_posix_path(tmp_path: Path) -> None:
    names = ["a/z.JPG", "a.png", "b/c/d.tiff", "b/Ä ö.webp", "B.jpeg", "x.TIF", "y.bmp", "movie.gif", "f.jfif"]
    touch(*(tmp_path / name for name in names))
    touch(tmp_path / "notes.txt", tmp_path / ".hidden.png", tmp_path / ".cache/a.png", tmp_path / "png")
    said: list[str] = []
    table = find_photos(tmp_path, option="data.train_dir", say=said.append)
    assert said == []
    assert relative(table) == sorted(names)
    assert list(table) == [tmp_path / name for name in sorted(names)]
    assert all(path.is_file() for path in table)


def test_pictures_of_other_kinds_are_counted_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(*(tmp_path / name for name in ("a.png", "b/1.CR2", "b/2.cr2", "c.psd", "notes.txt", ".hidden.cr2")))
    find_photos(tmp_path, option="INPUT")
    line = f"INPUT={tmp_path}: skipped: 2 .cr2, 1 .psd: convert them to PNG or TIFF"
    assert caplog.messages == [line]
    (tmp_path / "a.png").unlink()
    with pytest.raises(
        UserError, match=r"holds no photo of a supported kind \(skipped: 2 \.cr2, 1 \.psd: convert"
    ):
        find_photos(tmp_path, option="INPUT")


def test_table_is_a_sequence_without_python_strings(tmp_path: Path) -> None:
    table = PathTable(tmp_path, ["a.png", "ü/b.png", "c.png"])
    assert (table[-1], table.relative(-3)) == (tmp_path / "c.png", "a.png")
    assert relative(table.subset([2, 0])) == ["c.png", "a.png"]
    for index in (3, -4):
        with pytest.raises(IndexError, match="size 3"):
            table[index]
    strings = [value for value in vars(table).values() if isinstance(value, (list, tuple, dict, str))]
    assert strings == []


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    try:
        touch(tmp_path / name)
    except OSError:  # a file system that insists on UTF-8 cannot hold the case
        return
    assert find_photos(tmp_path, option="data.train_dir")[0].is_file()


def test_links_are_followed_once_and_never_in_circles(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root / "z/real.png", elsewhere / "far.png")
    (root / "a_link_to_z").symlink_to(root / "z")
    (root / "z/loop").symlink_to(root)
    (root / "out").symlink_to(elsewhere)
    (root / "photo.png").symlink_to(elsewhere / "far.png")
    (root / "broken.png").symlink_to(tmp_path / "gone.png")
    found = relative(find_photos(root, option="data.train_dir"))
    assert found == ["broken.png", "out/far.png", "photo.png", "z/real.png"]


def test_a_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "real/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert list(find_photos(tmp_path / "link", option="x")) == [tmp_path / "link/a.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("gone", "does not exist"), ("file.png", "not a folder"), ("empty", "holds no photo")],
)
def test_a_wrong_folder_names_option_value_and_remedy(tmp_path: Path, name: str, message: str) -> None:
    touch(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message) as caught:
        find_photos(tmp_path / name, option="data.val_dir")
    text = str(caught.value)
    assert text.startswith(f"data.val_dir={tmp_path / name}")
    assert ": give the folder" in text
    assert "\n" not in text
