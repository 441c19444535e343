from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.checks.run import check_config
from esrgan_train.config import compose_config
from esrgan_train.data.cutters import reflected
from esrgan_train.data.pairs import PairedPhotos
from esrgan_train.data.stream import photo_index
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.errors import UserError
from esrgan_train.images.find import find_photos
from tests.data.small import training_set, validation_set

UPSCALE = 2
MakePairs = Callable[..., PairedPhotos]


def write_pair(root: Path, name: str, size: tuple[int, int], seed: int) -> None:
    """LR is random and HR repeats each of its pixels, so that any crop shows whether both fit."""
    lr = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    for side, pixels in (("lr", lr), ("hr", lr.repeat(UPSCALE, 0).repeat(UPSCALE, 1))):
        path = root / side / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def pairs(tmp_path: Path) -> PairedPhotos:
    for number, size in enumerate([(40, 50), (30, 22), (60, 25)]):
        write_pair(tmp_path, f"{number}.png", size, number)
    return tables(tmp_path)


def tables(root: Path) -> PairedPhotos:
    return PairedPhotos(*(find_photos(root / side, option="x") for side in ("lr", "hr")), upscale=UPSCALE)


def make(pairs: PairedPhotos, **changed: Any) -> TrainingSet:
    return training_set(pairs, degradation=None, **changed)


def enlarged(lr: torch.Tensor) -> torch.Tensor:
    return lr.repeat_interleave(UPSCALE, -1).repeat_interleave(UPSCALE, -2)


def test_both_sides_are_cut_at_the_same_place_and_flipped_alike(pairs: PairedPhotos) -> None:
    dataset = make(pairs)
    for n in range(60):
        sample = dataset[n]
        assert sample["lr"].shape == (3, 8, 8)
        assert torch.equal(enlarged(sample["lr"]), sample["hr"])
        assert sample["hr_target"] is sample["hr"]
        assert sample["index"] == n


def test_crops_fall_everywhere_and_half_are_flipped(tmp_path: Path) -> None:
    ramp = np.arange(12, dtype=np.uint8)[:, None] * 12 + np.arange(12, dtype=np.uint8)
    for side, pixels in (("lr", ramp), ("hr", ramp.repeat(UPSCALE, 0).repeat(UPSCALE, 1))):
        (tmp_path / side).mkdir()
        Image.fromarray(pixels).save(tmp_path / side / "a.png")
    dataset = make(tables(tmp_path))
    corners, flipped = set(), 0
    for n in range(600):
        lr = (dataset[n]["lr"][0] * 255).round()
        flipped += bool(lr[0, 0] > lr[0, 1])
        corners.add(int(lr.min()))
    assert corners == {12 * y + x for y in range(5) for x in range(5)}
    assert 240 < flipped < 360


def test_small_pairs_are_continued_alike(tmp_path: Path) -> None:
    write_pair(tmp_path, "a.png", (3, 20), 0)
    write_pair(tmp_path, "b.png", (1, 1), 1)
    dataset = make(tables(tmp_path))
    for n in range(10):
        assert torch.equal(enlarged(dataset[n]["lr"]), dataset[n]["hr"])


