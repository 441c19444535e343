from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.run

SCRIPT = """
import sys, torch
from esrgan_train.allocator import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20  # MiB

if sys.argv[1] == "keep":
    assert keep_freed_memory()
before = resident()
block = torch.ones(100 * 2**20, dtype=torch.uint8)
del block
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another")
@pytest.mark.parametrize(("how", "kept"), [("keep", True), ("return", False)])
def test_a_freed_block_stays_with_the_process(how, kept):
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    assert (float(done.stdout) > 90) is kept
