"""Starts the acceptance kit, which lies in a checkout: its tests and benchmarks are not in the wheel."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from esrgan_train.cli import run_command
from esrgan_train.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kit of the checkout that this package lies in; its exit status."""
    checkout = str(checkout_of(Path(__file__).parents[1]))
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
    status: int = importlib.import_module("benchmarks.gpu.__main__").main(arguments)
    return status


def checkout_of(package: Path) -> Path:
    """The folder that holds the package, its tests and its benchmarks.

    Raises:
        UserError: the package was installed without them.
    """
    checkout = package.parent
    if not ((checkout / "tests" / "gpu").is_dir() and (checkout / "benchmarks" / "gpu").is_dir()):
        raise UserError(
            f"gpu_check runs the tests and benchmarks of a checkout, and {package} was installed without them: "
            "in a checkout of the same version, type PYTHONPATH=. python -m esrgan_train.gpu_check"
        )
    return checkout


if __name__ == "__main__":
    sys.exit(run_command(main))
