"""The checks that read what decoding the photos showed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from esrgan_train.data.folders import folder_photos
from esrgan_train.data.mixed import mixed_photos
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.pairs import paired_photos
from esrgan_train.data.sources import Decoded, Source, Sources
from esrgan_train.doctor import examination
from esrgan_train.doctor.examination import Examination, Examined, Seen, examine
from esrgan_train.doctor.finding import Finding
from esrgan_train.doctor.overlap import overlap_check
from esrgan_train.doctor.pairs import pairs_check
from esrgan_train.doctor.photos import photos_check
from esrgan_train.doctor.windows import windows_check
from tests.data.small import stream_options
from tests.doctor.planted import pairs, photo, photos, reduced, save, truncate

NO_SPLIT = {"val_fraction": 0.05, "max_val_photos": 32}


def in_folders(root: Path) -> Sources:
    return folder_photos(train_dir=root / "photos", val_dir=root / "held_out", **NO_SPLIT)


def in_pairs(root: Path) -> Sources:
    (hr, lr), (val_hr, val_lr) = ((root / side / "hr", root / side / "lr") for side in ("training", "held_out"))
    return paired_photos(train_dir=hr, train_lr_dir=lr, val_dir=val_hr, val_lr_dir=val_lr, upscale=4, **NO_SPLIT)


def in_both(root: Path) -> Sources:
    hr, lr = root / "training" / "hr", root / "training" / "lr"
    val = {"pairs_val_dir": None, "pairs_val_lr_dir": None}
    folders = {"train_dir": root / "photos", "pairs_dir": hr, "pairs_lr_dir": lr}
    return mixed_photos(**folders, **val, pairs_share=0.5, upscale=4, **NO_SPLIT)


def look(sources: Sources, *, every: bool = True) -> Examination:
    return examine(sources, upscale=4, every=every)


def of_sizes(*sizes: tuple[int, int]) -> Examined:
    return Examined(Numbered(len(sizes)), [Seen(index, size) for index, size in enumerate(sizes)])


class Numbered(Source):
    """A source of a user's own, one photo of which raises what no picture reader raises."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"frame {index}"

    def decode(self, index: int) -> Decoded:
        if index == 1:
            raise KeyError("no such frame")
        return Decoded(photo(index))


@pytest.mark.run
def test_files_that_cannot_be_read_are_named_with_the_reason(tmp_path: Path) -> None:
    photos(tmp_path / "photos", *range(10))
    photos(tmp_path / "held_out", 20, 21)
    truncate(tmp_path / "photos" / "03.png")
    (tmp_path / "photos" / "text.png").write_text("not a picture")
    (tmp_path / "photos" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = look(in_folders(tmp_path))
    training, held_out = photos_check(found, max_bad_fraction=0.1)
    assert held_out == Finding("held out", "ok", "all 2 held-out photos decoded, all can be read")
    assert training.status == "problem"
    assert "all 12 training photos decoded: 3 (25.0%) cannot be used" in training.what
    assert "data.max_bad_fraction=0.25" in training.remedy
    truncated, gone, text = training.details
    assert "03.png cannot be read: " in truncated
    assert "gone.png cannot be read: No such file" in gone
    assert "text.png cannot be read: it is not a PNG" in text


def test_few_that_cannot_be_read_are_a_note() -> None:
    bad = Examined(Numbered(20), [Seen(0, reason="a.png cannot be read"), *(Seen(n) for n in range(1, 20))])
    training, _ = photos_check(Examination(bad, of_sizes((9, 9))), max_bad_fraction=0.1)
    assert (training.status, training.details) == ("note", ("a.png cannot be read",))


def test_the_share_to_give_suffices() -> None:
    """0.07 · 100 is a little more than 7."""
    for bad in range(1, 30):
        seen = [Seen(n, reason="bad" if n < bad else "") for n in range(30)]
        found, _ = photos_check(Examination(Examined(Numbered(30), seen), of_sizes((9, 9))), max_bad_fraction=0)
        assert bad <= float(found.remedy.rpartition("=")[2]) * 30


def test_any_error_of_a_source_is_reported() -> None:
    found = look(Sources(Numbered(3), Numbered(1)))
    (bad,) = found.training.bad
    assert bad.reason == "frame 1 cannot be read: KeyError: 'no such frame'"


def test_of_many_an_even_part_is_decoded_unless_all_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MOST", 3)
    some = look(Sources(Numbered(5), Numbered(1)), every=False)
    assert [seen.index for seen in some.training.photos] == [0, 2, 4]
    assert some.training.coverage == "3 of 5 (evenly spread; --all takes all)"
    assert len(look(Sources(Numbered(5), Numbered(1))).training.photos) == 5


@pytest.mark.run
def test_misfit_pairs_are_named(tmp_path: Path) -> None:
    _, lr = pairs(tmp_path / "training", *range(8))
    pairs(tmp_path / "held_out", 20)
    save(np.roll(reduced(photo(2)), 1, 1), lr, "02.png")
    save(reduced(photo(30)), lr, "04.png")
    save(photo(5)[::2, ::2], lr, "05.png")
    found = look(in_pairs(tmp_path))
    sizes, _ = photos_check(found, max_bad_fraction=0.2)
    assert sizes.status == "note"
    assert "05.png is 200 × 160, but upscale=4 times" in sizes.details[0]
    other, shifted = pairs_check(found)
    assert (other.check, other.status) == (shifted.check, shifted.status) == ("pairs", "problem")
    assert "1 of 8 pairs seem to show different pictures" in other.what
    assert other.details[0].startswith("04.png: ")
    assert re.fullmatch(r"02\.png: LR lies (0\.[89]|1\.0) px right", shifted.details[0])


@pytest.mark.run
def test_a_shift_that_all_pairs_have_is_a_note(tmp_path: Path) -> None:
    for side, seeds in (("training", range(6)), ("held_out", (20,))):
        _, lr = pairs(tmp_path / side, *seeds)
        for seed in seeds:
            save(photo(seed)[::4, ::4], lr, f"{seed:02}.png")
    (found,) = pairs_check(look(in_pairs(tmp_path)))
    assert found.status == "note"
    assert "px right and 0." in found.what
    assert "every n-th pixel" in found.what


@pytest.mark.run
def test_sound_pairs_are_well(tmp_path: Path) -> None:
    pairs(tmp_path / "training", *range(6))
    pairs(tmp_path / "held_out", 20)
    found = look(in_pairs(tmp_path))
    (well,) = pairs_check(found)
    assert well.status == "ok"
    assert well.what.startswith("7 of 7 pairs compared")
    assert [each.status for each in overlap_check(found)] == ["ok"]


@pytest.mark.run
def test_of_mixed_data_photos_and_pairs_are_judged_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "MOST", 5)
    photos(tmp_path / "photos", *range(20, 40))
    _, lr = pairs(tmp_path / "training", *range(6))
    bad = in_both(tmp_path).training.kinds[1].name(3)
    (lr / bad).write_text("not a picture")
    found = look(in_both(tmp_path), every=False)
    of_photos, of_pairs, held_out = photos_check(found, max_bad_fraction=0.1)
    assert of_photos.what == "5 of 20 (evenly spread; --all takes all) training photos decoded, all can be read"
    assert of_pairs.status == "problem"
    assert of_pairs.what.startswith("all 5 training pairs decoded: 1 (20.0%) cannot be used")
    assert held_out.what.startswith("1 of 1 held-out pairs decoded")
    (aligned,) = pairs_check(found)
    assert aligned.what.startswith("5 of 5 pairs compared")
    windows = [each.what for each in windows_check(found.training, options()) if each.check == "windows"]
    assert windows == [f"every {each} pixels that a sample is cut from" for each in HELD]


