from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import seed_everything

from esrgan_train.build import build_module
from esrgan_train.config import compose_config, with_upscale
from esrgan_train.data.options import StreamOptions
from esrgan_train.doctor import rehearsal as room
from esrgan_train.doctor.memory import memory_check
from esrgan_train.doctor.rehearsal import Batch, Forecast, Peak, Rehearsal
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision
from tests.data.small import stream_options
from tests.tiny import tiny

CPU = torch.device("cpu")


def module_of(*overrides: str) -> ESRGANModule:
    cfg = with_upscale(compose_config(tiny(Path("nowhere"), *overrides)))
    seed_everything(0, verbose=False)
    return build_module(cfg, choose_precision("32", "cpu"))


def rehearsal_of(module: ESRGANModule, **changed: Any) -> Rehearsal:
    plan: dict[str, Any] = {"max_steps": 100, "done": 0, "parts": 1, "shared_by": 1}
    return Rehearsal(module, CPU, **(plan | changed))


def batch_of(size: int) -> Batch:
    hr = torch.rand(size, 3, 32, 32)
    return {"lr": hr[:, :, ::4, ::4], "hr": hr, "hr_target": hr}


class Told(Rehearsal):
    """Tells the memory of batches instead of measuring it; above ``dies_at`` it runs out."""

    measures_memory = True

    def __init__(
        self, *, base: int, each: int, room: int, device: str = "cpu", dies_at: float = float("inf")
    ) -> None:
        self.base, self.each, self.has = base, each, room
        self.device = torch.device(device)
        self.dies_at = dies_at
        self.ran: list[int] = []

    def coming(self) -> Iterator[tuple[Any, int, int]]:
        yield "pixel", 5, 0
        yield "gan", 5, 5

    def run(self, batch: Batch, size: int) -> Peak | None:
        self.ran.append(size)
        return None if size >= self.dies_at else Peak(self.base + size * self.each, self.has)


def options(batch_size: int, accumulate: int = 1) -> StreamOptions:
    return stream_options(batch_size=batch_size, accumulate=accumulate, gt_size=32)


GB = 10**9


def test_a_batch_that_fits_is_told_with_its_memory() -> None:
    told = Told(base=GB, each=GB // 10, room=8 * GB)
    (found,) = memory_check(told, {}, options(16))
    assert told.ran == [2, 4, 16]
    assert found.status == "ok"
    assert found.what == (
        "one iteration of the pixel stage and GAN stage with data.batch_size=16 on cpu: 2.6 GB of 8.0 GB at most"
    )


def test_a_batch_that_the_cpu_has_no_memory_for_is_never_tried() -> None:
    told = Told(base=GB, each=GB, room=8 * GB)
    (found,) = memory_check(told, {}, options(16))
    assert told.ran == [2, 4]
    assert found.status == "problem"
    assert "data.batch_size=16" in found.what
    assert "about 17.0 GB of 8.0 GB" in found.what
    # 7.2 GB less the base hold 6 samples; three parts of 6 would be 18, four of 4 are 16
    assert found.remedy.startswith("data.batch_size=6 training.accumulate=3 (a whole batch of 18, now 16)")
    assert found.remedy.endswith("up to 6 should fit")


def test_accumulation_is_multiplied() -> None:
    (found,) = memory_check(Told(base=0, each=GB, room=10 * GB), {}, options(12, accumulate=2))
    assert found.remedy.startswith("data.batch_size=6 training.accumulate=4 (a whole batch of 24, now 24)")


def test_a_gpu_that_runs_out_gets_a_recommendation() -> None:
    told = Told(base=2 * GB, each=GB, room=10 * GB, device="cuda", dies_at=8)
    (found,) = memory_check(told, {}, options(16))
    assert told.ran == [16, 2, 4]
    assert (found.status, found.remedy[:39]) == ("problem", "data.batch_size=6 training.accumulate=3")


def test_a_device_too_small_for_two_samples_takes_another_network() -> None:
    told = Told(base=GB, each=GB, room=2 * GB, dies_at=2)
    (found,) = memory_check(told, {}, options(16))
    assert found.status == "problem"
    assert "data.gt_size" in found.remedy


def test_nearly_all_memory_is_a_note() -> None:
    on_gpu, on_cpu = (Told(base=0, each=GB, room=int(4.1 * GB), device=device) for device in ("cuda", "cpu"))
    assert [found.status for found in memory_check(on_gpu, {}, options(4))] == ["note"]
    assert [found.status for found in memory_check(on_cpu, {}, options(4))] == ["problem"]  # it may be killed
    assert on_cpu.ran == [1, 2]


def test_the_forecast_leaves_a_tenth() -> None:
    forecast = Forecast(base=1.0, each=2.0, room=100)
    assert forecast.largest == 44  # 1 + 44 · 2 = 89
    assert forecast.used(44) == 89


@pytest.mark.run
def test_iterations_of_every_stage_are_rehearsed() -> None:
    module = module_of("recipe.start_step=60", "recipe.max_steps=100")
    rehearsal = rehearsal_of(module)
    assert [(name, left, at) for name, left, at in rehearsal.coming()] == [("pixel", 60, 0), ("gan", 40, 60)]
    peak = rehearsal.run(batch_of(2), 2)
    assert peak is not None
    assert 0 < peak.used < peak.room
    steps = [state["step"] for player in module.step.players for state in player.optimizer.state.values()]
    assert steps
    assert all(step == 1 for step in steps)  # with moments and all
    assert [stage.name for stage in rehearsal.stages(batch_of(2), 2)] == ["pixel", "gan"]


@pytest.mark.run
def test_a_resumed_run_rehearses_what_is_left() -> None:
    module = module_of("recipe.start_step=60", "loss.adversarial.discriminator_warmup=10")
    assert list(rehearsal_of(module, done=50).coming()) == [("pixel", 10, 50), ("gan", 40, 70)]
    assert list(rehearsal_of(module, done=80).coming()) == [("gan", 20, 80)]


@pytest.mark.run
@pytest.mark.skipif(not room.has_peak_memory(), reason="this system does not report peak memory")
def test_a_limit_of_the_system_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: 0)
    (found,) = memory_check(rehearsal_of(module_of()), batch_of(16), options(16))
    assert found.status == "problem"


def test_memory_that_runs_out_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = rehearsal_of(module_of())

    def out_of_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(rehearsal.module.step, "accumulate", out_of_memory)
    assert rehearsal.run(batch_of(2), 2) is None

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(rehearsal.module.step, "accumulate", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        rehearsal.run(batch_of(2), 2)
