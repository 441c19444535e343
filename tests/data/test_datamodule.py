from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from esrgan_train.cores import Cores
from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable, find_photos
from tests.data.small import datamodule as make
from tests.data.small import noisy_mean, split, stream_options

MakePhotos = Callable[..., PathTable]
Tables = tuple[PathTable, PathTable]


def over_folders(train_dir: Any, val_dir: Path | None = None) -> DataModule:
    return compose(split(train_dir, val_dir), stream_options(scales=[1]), degradation=noisy_mean)


@pytest.fixture
def photos(make_photos: MakePhotos) -> tuple[PathTable, PathTable]:
    """To train on, and held out."""
    return make_photos(*[(80, 80)] * 3), make_photos((40, 45), (50, 40), folder="val")


def with_trainer(datamodule: DataModule, **state: Any) -> SimpleNamespace:
    device = SimpleNamespace(root_device=torch.device("cpu"))
    defaults = {"global_step": 0, "global_rank": 0, "world_size": 1, "is_global_zero": True, "strategy": device}
    trainer = SimpleNamespace(**(defaults | state))
    datamodule.trainer = trainer  # type: ignore[assignment]
    return trainer


def numbers(datamodule: DataModule, count: int) -> list[int]:
    loaded = islice(iter(datamodule.train_dataloader()), count)
    return [n for batch in loaded for n in batch["index"].tolist()]


def test_the_place_in_the_stream_follows_the_trainers_iterations(photos: Tables) -> None:
    datamodule = make(*photos)
    trainer = with_trainer(datamodule)
    assert numbers(datamodule, 3) == [0, 1, 2, 3, 4, 5]
    assert datamodule.state_dict() == {"samples_seen": 0}  # loaded ahead is not seen
    trainer.global_step = 2
    assert datamodule.state_dict() == {"samples_seen": 4}
    assert numbers(datamodule, 1) == [4, 5]  # a second loader continues


def test_a_resumed_stream_continues_although_the_trainer_restores_its_count_later(photos: Tables) -> None:
    datamodule = make(*photos, batch_size=3)
    trainer = with_trainer(datamodule, global_step=0)
    datamodule.load_state_dict({"samples_seen": 14})
    trainer.global_step = 7
    assert datamodule.state_dict() == {"samples_seen": 14}
    assert numbers(datamodule, 1) == [14, 15, 16]  # with another batch size
    trainer.global_step = 9
    assert datamodule.state_dict() == {"samples_seen": 20}


def test_two_processes_interleave(photos: Tables) -> None:
    streams = []
    for rank in range(2):
        datamodule = make(*photos)
        trainer = with_trainer(datamodule, global_rank=rank, world_size=2)
        streams.append(numbers(datamodule, 2))
        trainer.global_step = 2
        assert datamodule.state_dict() == {"samples_seen": 8}
    assert streams == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_validation_takes_each_held_out_photo_once(photos: Tables) -> None:
    for num_workers in (0, 2):
        datamodule = make(*photos, num_workers=num_workers)
        batches = list(datamodule.val_dataloader())
        assert [batch["name"] for batch in batches] == [["00.png"], ["01.png"]]
        assert [tuple(batch["hr"].shape) for batch in batches] == [(1, 3, 40, 44), (1, 3, 50, 40)]
        assert sorted(batches[0]) == ["counts", "draw", "hr", "index", "lr", "name"]
        assert torch.equal(batches[1]["lr"][0], datamodule.validation[1]["lr"])


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
def test_processes_share_the_held_out_photos_evenly_and_count_each_once(photos: Tables, world_size: int) -> None:
    counted, lengths = [], []
    for rank in range(world_size):
        datamodule = make(*photos)
        with_trainer(datamodule, global_rank=rank, world_size=world_size)
        batches = list(datamodule.val_dataloader())
        lengths.append(len(batches))
        counted += [batch["name"][0] for batch in batches if batch["counts"].all()]
    assert sorted(counted) == ["00.png", "01.png"]
    assert len(set(lengths)) == 1  # a process without a batch would not join the others in averaging


