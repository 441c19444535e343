"""What is measured in processes of its own."""

from __future__ import annotations

import mmap
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.apart import measure_memory, memory_row, processes_row, upscale_rows
from benchmarks.child import result_of, start_child
from benchmarks.clip import clip_row
from benchmarks.sizes import QUICK
from benchmarks.startup import has_first_iteration
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import RunError
from esrgan_train.resident import forget_peak, has_peak_memory, peak_memory

pytestmark = pytest.mark.run

TINY = replace(QUICK, gt_size=16, gan_batch=2, num_feat=8, num_conv=2, discriminator_feat=8)


@pytest.mark.skipif(not has_peak_memory(), reason="this system does not report peak memory")
def test_the_peak_is_forgotten_and_found_again():
    forget_peak()
    before = peak_memory()
    block = mmap.mmap(-1, 80_000_000)  # goes back to the system whatever the allocator does
    for page in range(0, 80_000_000, mmap.PAGESIZE):
        block[page] = 1
    after = peak_memory()
    assert after - before > 70_000_000
    block.close()
    assert peak_memory() == pytest.approx(after, rel=1e-3)  # the system counts pages in batches
    forget_peak()
    assert peak_memory() < after


@pytest.mark.tools
def test_memory_of_both_sides_is_measured_apart_and_both_compute_the_same():
    row = memory_row(TINY)
    assert row.ours.median > 100
    # Our defaults take bf16 where it is native: 8 bits of each number.
    tolerance = 2**-9 if multiplies_bf16("cpu") else 1e-4
    assert row.losses["ours"]["pixel"] == pytest.approx(row.losses["peer"]["pixel"], rel=tolerance)


@pytest.mark.tools
@pytest.mark.skipif(not has_peak_memory(), reason="this system does not report peak memory")
def test_a_clip_ten_times_as_long_takes_no_more_memory():
    row = clip_row(replace(QUICK, clip_frames=600))
    assert row.ours.median > 100
    assert row.peer_name == "60 frames"
    assert row.reached is not None


@pytest.mark.tools
def test_two_processes_and_one_are_measured():
    row = processes_row(TINY)
    assert row.rounds == 6
    assert row.peer is not None


@pytest.mark.tools
def test_upscaling_is_measured_apart_and_both_sides_make_the_same_picture():
    rows = upscale_rows()
    for row in rows:
        assert row.rounds == 5
        # bf16 numbers from 0.5 to 1 lie half a level apart, and OpenVINO gives the whole result in them
        allowed = 0.25 if row.key == "upscale_openvino_bf16" else 0.1
        assert row.losses["ours"]["mean level"] == pytest.approx(row.losses["peer"]["mean level"], abs=allowed)


@pytest.mark.slow
def test_a_child_that_fails_is_reported_in_one_line():
    with pytest.raises(RunError, match=r"a process of the benchmark failed \(memory, ours\): KeyError: 'nobody'"):
        result_of(start_child(measure_memory, "nobody", TINY), "memory, ours")


def test_only_a_training_loss_counts_as_the_first_iteration(tmp_path: Path):
    file = tmp_path / "metrics.csv"
    assert not has_first_iteration(file)
    file.write_text("step,val/psnr,train/pixel\r\n0,20.1,\r\n")
    assert not has_first_iteration(file)
    file.write_text("step,val/psnr,train/pixel\r\n0,20.1,\r\n1,,0.3\r\n")
    assert has_first_iteration(file)