def test_what_is_missing_is_mirrored_with_its_edge() -> None:
    image = np.arange(3, dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(3, 2)
    assert reflected(image, 8)[:, 0, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]
    assert reflected(image, 2) is image


def test_sharpening_changes_the_target_alone(pairs: PairedPhotos) -> None:
    plain, sharp = make(pairs)[4], make(pairs, usm=True)[4]
    assert torch.equal(plain["lr"], sharp["lr"])
    assert torch.equal(plain["hr"], sharp["hr"])
    assert (sharp["hr_target"] - sharp["hr"]).abs().max() > 0.05


def test_photos_come_in_the_order_of_the_stream(pairs: PairedPhotos) -> None:
    dataset = make(pairs)
    assert [dataset.sample(n).name for n in range(9)] == [f"{photo_index(0, n, 3)}.png" for n in range(9)]
    assert torch.equal(make(pairs, cache_mb=0)[7]["hr"], dataset[7]["hr"])


def test_a_pair_found_to_be_of_a_wrong_scale_is_replaced(
    pairs: PairedPhotos, caplog: pytest.LogCaptureFixture
) -> None:
    good = [make(pairs)[n] for n in range(12)]
    Image.new("RGB", (44, 61)).save(pairs[1])
    dataset = make(pairs)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        after = [dataset[n] for n in range(12)]
    for n in range(12):
        assert torch.equal(after[n]["hr"], good[n]["hr"]) == (photo_index(0, n, 3) != 1)
    (record,) = caplog.records
    assert "1.png is 44 × 61, but upscale=2 times its LR" in record.getMessage()
    assert dataset.bad.count == 1


def test_held_out_pairs_are_whole(pairs: PairedPhotos) -> None:
    held_out = validation_set(pairs, degradation=None)
    item = held_out[1]
    assert (len(held_out), item["index"], item["name"], item["counts"]) == (3, 1, "1.png", True)
    assert not held_out[4]["counts"]
    assert item["lr"].shape == (3, 30, 22)
    assert torch.equal(enlarged(item["lr"]), item["hr"])
    Image.new("RGB", (4, 4)).save(pairs.lr[0])
    assert not held_out[0]["counts"]
    assert "0.png is 100 × 80, but upscale=2" in held_out.bad.noted()[0]


def compose(root: Path, *more: str) -> Any:
    given = [f"data.train_dir={root / 'hr'}", f"data.train_lr_dir={root / 'lr'}", "data.num_workers=0"]
    small = ["upscale=2", "data.gt_size=16", "data.batch_size=2"]
    return compose_config(["data=paired", *given, *small, *more])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        write_pair(tmp_path, f"{number}.png", (40, 44), number)
    return tmp_path


def started(datamodule: Any) -> Any:
    cpu = SimpleNamespace(root_device=torch.device("cpu"))
    trainer = SimpleNamespace(global_step=0, global_rank=0, world_size=1, is_global_zero=True, strategy=cpu)
    datamodule.trainer = trainer
    datamodule.setup("fit")
    return datamodule


def test_the_configuration_builds_it_without_a_degradation(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    cfg = compose(root)
    assert cfg.degradation is None
    check_config(cfg)
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        datamodule = started(build_datamodule(cfg))
    assert caplog.messages == []
    assert isinstance(datamodule.training.source, PairedPhotos)
    assert datamodule.describe() == f"5 pairs from {root / 'hr'} with {root / 'lr'}, 1 held out"
    batch = next(iter(datamodule.train_dataloader()))
    assert sorted(batch) == ["hr", "hr_target", "index", "lr"]
    assert batch["lr"].shape == (2, 3, 8, 8)
    assert batch["hr_target"].shape == (2, 3, 16, 16)
    assert batch["hr_target"] is batch["hr"]  # own pairs bring the overnight recipe, which does not sharpen
    (held_out,) = datamodule.val_dataloader()
    assert torch.equal(enlarged(held_out["lr"]), held_out["hr"])


def test_what_is_left_out_or_without_effect_is_reported(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "lr/5.png").unlink()
    (root / "lr/5.psd").touch()
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        started(build_datamodule(compose(root, "degradation=light")))
    assert caplog.messages == [
        f"data.train_lr_dir={root / 'lr'}: skipped: 1 .psd: convert them to PNG or TIFF",
        "data.train_dir: 1 of 6 photos have no partner in data.train_lr_dir and are left out: 5.png",
        "degradation has no effect with data=paired: the LR photos are used as they are: give degradation=none",
    ]


def test_what_pairs_cannot_have_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match="target_noise cannot be added to data=paired"):
        build_datamodule(compose(root, "target_noise=grain"))
    with pytest.raises(UserError, match=r"but upscale=4 times its LR.*give upscale=2"):
        build_datamodule(compose(root, "upscale=4", "data.gt_size=32"))


@pytest.mark.parametrize("upscale", [2, 4])  # the right one, and another
def test_swapped_folders_are_recognized_by_sizes(upscale: int, root: Path) -> None:
    swapped = [f"data.train_dir={root / 'lr'}", f"data.train_lr_dir={root / 'hr'}"]
    with pytest.raises(UserError, match=r"hr.0\.png of .*: swap the two folders \(data.train_dir"):
        build_datamodule(compose(root, *swapped, f"upscale={upscale}", "data.gt_size=32"))


def test_other_data_need_a_degradation() -> None:
    cfg = compose_config(["data=sample", "degradation=none"])
    check_config(cfg)
    with pytest.raises(UserError, match="give degradation=realesrgan, light or bicubic, or data=paired"):
        build_datamodule(cfg)