@pytest.mark.parametrize("usm", [False, True])
def test_moving_keeps_one_tensor_one(photos: Tables, usm: bool) -> None:
    datamodule = make(*photos, usm=usm)
    batch = next(iter(datamodule.train_dataloader()))
    moved = datamodule.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert sorted(moved) == ["hr", "hr_target", "index", "lr"]
    assert {moved[key].device.type for key in moved} == {"meta"}
    assert (moved["hr_target"] is moved["hr"]) == (not usm)


def test_small_and_bad_photos_are_reported_once_by_the_first_process(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    photos = make_photos(*[(80, 80)] * 10, (20, 90))
    for number in (4, 6, 7):
        photos[number].write_bytes(b"no picture")
    film = Image.open(photos[1])
    film.save(photos[1], save_all=True, append_images=[film])
    datamodule = make(photos, make_photos((40, 40), folder="val"), max_bad_fraction=0.5)
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        datamodule.setup("fit")
        with_trainer(datamodule, is_global_zero=False)
        datamodule.setup("fit")
    several, small, bad, *others = caplog.records
    assert several.getMessage() == "1 of 11 photos looked at hold several pictures: the first of each is used"
    assert "1 of 11 photos looked at are smaller than the 78 × 78 window" in small.getMessage()
    assert f"3 of 11 photos looked at cannot be read; the first: {photos[4]} cannot" in bad.getMessage()
    assert [record.getMessage().partition(" cannot be read")[0] for record in others] == [
        str(photos[6]),
        str(photos[7]),
    ]
    assert all(getattr(record, "to_file_only", False) for record in others)


def test_what_is_passed_over_is_reported_once_and_not_before_there_is_a_log(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = {"a": (80, 80), "b": (80, 80), "val": (80, 84)}  # of one size the photos would be the same
    roots = [make_photos(*[size] * 3, folder=folder).root for folder, size in sizes.items()]
    for root, name in zip(roots, ("1.cr2", "2.psd", "3.svg"), strict=True):
        (root / name).touch()
    datamodule = over_folders(roots[:2], roots[2])
    assert caplog.messages == []
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        datamodule.setup("fit")
    places = [("data.train_dir", roots[0], ".cr2"), ("data.train_dir", roots[1], ".psd")]
    assert caplog.messages == [
        f"{option}={root}: skipped: 1 {suffix}: convert them to PNG or TIFF"
        for option, root, suffix in [*places, ("data.val_dir", roots[2], ".svg")]
    ]


def test_large_held_out_photos_are_reported_once_and_cut(
    photos: Tables, make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    large = photos[0], make_photos(*[(80, 76)] * 3, folder="large")
    datamodule = make(*large, val_max_size=64)
    assert {batch["hr"].shape for batch in datamodule.val_dataloader()} == {(1, 3, 64, 64)}
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        datamodule.setup("fit")
        make(*large, val_max_size=80).setup("fit")
        make(*large).setup("fit")
    assert caplog.messages == [
        "3 of 3 held-out photos looked at are larger than data.val_max_size=64 pixels a side: their middle is "
        "measured; null takes them whole"
    ]


def test_it_describes_itself(photos: Tables) -> None:
    datamodule = make(*photos)
    assert datamodule.describe() == f"3 photos from {photos[0].root}, 2 held out from {photos[1].root}"
    assert datamodule.bad_samples == 0


def test_unreadable_photos_stop_it_before_it_starts(make_photos: MakePhotos) -> None:
    photos = make_photos((80, 80), (80, 80))
    photos[0].write_bytes(b"no picture")
    val = make_photos((40, 40), folder="val")
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.1"):
        make(photos, val)
    with pytest.raises(UserError, match=r"00\.png cannot be read"):
        make(val, photos)


def test_the_folder_module_splits_its_folder(make_photos: MakePhotos) -> None:
    root = make_photos(*[(80, 80)] * 5).root
    datamodule = over_folders(str(root))
    assert datamodule.describe() == f"4 photos from {root}, 1 held out"
    val = make_photos((40, 40), folder="val").root
    assert len(over_folders(root, val).training.source) == 5


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_memory_is_pinned_only_where_training_runs_on_cuda(
    photos: Tables, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # a GPU that is not used, or is
    datamodule = make(*photos)
    with_trainer(datamodule, strategy=SimpleNamespace(root_device=torch.device(device)))
    loaders = datamodule.train_dataloader(), datamodule.val_dataloader()
    assert [loader.pin_memory for loader in loaders] == [device == "cuda"] * 2


def test_workers_share_the_cores_with_the_processes_of_the_host(
    photos: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cores = [Cores(host, frozenset(range(16))) for host in ("a", "a", "b")]
    monkeypatch.setattr("esrgan_train.data.datamodule.own_cores", lambda: cores[0])
    monkeypatch.setattr("esrgan_train.data.datamodule.gather_objects", lambda _: cores)
    datamodule = make(*photos, num_workers="auto")
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        datamodule.setup("fit")
    assert datamodule.num_workers == 7
    assert caplog.messages == ["workers       7 on 8 cores, 4 batches ahead each"]
    loaders = datamodule.train_dataloader(), datamodule.val_dataloader()
    assert [(loader.num_workers, loader.prefetch_factor) for loader in loaders] == [(7, 4), (2, 1)]


def test_the_time_that_training_is_kept_waiting_is_counted(photos: Tables) -> None:
    datamodule = make(*photos)
    assert datamodule.waited == 0
    list(datamodule.val_dataloader())
    assert datamodule.waited == 0
    numbers(datamodule, 1)
    first = datamodule.waited
    numbers(datamodule, 1)
    assert 0 < first < datamodule.waited


class Recorder(lightning.LightningModule):
    """Remembers every batch it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[list[int], float]] = []

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        self.seen.append((batch["index"].tolist(), float(batch["lr"].sum())))
        return self.weight * batch["lr"].mean()

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        assert batch["lr"].shape[0] == 1

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(
    photos: Tables, folder: Path, max_steps: int, num_workers: int, resume: Path | None = None
) -> tuple[Recorder, lightning.Trainer]:
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        max_epochs=-1,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        default_root_dir=folder,
    )
    module = Recorder()
    datamodule = make(*photos, num_workers=num_workers)
    trainer.fit(module, datamodule=datamodule, ckpt_path=resume, weights_only=True)
    return module, trainer


def test_seven_and_five_iterations_equal_twelve_in_lightnings_loop(photos: Tables, tmp_path: Path) -> None:
    whole, _ = fit(photos, tmp_path, 12, num_workers=0)
    first, trainer = fit(photos, tmp_path, 7, num_workers=2)
    trainer.save_checkpoint(tmp_path / "seven.ckpt")
    rest, _ = fit(photos, tmp_path, 12, num_workers=1, resume=tmp_path / "seven.ckpt")
    assert len(first.seen) == 7
    assert first.seen + rest.seen == whole.seen
    assert [n for numbers, _ in whole.seen for n in numbers] == list(range(24))


def test_adding_photos_neither_ends_nor_replays_the_stream(make_photos: MakePhotos) -> None:
    held_out = make_photos((40, 40), folder="val")
    before = make(make_photos(*[(80, 80)] * 4), held_out)
    grown = make(make_photos(*[(80, 80)] * 9), held_out)
    trainer = with_trainer(before)
    seen = numbers(before, 10)  # five epochs of four photos
    trainer.global_step = 10
    with_trainer(grown, global_step=10)
    grown.load_state_dict(before.state_dict())
    assert numbers(grown, 10) == list(range(20, 40))  # nor does it end where the smaller folder would have
    first = {before.training[n]["hr"].numpy().tobytes() for n in seen}
    later = {grown.training[n]["hr"].numpy().tobytes() for n in range(20, 40)}
    assert len(first) == len(later) == 20
    assert not first & later
    assert {grown.training.sample(n).name for n in range(20, 40)} == {f"{i:02}.png" for i in range(9)}
    assert grown.training[7]["index"] == before.training[7]["index"] == 7


def test_the_fingerprint_shows_what_changed(make_photos: MakePhotos) -> None:
    held_out = make_photos((40, 40), folder="val")

    def fingerprint(photos: PathTable) -> dict[str, Any]:
        return make(photos, held_out).fingerprint()

    photos = make_photos(*[(80, 80)] * 4)
    first = fingerprint(photos)
    assert set(map(type, first.values())) == {int, str}
    assert fingerprint(photos) == first
    with photos[2].open("ab") as file:
        file.write(b"more")
    resized = fingerprint(photos)
    assert {name for name in first if first[name] != resized[name]} == {"photo sizes"}
    photos[2].rename(photos[2].with_name("zz.png"))
    renamed = fingerprint(find_photos(photos.root, option="x"))
    assert renamed["photos"] == first["photos"] == 4
    assert renamed["photo names"] != first["photo names"]


def test_a_clean_reduction_of_the_same_photos_can_be_validated_too(photos: Tables) -> None:
    datamodule = make(*photos, val_clean=True)
    item = datamodule.validation[1]
    plain = make(*photos).validation[1]
    assert torch.equal(item["lr"], plain["lr"])
    assert torch.equal(item["hr"], plain["hr"])
    hr = item["hr"].numpy().transpose(1, 2, 0)
    expected = BicubicDegradation(upscale=2)(hr, np.random.default_rng(0))
    assert np.array_equal(item["lr_clean"].numpy().transpose(1, 2, 0), expected)
    assert "lr_clean" not in plain


def test_folders_describe_themselves_with_their_shares(make_photos: MakePhotos) -> None:
    a = make_photos(*[(80, 80)] * 3, folder="a").root
    b = make_photos(*[(80, 80)] * 5, folder="b").root
    datamodule = over_folders({str(a): 3, str(b): 1})
    assert datamodule.describe() == f"7 photos from {a} (3 of 4 samples) and {b} (1 of 4 samples), 1 held out"
    names = [datamodule.training.sample(n).name for n in range(8)]
    assert sum(name.startswith("a/") for name in names) == 6


def test_the_stream_is_the_same_when_workers_and_processes_change_half_way(photos: Tables) -> None:
    def samples(world_size: int, batch_size: int, num_workers: int, seen: int, iterations: int) -> dict[int, Any]:
        """Every sample of these iterations, from all processes, by its number."""
        met: dict[int, Any] = {}
        for rank in range(world_size):
            options = {"batch_size": batch_size, "num_workers": num_workers}
            datamodule = make(*photos, **options)
            with_trainer(datamodule, global_rank=rank, world_size=world_size)
            datamodule.load_state_dict(make(*photos, **options).state_dict() | {"samples_seen": seen})
            for batch in islice(iter(datamodule.train_dataloader()), iterations):
                for position, n in enumerate(batch["index"].tolist()):
                    assert n not in met
                    met[n] = (batch["lr"][position], batch["hr"][position])
        return met

    straight = samples(world_size=1, batch_size=4, num_workers=0, seen=0, iterations=4)
    parts = samples(world_size=1, batch_size=4, num_workers=2, seen=0, iterations=2)
    parts |= samples(world_size=2, batch_size=2, num_workers=0, seen=8, iterations=2)
    assert list(straight) == list(range(16))
    assert sorted(parts) == list(range(16))
    for n, (lr, hr) in straight.items():
        assert torch.equal(parts[n][0], lr)
        assert torch.equal(parts[n][1], hr)
