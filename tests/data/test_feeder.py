"""The order of work on two streams, seen by stand-ins for CUDA's; tests/gpu/test_feeding.py asks a GPU."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
import torch

from esrgan_train.data.feeder import Fed, Feeder, moved

CUDA = torch.device("cuda", 0)


class Machine:
    """Notes what is asked of the streams of a GPU."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.training = Stream(self, "training")
        self.current = self.training

    @contextmanager
    def stream(self, stream: Stream) -> Any:
        before, self.current = self.current, stream
        yield
        self.current = before


class Stream:
    def __init__(self, machine: Machine, name: str) -> None:
        self.machine, self.name = machine, name

    def wait_stream(self, other: Stream) -> None:
        self.machine.log.append(f"{self.name} waits for {other.name}")

    def wait_event(self, event: Event) -> None:
        self.machine.log.append(f"{self.name} waits for event {event.number}")


class Event:
    made = 0

    def record(self, stream: Stream) -> None:
        Event.made += 1
        self.number = Event.made
        stream.machine.log.append(f"event {self.number} on {stream.name}")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    Event.made = 0
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: Stream(machine, "side"))
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: machine.current)
    monkeypatch.setattr(torch.cuda, "stream", machine.stream)
    return machine


def test_a_batch_is_made_beside_the_training_which_waits_for_it_alone(machine: Machine) -> None:
    def make(batch: dict[str, Any]) -> dict[str, Any]:
        machine.log.append(f"make {batch['window']} on {machine.current.name}")
        return {"lr": batch["window"]}

    feeder = Feeder(CUDA, make)
    ahead = feeder.feed({"window": 1})
    for number in (2, 3):  # as Lightning does: the next one is asked for first
        fed, ahead = ahead, feeder.feed({"window": number})
        assert isinstance(fed, Fed)
        assert fed.take() == {"lr": number - 1}
        machine.log.append(f"train {number - 1}")
    made = ["side waits for training", "make {0} on side", "event {0} on side"]
    assert machine.log == [
        *(line.format(1) for line in made),
        *(line.format(2) for line in made),
        *("training waits for event 1", "train 1"),
        *(line.format(3) for line in made),
        *("training waits for event 2", "train 2"),
    ]


@pytest.mark.usefixtures("machine")
def test_memory_of_the_other_stream_is_kept_until_training_has_read_it() -> None:
    kept: list[str] = []

    class OnGPU(torch.Tensor):
        device = CUDA  # type: ignore[assignment]

        def record_stream(self, stream: Stream) -> None:  # type: ignore[override]
            kept.append(stream.name)

    tensors = {name: torch.zeros(1).as_subclass(OnGPU) for name in ("lr", "hr")}
    fed = Feeder(CUDA, lambda _: {**tensors, "index": torch.zeros(1), "name": ["a"]}).feed({"window": 0})
    assert isinstance(fed, Fed)
    assert kept == []
    fed.take()
    assert kept == ["training"] * 2


def test_without_cuda_there_is_nothing_to_wait_for() -> None:
    batch = {"lr": torch.zeros(1), "hr": torch.ones(1)}
    feeder = Feeder(torch.device("cpu"), lambda _: {"made": True})
    assert feeder.feed({"window": 0}) == {"made": True}
    fed = feeder.feed(batch)
    assert isinstance(fed, dict)
    assert {name: fed[name] is batch[name] for name in batch} == {"lr": True, "hr": True}


def test_an_image_that_is_two_things_is_moved_once() -> None:
    hr = torch.ones(1)
    there = moved({"hr": hr, "hr_target": hr, "lr": torch.zeros(1)}, torch.device("meta"))
    assert there["hr_target"] is there["hr"]
    assert list(there) == ["hr", "hr_target", "lr"]
