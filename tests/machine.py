"""What decides how floating-point sums are rounded here."""

from __future__ import annotations

import platform
from hashlib import sha256
from pathlib import Path

import torch


def machine() -> dict[str, str]:
    """Plain values; where all are equal, so is every bit of what the CPU computes with as many threads."""
    names = ("cpu family", "model", "model name", "stepping", "cache size", "flags")
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    described = "\n".join(f"{name}: {fields.get(name)}" for name in names)
    return {
        "cpu": f"{fields.get('model name', platform.machine())}, {sha256(described.encode()).hexdigest()[:8]}",
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }
