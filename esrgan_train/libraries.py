"""Loads torch and Lightning in about half their time; commands that need both import this before other files.

Two things take the other half. Python looks for unreachable objects again and again while tens of thousands are
made that all stay: here it waits, and never looks at these again. And torchmetrics, which Lightning imports,
imports all of ``scipy.signal`` to give it a name that one audio metric misses: here it finds an empty module of
that name, and the real one is loaded when somebody asks for it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def nothing_collected() -> Iterator[None]:
    """No garbage collection within; what is there at the end is never looked at again.

    Processes that are forked later share the memory of it, since no collection writes into it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def standing_in(name: str, **attributes: object) -> Iterator[None]:
    """Within, an import of the module ``name`` finds an empty one with these attributes, unless it is loaded."""
    if name in sys.modules:
        yield
        return
    module = ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]


with nothing_collected(), standing_in("scipy.signal", hamming=None):
    import lightning  # noqa: F401
