from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.training import validation as validation_module
from esrgan_train.training.validation import Validation


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
    shown = in_place.add(InPlace(), batch)
    assert torch.equal(batch["lr"], photo(20, 30)["lr"])
    assert torch.equal(shown["bicubic"], F.interpolate(batch["lr"], scale_factor=2.0, mode="bicubic"))


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
