"""Where the LR side of training samples is made: by the workers, or on the device that trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from esrgan_train.degradation.batched.renderer import Drawable
from esrgan_train.errors import UserError

_WORKERS = "cpu"  # in fingerprints, for samples that the workers render


@dataclass(frozen=True)
class Site:
    """Who renders.

    Attributes:
        device: type of the device that renders whole batches; None: the workers render each sample.
        reason: why the GPU that trains does not render, if there is one.
        remedy: what to give so that it does; empty if nothing helps.
    """

    device: str | None = None
    reason: str = ""
    remedy: str = ""

    @property
    def name(self) -> str:
        """What a checkpoint keeps: samples of another renderer have other noise."""
        if self.device is None:
            return _WORKERS
        return self.device if self.device != _WORKERS else "cpu, by torch"

    def __str__(self) -> str:
        if self.device is not None:
            return f"LR is made on the device that trains ({self.device}): workers only cut and draw"
        return "LR is made by the workers, on the CPU" + (f": {self.reason}" if self.reason else "")


BY_WORKERS = Site()


def site_named(name: object) -> Site:
    """The site of that ``name``; checkpoints of earlier versions name none, and their workers rendered."""
    return next((site for site in (Site("cuda"), Site("cpu")) if site.name == name), BY_WORKERS)


def choose_site(degradation: Any, *, trains_on: str, paired: bool, target_noise: bool) -> Site:
    """The site that ``degradation.device`` asks for; ``auto`` takes the GPU that trains if nothing forbids it.

    Args:
        degradation: None, or any that the run may have; one without ``device`` works on the CPU.
        trains_on: type of the device that the run trains on.
        paired: whether any photo comes with LR.
        target_noise: whether targets keep noise, which the workers make.

    Raises:
        UserError: ``degradation.device=cuda`` in a run where that cannot be.
    """
    asked = getattr(degradation, "device", None) if degradation is not None else None
    obstacle = _obstacle(degradation, paired=paired, target_noise=target_noise)
    if asked == "cuda":
        if trains_on != "cuda":
            obstacle = f"LR is made on the device that trains, which is {trains_on} here"
        if obstacle:
            raise UserError(f"degradation.device=cuda: {obstacle}; give degradation.device=auto or cpu")
    if trains_on != "cuda" or degradation is None:
        return BY_WORKERS
    if obstacle:
        return Site(reason=obstacle)
    if asked == "cpu":
        return Site(reason="degradation.device=cpu", remedy="degradation.device=auto")
    return Site("cuda")


def _obstacle(degradation: Any, *, paired: bool, target_noise: bool) -> str:
    if paired:
        return "pairs bring LR photos, which the workers cut"
    if target_noise:
        return "target_noise is made by the workers"
    if not isinstance(degradation, Drawable):
        return f"{_name(degradation)} does not draw what it does beforehand"
    if not hasattr(degradation, "device"):
        return f"{_name(degradation)} has no option device"
    if names := getattr(degradation, "only_on_cpu", ()):
        return f"only the CPU renders degradation.steps.{', '.join(names)}"
    return ""


def _name(degradation: Any) -> str:
    return str(getattr(degradation, "__name__", type(degradation).__name__))
