"""What tests on a GPU need before it starts."""

from __future__ import annotations

import os

# cuBLAS reads it once a process: for the tests of training.deterministic.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
