"""A degradation put together from steps in any order, each with its odds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from esrgan_train.bounds import Count, Fraction
from esrgan_train.degradation.drawing import Drawing, HostStep, Place, Resize, Step
from esrgan_train.degradation.image import Image, check_sides
from esrgan_train.degradation.ranges import settle
from esrgan_train.degradation.rendering import render
from esrgan_train.errors import UserError

Size = tuple[int, int]  # height, width

_TRIED = 16  # drawings by which a chain is judged that seldom ends at LR's size


class Canvas(NamedTuple):
    """What a step is drawn for."""

    now: Size  # of the image that it gets
    low: Size  # of LR, which the image has at the end


@dataclass(frozen=True, kw_only=True)
class StepChoice(ABC):
    """How often a step happens, and from what ranges it is drawn."""

    prob: Fraction = 1.0

    def __post_init__(self) -> None:
        settle(self)

    @abstractmethod
    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Step:
        """What happens to an image this time: a pure function of canvas and rng."""

    def place(self, most: Canvas) -> Place | None:  # noqa: ARG002
        """The one kind of all that ``draw`` draws, and its bounds, for images of at most that size.

        None, as here, where only the CPU renders it; options alone decide which.
        """
        return None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Steps in the order in which they are given; one that reduces to LR's size stands among them.

    What has another size than LR at the end is resized to it by area. A step that is None is left out.
    """

    upscale: Count = 4
    device: Literal["auto", "cpu", "cuda"] = "auto"  # on which a training renders; calling it renders on the CPU
    steps: Mapping[str, StepChoice]

    def __post_init__(self) -> None:
        settle(self)
        object.__setattr__(self, "steps", _present(self.steps))

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:
        """Degrade one image; the same state of ``rng`` gives the same bytes.

        Shape:
            (H, W, 3) float32 RGB in [0,1] → (H/upscale, W/upscale, 3), on the 8-bit grid.

        Raises:
            ValueError: a side is not a multiple of ``upscale``.
        """
        check_sides(hr, self.upscale)
        return render(hr, self.draw((hr.shape[0], hr.shape[1]), rng))

    def draw(self, size: Size, rng: np.random.Generator) -> Drawing:
        """What happens to an image of that (height, width), which must be multiples of ``upscale``."""
        low = self._low(size)
        drawing: list[Step | None] = []
        for choice in self.steps.values():
            step = choice.draw(Canvas(size, low), rng) if rng.random() < choice.prob else None
            drawing.append(step)
            size = size_after(step, size)
        return (*drawing, None if size == low else Resize(*low, "area"))

    @property
    def only_on_cpu(self) -> tuple[str, ...]:
        """The names of the steps that no other device renders."""
        any_size = Canvas((1, 1), (1, 1))
        return tuple(name for name, choice in self.steps.items() if choice.place(any_size) is None)

    def places(self, size: Size) -> tuple[Place, ...]:
        """The places of what ``draw`` draws for that (height, width).

        Raises:
            ValueError: a step is among ``only_on_cpu``.
        """
        low = self._low(size)
        places = []
        for name, choice in self.steps.items():
            place = choice.place(Canvas(size, low))
            if place is None:
                raise ValueError(f"only the CPU renders degradation.steps.{name}")
            after = place.height, place.width
            if choice.prob < 1:  # the image may stay as large as it was
                after = max(after[0], size[0]), max(after[1], size[1])
            places.append(replace(place, height=after[0], width=after[1]))
            size = after
        return (*places, Place(Resize, *low))

    def remarks(self) -> tuple[str, ...]:
        """A line if no drawing ends at LR's size, so that the choice of a filter is left out."""
        if self.upscale == 1:
            return ()
        side, rng = 32 * self.upscale, np.random.default_rng(0)
        if any(self.draw((side, side), rng)[-1] is None for _ in range(_TRIED)):
            return ()
        return (
            "degradation.steps never ends at LR's size, so what it makes is averaged by area to that: "
            "name reduce among the steps for LR's size and a choice of filters, and change no size after it",
        )

    def _low(self, size: Size) -> Size:
        return size[0] // self.upscale, size[1] // self.upscale


def size_after(step: Step | None, size: Size) -> Size:
    """(height, width) of an image after a step."""
    if isinstance(step, Resize):
        return step.height, step.width
    return step.size_after(size) if isinstance(step, HostStep) else size


def _present(steps: Mapping[str, StepChoice | None]) -> dict[str, StepChoice]:
    """The steps without those that are left out, all of which must do something.

    Raises:
        UserError: there is none, one is none, or all have odds of 0.
    """
    found = {name: choice for name, choice in steps.items() if choice is not None}
    if not found:
        raise UserError("degradation.steps is empty: name some, such as degradation/steps=[blur,reduce,jpeg]")
    for name, choice in found.items():
        if isinstance(choice, Mapping):
            raise UserError(
                f"degradation.steps.{name} builds nothing: choose it (degradation/steps=[…,{name}]), or leave it "
                f"out (~degradation.steps.{name}); another list than a preset's starts from degradation=chain"
            )
        if not isinstance(choice, StepChoice):
            raise UserError(
                f"degradation.steps.{name} is a {type(choice).__name__}, no step: derive it from "
                f"{StepChoice.__module__}.{StepChoice.__name__}"
            )
    if not any(choice.prob for choice in found.values()):
        raise UserError(
            f"degradation.steps: the prob of {', '.join(found)} is 0, so nothing is left: give one of them a prob "
            "above 0, or degradation=bicubic"
        )
    return found
