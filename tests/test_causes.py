"""Errors of torch become one line with what to type; those of disks and of others stay what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from esrgan_train.causes import foreseen
from esrgan_train.config import compose_config
from esrgan_train.errors import RunError
from esrgan_train.train import train
from esrgan_train.training.step import TrainingStep
from tests.tiny import tiny

# As torch 2.14 words it.
OUT = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 23.69 GiB of which 1.19 GiB "
    "is free. Including non-PyTorch memory, this process has 22.49 GiB memory in use. Of the allocated memory "
    "20.00 GiB is allocated by PyTorch, and 1.50 GiB is reserved by PyTorch but unallocated."
)
HOST = "[alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."


def line(error: Exception, *, size: int = 12, parts: int = 1) -> str | None:
    cfg = OmegaConf.create({"data": {"batch_size": size, "gt_size": 256}, "training": {"accumulate": parts}})
    cause = foreseen(error, cfg, "cuda:1")
    return None if cause is None else str(cause)


def test_memory_that_ran_out_is_told_with_what_was_needed_and_free_and_what_to_type() -> None:
    assert line(torch.OutOfMemoryError(OUT)) == (
        "not enough memory on cuda:1 for an iteration (2.00 GiB more were needed, 1.19 GiB of 23.69 GiB were free)"
        ": give data.batch_size=6 training.accumulate=2, which is the same batch of 12 in more parts, or a "
        "smaller data.gt_size (it is 256)"
    )
    assert "(4096 bytes more were needed): give" in str(line(RuntimeError(HOST)))
    assert "for an iteration: give" in str(line(RuntimeError("could not create a primitive")))


@pytest.mark.parametrize(
    ("size", "parts", "typed"),
    [
        (9, 2, "data.batch_size=3 training.accumulate=6, which is the same batch of 18 in more parts"),
        (7, 1, "data.batch_size=1 training.accumulate=7, which is the same batch of 7 in more parts"),
        (1, 4, "give a smaller data.gt_size (it is 256), or a smaller network"),
    ],
)
def test_the_same_batch_in_more_parts(size: int, parts: int, typed: str) -> None:
    assert typed in str(line(torch.OutOfMemoryError(OUT), size=size, parts=parts))


def test_a_gpu_that_fails_is_named() -> None:
    for error in (
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nSearch for it"),
        RuntimeError("CUDA error: an illegal memory access was encountered\nSearch for it"),
    ):
        told = str(line(error))
        assert told.startswith(
            "cuda:1 failed (CUDA error: an illegal memory access was encountered Search for it)"
        )
        assert "CUDA_LAUNCH_BLOCKING=1" in told


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        OSError(28, "No space left on device"),
        MemoryError("a large photo"),
        ValueError(),
    ],
    ids=repr,
)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    assert line(error) is None


@pytest.mark.slow
@pytest.mark.run
def test_a_run_that_needs_too_much_ends_with_that_line_and_the_way_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(step: TrainingStep, *arguments: object, **named: object) -> object:
        if named["done"] == 5:
            raise torch.OutOfMemoryError(OUT)
        return iteration(step, *arguments, **named)  # type: ignore[arg-type]

    iteration = TrainingStep.__call__
    monkeypatch.setattr(TrainingStep, "__call__", refuse)
    with pytest.raises(
        RunError, match=r"1\.19 GiB of 23\.69 GiB were free.*batch_size=1 training\.accumulate=2.*; resume"
    ):
        train(compose_config(tiny(tmp_path, "trainer.max_steps=12", "recipe.start_step=100")))
    written = (tmp_path / "train.log").read_text()
    assert "Traceback" in written
    assert "in refuse" in written