HELD = ("photo holds the 156 × 156", "pair holds the 64 × 64")


def test_photos_that_do_not_come_in_pairs_are_no_matter() -> None:
    assert list(pairs_check(look(Sources(Numbered(1), Numbered(1))))) == []


def options(**changed: object) -> StreamOptions:
    return stream_options(upscale=4, gt_size=64, scales=[1, 0.5, 0.25], **changed)


def test_windows_and_scales_that_fit_are_well() -> None:
    windows, scales = windows_check(of_sizes((700, 800), (640, 640)), options())
    assert (windows.status, windows.what[:40]) == ("ok", "every photo holds the 156 × 156 pixels t")
    assert scales.what == "data.scales: ×1 for 100%, ×0.5 for 100%, ×0.25 for 100% of the photos"


def test_scales_that_never_apply_are_named() -> None:
    _, scales = windows_check(of_sizes((400, 800), (400, 500)), options())
    assert scales.status == "note"
    assert "×0.25 for 0%" in scales.what
    assert scales.remedy.endswith("data.scales=[1,0.5]")


def test_few_small_photos_are_a_note_and_many_a_problem_with_the_crop_that_fits() -> None:
    few, *_ = windows_check(of_sizes((400, 400), (100, 400), (400, 400)), options())
    assert few.status == "note"
    assert "1 of 3 photos (33%)" in few.what
    (many,) = windows_check(of_sizes((140, 300), (140, 140), (150, 140)), options())
    assert many.status == "problem"
    assert "data.gt_size=48" in many.remedy  # its window of 48 + 92 is the largest that 140 pixels hold


def test_photos_too_small_for_any_crop_are_to_be_replaced() -> None:
    (tiny,) = windows_check(of_sizes((40, 40)), options())
    assert (tiny.status, tiny.remedy) == ("problem", "use larger photos")


@pytest.mark.run
def test_near_duplicates_between_training_and_validation_are_named(tmp_path: Path) -> None:
    photos(tmp_path / "photos", *range(4), height=320, width=400)
    photos(tmp_path / "held_out", 20, height=320, width=400)
    brighter = np.clip(photo(2, 320, 400) * 1.05 + 4, 0, 255).astype(np.uint8)
    save(brighter, tmp_path / "held_out" / "copy.jpg")
    (found,) = overlap_check(look(in_folders(tmp_path)))
    assert (found.check, found.status) == ("overlap", "problem")
    assert "1 are trained on as well" in found.what
    (named,) = found.details
    assert "copy.jpg looks like" in named
    assert "02.png" in named
    assert "data.val_dir" in found.remedy
