from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import RunError, UserError
from esrgan_train.inference import memory
from esrgan_train.kernels import kernels_of_training
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.training import validation as validation_module
from esrgan_train.training.validation import Validation
from tests.fake_cuda import fake_cuda


def make() -> Validation:
    validation = Validation(upscale=2, memory_format=torch.channels_last)
    validation.add = torch.inference_mode()(validation.add)  # type: ignore[method-assign]  # as Lightning does
    return validation


def photo(height: int, width: int, **more: Any) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(height)
    hr = torch.rand(1, 3, 2 * height, 2 * width, generator=generator)
    return {"lr": F.avg_pool2d(hr, 2), "hr": hr, "counts": torch.tensor([True]), **more}


class Watched(nn.Module):
    """Notes the sizes of what a network is given."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seen: list[tuple[int, ...]] = []

    def forward(self, lr: Tensor) -> Tensor:
        self.seen.append(tuple(lr.shape[-2:]))
        sr: Tensor = self.network(lr)
        return sr


class Everywhere(nn.Module):
    """Each pixel depends on all others."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, lr: Tensor) -> Tensor:
        return F.interpolate(lr * self.weight + lr.mean(), scale_factor=2.0)


@pytest.mark.parametrize("size", [(41, 30), (16, 75), (33, 70)])
def test_tiles_give_the_figures_of_whole_photos(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2).eval()
    batch = photo(*size)
    whole = make()
    shown = whole.add(network, batch)
    torch.testing.assert_close(shown["sr"], network(batch["lr"]))
    monkeypatch.setattr(validation_module, "_TILE", 16)
    tiled, watched = make(), Watched(network)
    with monkeypatch.context() as patched:
        patched.setattr(validation_module, "reach_of", lambda _: 3)
        torch.testing.assert_close(tiled.add(watched, batch)["sr"], shown["sr"], rtol=0, atol=1e-6)
    assert max(max(seen) for seen in watched.seen) <= 16 + 2 * 3
    expected = whole.figures()
    assert tiled.figures() == pytest.approx(expected, abs=1e-5)
    for name, measure in MEASURES.items():
        enlarged = F.interpolate(batch["lr"], scale_factor=2.0, mode="bicubic")
        assert expected[f"val/{name}"] == pytest.approx(
            measure(network(batch["lr"]), batch["hr"], 2).item(), abs=1e-5
        )
        assert expected[f"val/{name}_bicubic"] == pytest.approx(measure(enlarged, batch["hr"], 2).item(), abs=1e-5)


def test_the_reach_is_measured_once_and_only_for_large_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_module, "_TILE", 32)
    measured = []
    monkeypatch.setattr(validation_module, "reach_of", lambda network: measured.append(network) or 3)
    network, validation = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2), make()
    validation.add(network, photo(32, 32))
    assert measured == []
    validation.add(network, photo(33, 32))
    validation.add(network, photo(32, 90))
    assert measured == [network]


def test_a_network_that_looks_everywhere_gets_photos_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_module, "_TILE", 16)
    network, validation = Watched(Everywhere()), make()
    batch = photo(40, 50)
    shown = validation.add(network, batch)
    assert network.seen[-1] == (40, 50)
    assert torch.equal(shown["sr"], network.network(batch["lr"]))


def test_a_network_that_works_in_place_changes_no_photo() -> None:
    class InPlace(Everywhere):
        def forward(self, lr: Tensor) -> Tensor:
            return super().forward(lr.mul_(0.5))

    in_place, batch = make(), photo(20, 30)
    in_place.add(InPlace(), batch)
    assert torch.equal(batch["lr"], photo(20, 30)["lr"])
    bicubic = F.interpolate(batch["lr"], scale_factor=2.0, mode="bicubic")
    figures = in_place.figures()
    for name, measure in MEASURES.items():
        assert figures[f"val/{name}_bicubic"] == pytest.approx(measure(bicubic, batch["hr"], 2).item(), rel=1e-6)


def test_each_photo_counts_alike_and_the_next_means_start_from_zero() -> None:
    network, batches = Everywhere(), [photo(20, 30), photo(31, 17), photo(20, 30)]
    validation, single = make(), make()
    each = []
    for batch in batches:
        validation.add(network, batch)
        single.add(network, batch)
        each.append(single.figures())
    means = validation.figures()
    assert list(means) == [f"val/{name}" for name in (*MEASURES, *(f"{name}_bicubic" for name in MEASURES))]
    for name, mean in means.items():
        assert mean == pytest.approx(sum(one[name] for one in each) / 3, rel=1e-6)


def test_a_batch_that_stands_for_no_photo_is_not_even_enlarged() -> None:
    network, validation = Watched(Everywhere()), make()
    nothing = {"lr": torch.zeros(1, 3, 1, 1), "hr": torch.zeros(1, 3, 2, 2), "counts": torch.tensor([False])}
    assert validation.add(network, nothing) == {}
    assert network.seen == []
    with pytest.raises(UserError, match=r"no held-out photo of this validation can be read.*data\.val_dir"):
        validation.figures()
    validation.add(network, photo(20, 20))
    validation.add(network, nothing)
    alone = make()
    alone.add(network, photo(20, 20))
    assert validation.figures() == alone.figures()


