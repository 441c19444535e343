"""Samples made batch by batch, compared with those that workers make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.device_rendering import DeviceRendering, crops, of_one_depth, to_float_batch
from esrgan_train.data.loader import collate
from esrgan_train.data.photos import Photos
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Decoded, Source, Sources
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.degradation.rendering import render
from esrgan_train.images.decode import to_float
from esrgan_train.images.find import PathTable
from tests.data.small import packed, split, stream_options
from tests.data.stand_in import StandIn

MakePhotos = Callable[..., PathTable]
CPU = torch.device("cpu")
DEGRADATION = RealESRGANDegradation(upscale=2)


class Deep(Source):
    """Photos of 8 bits, and of 16 in between."""

    def __len__(self) -> int:
        return 4

    def name(self, index: int) -> str:
        return f"photo {index}"

    def decode(self, index: int) -> Decoded:
        dtype = np.uint16 if index % 2 else np.uint8
        rng = np.random.default_rng(index)
        return Decoded(rng.integers(0, np.iinfo(dtype).max, (90, 100, 3), dtype=dtype, endpoint=True))


def by_workers(source: Source, **changed: Any) -> TrainingSet:
    return TrainingSet(source, stream_options(**changed), degradation=DEGRADATION)


def on_device(source: Source, **changed: Any) -> TrainingSet:
    options = stream_options(**changed)
    rendering = DeviceRendering(DEGRADATION, StandIn(), options, device=CPU)
    return TrainingSet(source, options, degradation=DEGRADATION, rendering=rendering)


def module(source: Source, **changed: Any) -> DataModule:
    """A stand-in renders, after the workers, in the main process."""
    options = stream_options(**changed)
    return DataModule(on_device(source, **changed), compose_val(source), options, site=Site("cpu"))


def compose_val(source: Source) -> Any:
    return compose(Sources(source, source), stream_options(), degradation=DEGRADATION).validation


@pytest.mark.run
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("usm", [False, True])
def test_batches_are_those_of_the_workers_bit_for_bit(usm: bool, num_workers: int) -> None:
    options: dict[str, Any] = {"usm": usm, "batch_size": 3, "num_workers": num_workers}
    workers = compose(Sources(Deep(), Deep()), stream_options(**options), degradation=DEGRADATION)
    loaders = workers.train_dataloader(), module(Deep(), **options).train_dataloader()
    for expected, batch in islice(zip(*loaders, strict=True), 3):
        assert list(batch) == ["lr", "hr", "hr_target", "index"]
        assert torch.equal(batch["hr"], expected["hr"])
        assert torch.equal(batch["index"], expected["index"])
        assert (batch["hr_target"] is batch["hr"]) == (not usm)
        if usm:  # sharpened by other arithmetic: equal to rounding, and after JPEG to some levels
            torch.testing.assert_close(batch["hr_target"], expected["hr_target"], rtol=0, atol=1e-5)
            assert (batch["lr"] - expected["lr"]).abs().mean() < 0.01
        else:
            assert torch.equal(batch["lr"], expected["lr"])


def test_what_workers_give_is_small_and_of_the_photos_type() -> None:
    dataset = on_device(Deep())
    side = dataset.rendering.window.side if dataset.rendering else 0
    dtypes = set()
    for n in range(4):
        sample = dataset[n]
        assert list(sample) == ["window", "corner", "drawing", "index"]
        assert sample["window"].shape == (side, side, 3)
        assert (sample["corner"].shape, sample["corner"].dtype) == ((2,), torch.int64)
        assert (sample["drawing"].ndim, sample["drawing"].dtype) == (1, torch.uint8)
        dtypes.add(sample["window"].dtype)
    assert dtypes == {torch.uint8, torch.uint16}


def test_a_sample_alone_is_the_one_of_the_workers(make_photos: MakePhotos) -> None:
    photos = Photos(make_photos((100, 90), (60, 40)))
    for n in range(6):
        expected, sample = by_workers(photos).sample(n), on_device(photos).sample(n)
        assert (sample.name, sample.scale) == (expected.name, expected.scale)
        for one, other in zip(sample[:3], expected[:3], strict=True):
            assert np.array_equal(one, other)


def test_windows_of_a_packed_set_are_copies(make_photos: MakePhotos) -> None:
    root = packed(make_photos((100, 90), (120, 130)).root)
    dataset = on_device(split(root).training)
    for n in range(4):
        window = dataset[n]["window"]
        window += 1  # a view of a mapped file could not be written
        expected = by_workers(split(root).training).sample(n)
        assert np.array_equal(dataset.sample(n).hr, expected.hr)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_become_the_floats_that_decoding_gives(dtype: Any) -> None:
    levels = np.resize(np.arange(np.iinfo(dtype).max + 1), (1, 256, 256, 3)).astype(dtype)
    floats = to_float_batch(torch.from_numpy(levels))
    assert np.array_equal(floats[0].permute(1, 2, 0).numpy(), to_float(levels[0]))


def test_windows_of_both_depths_keep_their_values() -> None:
    shallow = torch.arange(256, dtype=torch.uint8).view(1, 256, 1).expand(1, 256, 3).contiguous()
    deep = torch.from_numpy(np.arange(768, dtype=np.uint16).reshape(1, 256, 3) * 85)
    assert [w.dtype for w in of_one_depth([shallow, shallow])] == [torch.uint8] * 2
    assert of_one_depth([deep, deep])[0] is deep
    both = to_float_batch(torch.stack(of_one_depth([shallow, deep])))
    for image, window in zip(both, (shallow, deep), strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), to_float(window.numpy()))


def test_each_image_is_cropped_at_its_own_corner() -> None:
    images = torch.rand(3, 3, 20, 24)
    corners = torch.tensor([[0, 0], [3, 9], [12, 16]])
    found = crops(images, corners, 8)
    for image, (y, x), crop in zip(images, corners.tolist(), found, strict=True):
        assert torch.equal(crop, image[:, y : y + 8, x : x + 8])


def test_the_published_renderer_makes_the_drawn_sizes_and_keeps_hr(make_photos: MakePhotos) -> None:
    """Without noise both renderers make nearly the same picture of a drawing."""
    quiet = {"noise_prob": 0.0, "jpeg_prob": 0.0}
    stages = {name: replace(getattr(DEGRADATION, name), **quiet) for name in ("first", "second")}
    degradation = RealESRGANDegradation(upscale=2, **stages)
    photos = Photos(make_photos((100, 90), (120, 130)))
    both = [
        compose(Sources(photos, photos), stream_options(usm=True), degradation=degradation, site=site).training
        for site in (Site("cpu"), None)
    ]
    for n in range(6):
        device, workers = (training.sample(n) for training in both)
        assert np.array_equal(device.hr, workers.hr)
        assert np.abs(device.hr_target - workers.hr_target).max() < 1e-5
        assert np.abs(device.lr - workers.lr).max() < 1.5 / 255


def test_a_sample_does_not_depend_on_its_batch(make_photos: MakePhotos) -> None:
    photos = Photos(make_photos((100, 90), (120, 130)))
    training = compose(
        Sources(photos, photos), stream_options(), degradation=DEGRADATION, site=Site("cpu")
    ).training
    assert training.rendering is not None
    make = training.rendering.on(CPU)
    together = make(collate([training[n] for n in range(5)]))
    for n in range(5):
        alone = make(collate([training[n]]))
        assert torch.equal(alone["hr"][0], together["hr"][n])
        assert torch.equal(alone["lr"][0], together["lr"][n])


def test_validation_on_training_samples_sees_what_training_sees() -> None:
    options: dict[str, Any] = {"overfit_samples": 2, "batch_size": 2}
    datamodule = module(Deep(), **options)
    trained = next(iter(datamodule.train_dataloader()))
    for number, batch in enumerate(datamodule.val_dataloader()):
        measured = datamodule.transfer_batch_to_device(batch, CPU, 0)
        assert measured["name"] == [f"photo {datamodule.training.source.photo_of(0, number)}"]
        assert torch.equal(measured["lr"][0], trained["lr"][number])
        assert torch.equal(measured["hr"][0], trained["hr"][number])


def test_the_drawing_is_the_one_of_the_workers(make_photos: MakePhotos) -> None:
    """The random numbers of a sample are used up in the same order for both."""
    photos = Photos(make_photos((100, 90)))
    drawn: list[Any] = []

    class Noting(RealESRGANDegradation):
        def draw(self, size: Any, rng: Any) -> Any:
            drawn.append(super().draw(size, rng))
            return drawn[-1]

    noting = Noting(upscale=2)
    options = stream_options(usm=True)
    rendering = DeviceRendering(noting, StandIn(), options, device=CPU)
    drawn.clear()
    TrainingSet(photos, options, degradation=noting, rendering=rendering)[5]
    TrainingSet(photos, options, degradation=noting)[5]
    device, workers = drawn
    hr = np.random.default_rng(0).random((62, 62, 3), dtype=np.float32)
    assert np.array_equal(render(hr, device), render(hr, workers))
