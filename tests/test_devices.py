"""Of several GPUs, the one that trains is asked; errors of GPUs are told from others by their type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from esrgan_train.devices import device_name, is_device_error, multiplies_bf16
from esrgan_train.training.precision import choose_precision

FIRST, SECOND = torch.device("cuda", 0), torch.device("cuda", 1)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old card first, the current one, and a new one."""
    current = [0]
    cards = [SimpleNamespace(name="old", major=7), SimpleNamespace(name="new", major=9)]

    @contextmanager
    def chosen(device: torch.device) -> Iterator[None]:
        before, current[0] = current[0], device.index if device.index is not None else current[0]
        yield
        current[0] = before

    def card(device: torch.device | int | None = None) -> SimpleNamespace:
        index = getattr(device, "index", device)
        return cards[current[0] if index is None else index]

    monkeypatch.setattr(torch.cuda, "device", chosen)
    monkeypatch.setattr(torch.cuda, "get_device_properties", card)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: card(device).name)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or card().major >= 8
    )


@pytest.mark.usefixtures("two_gpus")
def test_the_card_that_trains_is_asked() -> None:
    assert (multiplies_bf16(FIRST), multiplies_bf16(SECOND)) == (False, True)
    assert not multiplies_bf16("cuda")  # the current one
    assert (device_name(FIRST), device_name(SECOND)) == ("old", "new")
    chosen = choose_precision("auto", SECOND)
    assert (chosen.name, chosen.device_type) == ("bf16", "cuda")
    assert choose_precision("auto", FIRST).name == "32"


def test_a_processor_is_named_by_its_threads() -> None:
    assert device_name(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"
    assert device_name(torch.device("mps")) == "mps"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: no kernel image is available for execution on the device"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("CUDA driver error: invalid argument"),
    ],
    ids=repr,
)
def test_errors_of_gpus_are_known_by_their_types_and_first_words(error: Exception) -> None:
    assert is_device_error(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[pair.cc:534] Connection closed by peer [127.0.0.1]:4242"),
        torch.distributed.DistBackendError("NCCL error: remote process exited or there was a network error"),
        OSError(28, "No space left on device"),
        ValueError("CUDA error"),
    ],
    ids=repr,
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_device_error(error)
