"""Whether a network's operations run as written, or are recorded for a compiler or a file."""

from __future__ import annotations

import torch


def is_eager() -> bool:
    """Whether code runs now: not while torch compiles, exports or traces it."""
    return not (torch.compiler.is_compiling() or torch._C._get_tracing_state())
