"""What a measurement was taken on, and with what."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from esrgan_train import __version__
from esrgan_train.cores import usable_cores
from esrgan_train.devices import multiplies_bf16

PACKAGES = ("torch", "torchvision", "lightning", "numpy", "opencv-python-headless", "basicsr", "realesrgan")
FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16")


def describe_machine() -> dict[str, Any]:
    """Cores, processor, its features, versions and commit: plain values, none of which names the host."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "cpu": cpu_name(),
        "features": cpu_features(),
        "native_bf16": multiplies_bf16("cpu"),
        "memory_gb": memory_gb(),
        "load_average_at_start": load_average(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "esrgan_train": __version__,
        "commit": commit(),
        "versions": {name: version_of(name) for name in PACKAGES},
    }


def load_average() -> float | None:
    """Of the last minute; what else runs here spoils the figures."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cpu_name() -> str:
    """The processor's own name."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_features() -> list[str]:
    """Those of ``FEATURES`` that the processor says it has."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features") or "").split()
    return [name for name in FEATURES if name in flags]


def memory_gb() -> float | None:
    """Physical memory in GiB."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The checkout's commit, with ``+`` if files have changed since; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        name = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return name + ("+" if changed else "")


def _cpuinfo(key: str) -> str | None:
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return None
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), None)
