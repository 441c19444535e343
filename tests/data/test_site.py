from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.build import build_datamodule
from esrgan_train.checks import devices
from esrgan_train.config import check, compose_config
from esrgan_train.data.site import BY_WORKERS, Site, choose_site, site_named
from esrgan_train.degradation import BicubicDegradation, RealESRGANDegradation
from esrgan_train.errors import UserError
from tests.data.small import noisy_mean
from tests.tiny import tiny

AUTO, CPU, CUDA = (RealESRGANDegradation(device=device) for device in ("auto", "cpu", "cuda"))


class WithoutDevice:
    def __init__(self) -> None:
        self.draw, self.places = AUTO.draw, AUTO.places


def chosen(degradation: Any, trains_on: str = "cuda", *, paired: bool = False, target_noise: bool = False) -> Site:
    return choose_site(degradation, trains_on=trains_on, paired=paired, target_noise=target_noise)


def test_the_gpu_that_trains_renders_where_nothing_forbids_it() -> None:
    assert chosen(AUTO) == chosen(CUDA) == Site("cuda")
    assert str(chosen(AUTO)) == "LR is made on the device that trains (cuda): workers only cut and draw"


@pytest.mark.parametrize("trains_on", ["cpu", "mps"])
@pytest.mark.parametrize("degradation", [AUTO, CPU, BicubicDegradation(), noisy_mean, None])
def test_elsewhere_the_workers_do_and_nothing_is_said(degradation: Any, trains_on: str) -> None:
    assert chosen(degradation, trains_on, paired=degradation is None) == BY_WORKERS
    assert str(BY_WORKERS) == "LR is made by the workers, on the CPU"


@pytest.mark.parametrize(
    ("degradation", "more", "reason"),
    [
        (AUTO, {"target_noise": True}, "target_noise is made by the workers"),
        (BicubicDegradation(), {}, "BicubicDegradation does not draw what it does beforehand"),
        (noisy_mean, {}, "noisy_mean does not draw what it does beforehand"),
        (WithoutDevice(), {}, "WithoutDevice has no option device"),
        (CPU, {}, "degradation.device=cpu"),
    ],
)
def test_beside_a_gpu_the_workers_do_it_for_a_reason(degradation: Any, more: dict[str, Any], reason: str) -> None:
    site = chosen(degradation, **more)
    assert site.device is None
    assert str(site) == f"LR is made by the workers, on the CPU: {reason}"
    assert site.remedy == ("degradation.device=auto" if degradation is CPU else "")


@pytest.mark.parametrize(
    ("trains_on", "more", "why"),
    [
        ("cpu", {}, "LR is made on the device that trains, which is cpu here"),
        ("cuda", {"target_noise": True}, "target_noise is made by the workers"),
        ("cuda", {"paired": True}, "pairs bring LR photos, which the workers cut"),
    ],
)
def test_a_gpu_that_is_asked_for_in_vain_is_a_mistake(trains_on: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError) as caught:
        chosen(CUDA, trains_on, **more)
    assert str(caught.value) == f"degradation.device=cuda: {why}; give degradation.device=auto or cpu"


def test_a_site_is_known_by_its_name() -> None:
    for site in (Site("cuda"), Site("cpu"), BY_WORKERS):
        assert site_named(site.name) == site
    assert site_named(None) == BY_WORKERS  # a checkpoint of earlier versions
    assert Site(reason="target_noise").name == BY_WORKERS.name


def test_options_say_where_a_gpu_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = compose_config(tiny(tmp_path / "run", "degradation.device=cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"^degradation\.device=cuda: no GPU was found; give degradation\.device="):
        check(cfg)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(
        UserError, match=r"trainer\.accelerator=cpu does not train on a GPU, .*trainer\.accelerator=gpu"
    ):
        check(cfg)
    monkeypatch.setattr(devices, "device_of", lambda _: "cuda")
    check(cfg)
    with pytest.raises(UserError, match=r"degradation\.device=gpu: give one of auto, cpu, cuda"):
        check(compose_config(tiny(tmp_path / "run", "degradation.device=gpu")))


def test_a_degradation_without_drawing_has_no_such_option(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"degradation\.device=cuda: .*BicubicDegradation has no such argument"):
        check(compose_config(tiny(tmp_path / "run", "degradation=bicubic", "+degradation.device=cuda")))


@pytest.mark.parametrize(("trains_on", "device"), [("cpu", None), ("cuda", "cuda")])
def test_a_run_renders_where_it_trains(tmp_path: Path, trains_on: str, device: str | None) -> None:
    datamodule = build_datamodule(compose_config(tiny(tmp_path / "run")), trains_on=trains_on)
    assert datamodule.site.device == device
    assert datamodule.fingerprint()["renderer"] == trains_on
    assert set(datamodule.training[0]) == ({"lr", "hr", "hr_target", "index"} if device is None else DRAWN)


DRAWN = {"window", "corner", "drawing", "index"}
