from __future__ import annotations

import pytest
import torch

from esrgan_train.training import meter as meter_module
from esrgan_train.training.meter import Meter

NO, YES = torch.zeros(()), torch.ones(())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(meter_module.time, "perf_counter", made)
    return made


def test_reads_means_and_the_rate_without_pauses(clock: Clock) -> None:
    meter = Meter()
    meter.add({"pixel": torch.tensor(1.0)}, skip=NO, samples=4)
    clock.now = 1.0
    meter.pause()
    clock.now = 5.0
    meter.resume()
    meter.add({"pixel": torch.tensor(3.0)}, skip=NO, samples=4)
    clock.now = 6.0
    for _ in range(2):
        assert meter.means() == {"pixel": 2.0, "samples_per_second": 4.0}
    meter.restart()
    assert meter.means() == {}


def test_other_values_need_a_restart() -> None:
    meter = Meter()
    meter.add({"pixel": torch.tensor(1.0)}, skip=NO, samples=1)
    with pytest.raises(AssertionError, match="restart"):
        meter.add({"d_real": torch.tensor(1.0)}, skip=NO, samples=1)
    meter.restart()
    meter.add({"d_real": torch.tensor(1.0)}, skip=NO, samples=1)
    assert set(meter.means()) == {"d_real", "samples_per_second"}


def test_a_skipped_iteration_does_not_spoil_the_means() -> None:
    meter = Meter()
    meter.add({"pixel": torch.tensor(float("nan"))}, skip=YES, samples=1)
    assert set(meter.means()) == {"samples_per_second"}
    meter.add({"pixel": torch.tensor(float("nan"))}, skip=YES, samples=1)
    meter.add({"pixel": torch.tensor(2.0)}, skip=NO, samples=1)
    assert meter.means()["pixel"] == 2.0
