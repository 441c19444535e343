"""Altered samples are as much a function of (seed, n) as the others, wherever they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.device_rendering import DeviceRendering
from esrgan_train.data.loader import TrainingLoader, collate
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.photos import Photos
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.data.worker_plan import plan_workers
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.images.find import PathTable
from tests.data.augmented import EVERY, augmentations, augmented
from tests.data.small import block_mean, packed, split, stream_options, training_set
from tests.data.stand_in import StandIn
from tests.data.test_device_rendering import CPU, DEGRADATION, Deep
from tests.data.test_pairs import enlarged, tables, write_pair

MakePhotos = Callable[..., PathTable]
IMAGES = ("lr", "hr", "hr_target")


@pytest.fixture
def photos(make_photos: MakePhotos) -> Photos:
    return Photos(make_photos((100, 90), (120, 130), (60, 40), (90, 90)))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in IMAGES)


def on_device(source: Source, probs: dict[str, float], **changed: Any) -> TrainingSet:
    options, drawn = stream_options(**changed), augmentations(**probs)
    rendering = DeviceRendering(DEGRADATION, StandIn(), options, device=CPU, augmentations=drawn)
    return TrainingSet(source, options, degradation=DEGRADATION, rendering=rendering, augmentations=drawn)


def test_samples_that_are_not_drawn_stay_bit_for_bit(photos: Photos):
    plain, altered = training_set(photos), augmented(photos, {"mixup": 0.2, "cutblur": 0.3})
    drawn = {n for n in range(40) if altered.take(n).drawn is not None}
    assert 10 < len(drawn) < 30
    assert {n for n in range(40) if not same(plain[n], altered[n])} == drawn


def test_a_sample_is_made_the_same_again_and_elsewhere(photos: Photos):
    forwards = augmented(photos, EVERY)
    backwards = augmented(photos, EVERY, cache_mb=0)
    expected = [forwards[n] for n in range(24)]
    assert all(same(backwards[n], expected[n]) for n in reversed(range(24)))


def test_only_samples_with_a_partner_cost_a_second_photo(photos: Photos):
    decoded: list[int] = []

    class Counting(Photos):
        def decode(self, index: int) -> Any:
            decoded.append(index)
            return super().decode(index)

    counting = augmented(Counting(photos.table), EVERY, cache_mb=0)
    partners = [counting.take(n).partner is not None for n in range(24)]
    assert len(decoded) == 24 + sum(partners) < 48


def test_partners_are_any_photos(photos: Photos):
    dataset = augmented(photos, {"mixup": 1.0})
    samples = [dataset.sample(n) for n in range(60)]
    assert {sample.altered for sample in samples} == {"mixup"}
    assert {sample.partner for sample in samples} == {"00.png", "01.png", "02.png", "03.png"}
    assert len({(sample.name, sample.partner) for sample in samples}) == 16


def test_an_unreadable_partner_is_replaced(make_photos: MakePhotos):
    table = make_photos((80, 80), (80, 80), (80, 80), (80, 80))
    good = augmented(Photos(table), {"cutmix": 1.0})
    before = [good.sample(n) for n in range(16)]
    table[1].write_bytes(b"no picture")
    dataset = augmented(Photos(table), {"cutmix": 1.0})
    for n, sample in enumerate(before):
        now = dataset.sample(n)
        assert "01.png" not in (now.name, now.partner)
        if "01.png" not in (sample.name, sample.partner):
            assert np.array_equal(now.hr, sample.hr)


@pytest.mark.parametrize("name", ["mixup", "cutmix", "cutblur"])
def test_lr_remains_made_from_the_target(name: str, photos: Photos):
    dataset = augmented(photos, {name: 1.0}, degradation=block_mean, usm=True)
    for n in range(6):
        sample = dataset[n]
        bound = 0.5 if name == "cutblur" else 1e-6  # bicubic, where the others are means
        assert (sample["lr"] - avg_pool2d(sample["hr_target"], 2)).abs().max() < bound
        assert not torch.equal(sample["hr"], sample["hr_target"])


def test_real_pairs_are_mixed_alike(tmp_path: Any):
    for number in range(3):
        write_pair(tmp_path, f"{number}.png", (40, 50), number)
    dataset = augmented(tables(tmp_path), {"mixup": 0.5, "cutmix": 0.5}, degradation=None, rotate=True)
    for n in range(8):
        sample = dataset[n]
        assert dataset.take(n).partner is not None
        assert torch.equal(enlarged(sample["lr"]), sample["hr"])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_two_processes_take_the_samples_of_one(num_workers: int, photos: Photos):
    dataset = augmented(photos, EVERY)

    def batches(rank: int, world_size: int, size: int) -> list[dict[str, Any]]:
        sampler = RankStridedSampler(start=3, rank=rank, world_size=world_size)
        loader = TrainingLoader(dataset, batch_size=size, sampler=sampler, num_workers=num_workers)
        return list(islice(loader, 3))

    whole = batches(0, 1, 4)
    for one, *shares in zip(whole, batches(0, 2, 2), batches(1, 2, 2), strict=True):
        order = list(chain.from_iterable(zip(*(share["index"].tolist() for share in shares), strict=True)))
        assert order == one["index"].tolist()
        for name in IMAGES:
            for rank, share in enumerate(shares):
                assert torch.equal(share[name], one[name][rank::2])


@pytest.mark.parametrize("usm", [False, True])
def test_the_device_alters_samples_as_workers_do(usm: bool):
    workers = augmented(Deep(), EVERY, degradation=DEGRADATION, usm=usm)
    device = on_device(Deep(), EVERY, usm=usm)
    assert device.rendering is not None
    make = device.rendering.on(CPU)
    for first in range(0, 24, 6):
        numbers = range(first, first + 6)
        drawn = collate([device[n] for n in numbers])
        partners = sum(device.take(n).partner is not None for n in numbers)
        assert len(drawn["window"]) == len(drawn["corner"]) == len(drawn["drawing"]) == 6 + partners
        made, expected = make(drawn), collate([workers[n] for n in numbers])
        assert list(made) == [*IMAGES, "index"]
        assert (made["hr_target"] is made["hr"]) == (not usm)
        assert torch.equal(made["hr"], expected["hr"])
        if usm:  # sharpened by other arithmetic: equal to rounding, and after JPEG to some levels
            assert (made["hr_target"] - expected["hr_target"]).abs().max() < 1e-5
            assert (made["lr"] - expected["lr"]).abs().mean() < 0.01
        else:
            assert torch.equal(made["lr"], expected["lr"])


def test_a_sample_alone_is_that_of_its_batch_on_either_side():
    for dataset in (augmented(Deep(), EVERY, degradation=DEGRADATION), on_device(Deep(), EVERY)):
        make = dataset.rendering.on(CPU) if dataset.rendering else dict
        together = make(collate([dataset[n] for n in range(8)]))
        for n in range(8):
            sample = dataset.sample(n)
            assert np.array_equal(sample.lr, together["lr"][n].permute(1, 2, 0).numpy())
            assert np.array_equal(sample.hr, together["hr"][n].permute(1, 2, 0).numpy())


def test_batches_without_a_partner_have_no_further_rows():
    device = on_device(Deep(), {"cutblur": 1.0})
    assert len(collate([device[n] for n in range(3)])["window"]) == 3


def test_the_published_renderer_takes_partners_too(photos: Photos):
    """Without noise both renderers make nearly the same picture of a drawing."""
    quiet = {"noise_prob": 0.0, "jpeg_prob": 0.0}
    stages = {name: replace(getattr(DEGRADATION, name), **quiet) for name in ("first", "second")}
    degradation = RealESRGANDegradation(upscale=2, **stages)
    device, workers = (
        composed(photos, stream_options(), degradation, site).training for site in (Site("cpu"), None)
    )
    for n in range(8):
        made, expected = device.sample(n), workers.sample(n)
        assert (made.altered, made.partner) == (expected.altered, expected.partner)
        assert np.array_equal(made.hr, expected.hr)
        assert np.abs(made.lr - expected.lr).max() < 1.5 / 255


def composed(source: Source, options: StreamOptions, degradation: Any, site: Site | None) -> DataModule:
    drawn = augmentations(**EVERY)
    return compose(Sources(source, source), options, degradation=degradation, augmentations=drawn, site=site)


@pytest.mark.parametrize("site", [None, Site("cpu")])
def test_samples_learnt_by_heart_are_validated_as_they_are_trained(site: Site | None, photos: Photos):
    options = stream_options(overfit_samples=4, batch_size=4)
    module = composed(photos, options, DEGRADATION, site)
    trained = next(iter(module.train_dataloader()))
    for number, batch in enumerate(module.val_dataloader()):
        measured = module.transfer_batch_to_device(batch, CPU, 0)
        assert torch.equal(measured["lr"][0], trained["lr"][number])
        assert torch.equal(measured["hr"][0], trained["hr"][number])


def test_held_out_photos_are_not_altered(photos: Photos):
    plain = compose(Sources(photos, photos), stream_options(), degradation=DEGRADATION).validation[0]
    altered = composed(photos, stream_options(), DEGRADATION, None).validation[0]
    assert torch.equal(plain["lr"], altered["lr"])
    assert torch.equal(plain["hr"], altered["hr"])


def test_shared_memory_is_kept_for_the_windows_of_partners(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("esrgan_train.data.worker_plan._room", lambda _: 30 * 2**20)
    options = stream_options(gt_size=256, upscale=4, batch_size=12, num_workers="auto")
    counts = [
        plan_workers(options, cores=8, processes=1, held_out_pixels=10**6, rendered=False, windows=windows)
        for windows in (1, 2)
    ]
    assert [plan.training.count for plan in counts] == [3, 1]


def test_photos_of_a_folder_and_packed_are_altered_alike(make_photos: MakePhotos):
    root = make_photos((100, 90), (120, 130), (90, 95)).root
    plain, mapped = (augmented(split(folder).training, EVERY, rotate=True) for folder in (root, packed(root)))
    assert all(same(plain[n], mapped[n]) for n in range(12))