def test_figures_of_all_processes_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, both = make(), make(), make()
    network, degraded = Everywhere(), photo(20, 20)
    one.add(network, degraded)  # this process has met no clean reduction, the other has
    both.add(network, degraded)
    for batch in (photo(24, 20), photo(30, 30)):
        batch["lr_clean"] = batch["lr"] * 0.9
        other.add(network, batch)
        both.add(network, batch)
    expected = both.figures()
    monkeypatch.setattr(validation_module, "all_reduce_sum", lambda total: total.add_(other.sums))
    means = one.figures()
    clean = ("psnr_clean", "ssim_clean", "psnr_clean_bicubic", "ssim_clean_bicubic")
    assert {f"val/{name}" for name in clean} < means.keys()
    assert means == pytest.approx(expected, rel=1e-6)


def test_a_validation_adds_nothing_to_a_checkpoint() -> None:
    assert make().state_dict() == {}


class Hungry(nn.Module):
    """A compact network that has no memory for more than ``most`` pixels of height."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2).eval()
        self.most, self.tried, self.refused = most, [], []  # type: ignore[var-annotated]

    def forward(self, lr: Tensor) -> Tensor:
        self.tried.append(lr.shape[-2])
        if lr.shape[-2] > self.most:
            maps = torch.zeros(4, *lr.shape)
            self.refused.append(weakref.ref(maps))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB")
        sr: Tensor = self.network(lr)
        return sr


def test_tiles_are_halved_when_memory_ends_once_for_all_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(validation_module, "reach_of", lambda _: 3)
    hungry, validation = Hungry(100), make()
    monkeypatch.setattr(memory, "give_back", lambda: kept.append(any(ref() is not None for ref in hungry.refused)))
    shown = validation.add(hungry, photo(200, 40))["sr"]
    # 256 hold the photo whole, and so does no smaller tile
    assert hungry.tried == [200, 128 + 3, 64 + 3, 64 + 2 * 3, 64 + 2 * 3, 8 + 3]
    assert kept == [False, False]  # what the failed attempts held was free before they were followed by others
    torch.testing.assert_close(shown, hungry.network(photo(200, 40)["lr"]), rtol=0, atol=1e-6)
    hungry.tried.clear()
    validation.add(hungry, photo(90, 30))
    assert max(hungry.tried) < 100  # no second attempt with tiles that were too large


def test_a_photo_that_does_not_fit_is_reported_with_its_size_and_the_remedy() -> None:
    with pytest.raises(RunError, match=r"60 × 160 pixels.*Tried to allocate 9\.00 GiB.*data\.val_max_size"):
        make().add(Hungry(10), photo(80, 30))

    class Broken(Everywhere):
        def forward(self, lr: Tensor) -> Tensor:
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ") as raised:
        make().add(Broken(), photo(80, 30))
    assert not isinstance(raised.value, RunError)


def test_bicubic_is_measured_once_for_each_photo_and_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    enlarged: list[tuple[int, ...]] = []

    def count(lr: Tensor, upscale: int) -> Tensor:
        enlarged.append(tuple(lr.shape))
        return F.interpolate(lr, scale_factor=float(upscale), mode="bicubic")

    monkeypatch.setattr(validation_module, "enlarge_bicubic", count)
    validation, network = make(), Everywhere()
    photos = [photo(20, 30, name=["a"]), photo(24, 20, name=["b"], lr_clean=photo(24, 20)["lr"] * 0.9)]
    rounds = []
    for _ in range(3):
        for position, batch in enumerate(photos):
            validation.add(network, batch, position=position)
        rounds.append(validation.figures())
    assert rounds[0] == rounds[1] == rounds[2]
    assert len(enlarged) == 3  # two photos and the clean reduction of one
    fresh = make()
    for batch in photos:
        fresh.add(network, batch)
    assert fresh.figures() == rounds[0]
    assert len(enlarged) == 6
    validation.add(network, photo(20, 30, name=["c"]), position=0)  # another photo in its place
    validation.add(network, photo(20, 30), position=0)  # without a name nothing is known of it
    assert len(enlarged) == 8


def test_nothing_waits_for_the_device_before_the_end() -> None:
    with fake_cuda() as copies:
        validation = make()
        network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2).eval()
        for _ in range(2):
            for position, size in enumerate(((20, 30), (280, 40))):  # whole, and in tiles
                low, high = torch.rand(1, 3, *size), torch.rand(1, 3, *(2 * side for side in size))
                batch = {"lr": low, "lr_clean": low, "hr": high, "name": ["a"], "counts": torch.tensor([True])}
                assert validation.add(network, batch, position=position)["sr"].device.type == "cuda"
    assert copies.found == []


def test_a_gpu_is_asked_to_count_only_where_a_photo_may_be_missing() -> None:
    with fake_cuda():
        nothing = {"lr": torch.rand(1, 3, 1, 1), "hr": torch.rand(1, 3, 2, 2), "counts": torch.tensor([False])}
        with pytest.raises(DataDependentOutputException):
            make().add(Everywhere(), nothing)


def test_photos_are_measured_in_float32_as_such_and_with_the_first_algorithm_that_fits() -> None:
    seen = []

    class Sees(Everywhere):
        def forward(self, lr: Tensor) -> Tensor:
            seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark))
            return super().forward(lr)

    with kernels_of_training(deterministic=False, benchmark=True):
        make().add(Sees(), photo(20, 20))
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark) == (True, True)
    assert seen == [(False, False)]
