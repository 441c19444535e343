"""Optuna, which keeps studies and chooses what to try: optional, and imported where it is first used."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from types import ModuleType

from esrgan_train.errors import UserError


@cache
def optuna() -> ModuleType:
    """The package, which reports nothing but warnings.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("optuna") is None:
        raise UserError("searches need Optuna: pip install 'esrgan-train[search]'")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
