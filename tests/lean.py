"""Makes this process one in which the packages are missing that only some runs need.

``python -m tests.lean MODULE ...`` runs a module in such a process.
"""

from __future__ import annotations

import importlib.abc
import importlib.metadata
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

MISSING = {
    "hydra": "hydra-core",
    "omegaconf": "omegaconf",
    "hydra_zen": "hydra-zen",
    "wandb": "wandb",
    "imagecodecs": "imagecodecs",
    "spandrel": "spandrel",
}


class Refusing(importlib.abc.MetaPathFinder):
    """Finds none of them."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if (top := name.partition(".")[0]) in MISSING:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)


def refuse() -> None:
    """From here on they cannot be imported, nor found among the installed packages."""
    assert not MISSING.keys() & sys.modules.keys(), "one of them is imported already"
    sys.meta_path.insert(0, Refusing())
    found = importlib.metadata.Distribution.from_name.__func__  # type: ignore[attr-defined]

    def from_name(cls: Any, name: str) -> Any:
        if name.lower().replace("_", "-") in MISSING.values():
            raise importlib.metadata.PackageNotFoundError(name)
        return found(cls, name)

    importlib.metadata.Distribution.from_name = classmethod(from_name)  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    refuse()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
