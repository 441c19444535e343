"""Finds a run's callback by its class."""

from __future__ import annotations

from typing import TypeVar

from lightning import Callback, Trainer

AnyCallback = TypeVar("AnyCallback", bound=Callback)


def callback_of(trainer: Trainer, kind: type[AnyCallback]) -> AnyCallback | None:
    """The run's callback of a class, if it has one."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, kind)), None)
