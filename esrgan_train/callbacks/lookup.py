"""Finds a run's callbacks by their class."""

from __future__ import annotations

from typing import TypeVar

from lightning import Callback, Trainer

AnyCallback = TypeVar("AnyCallback", bound=Callback)


def callback_of(trainer: Trainer, kind: type[AnyCallback]) -> AnyCallback | None:
    """The run's callback of a class, if it has one."""
    return next(iter(callbacks_of(trainer, kind)), None)


def callbacks_of(trainer: Trainer, kind: type[AnyCallback]) -> list[AnyCallback]:
    """The run's callbacks of a class, or of its subclasses."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [callback for callback in callbacks if isinstance(callback, kind)]
