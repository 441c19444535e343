"""Printed screens of dots, and the softness of the scanner that reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple, get_args

import cv2
import numpy as np
from annotated_types import Ge, Le, MinLen

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Degrees, Range, draw_factor

Dot = Literal["round", "ellipse", "line"]
DOTS: tuple[Dot, ...] = get_args(Dot)
_ACROSS = {"round": 1.0, "ellipse": 0.6, "line": 0.0}  # weight of a screen's second wave beside the first
_ANGLES = (15.0, 75.0, 0.0, 45.0)  # degrees, of cyan, magenta, yellow and black in print
_FINE = 4095  # steps of the table of a spot function


class Screen(NamedTuple):
    """Where the dots of one ink are."""

    degrees: float
    phases: tuple[float, float]  # of the dots' lattice at the image's corner, in periods


@dataclass(frozen=True)
class Halftone(HostStep):
    """A print with one screen for luma, or four for CMYK, scanned."""

    period: float  # pixels between dots
    dot: Dot
    screens: tuple[Screen, ...]
    black: float  # share of CMY's gray that is printed with black ink; of four screens
    softness: float  # sigma of the scanner's Gaussian, in pixels

    def render(self, image: Image) -> Image:
        """Dots whose ink is the image's tone on average; clamped to [0,1] before and after."""
        image = np.clip(image, 0.0, 1.0)
        if len(self.screens) == 1:  # colours keep their distance from gray, as paint under a black drawing
            luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)
            printed: Image = image + (self._soften(1 - self._ink(1 - luma, self.screens[0])) - luma)[..., None]
        else:
            printed = self._soften(self._print_inks(image))
        return np.clip(printed, 0.0, 1.0, out=printed)

    def _print_inks(self, image: Image) -> Image:
        """Light that cyan, magenta, yellow and black dots leave, one over the other."""
        black = np.float32(self.black) * (1 - image.max(-1))
        paper = 1 - self._ink(black, self.screens[3])
        colours = 1 - image / (1 - black[..., None] + np.float32(1e-6))
        inks = [self._ink(colours[..., number], self.screens[number]) for number in range(3)]
        return (1 - np.stack(inks, -1)) * paper[..., None]

    def _ink(self, coverage: Image, screen: Screen) -> Image:
        """(H, W) share of each pixel that is inked; over a period its mean is the coverage."""
        ramp = np.float32(min(2 / self.period, 1.0))  # of thresholds across an edge that a pixel averages
        wanted = np.clip(coverage, 0.0, 1.0)
        level = np.where(wanted < 0.5, wanted, 1 - wanted)
        level = np.where(level < ramp / 2, np.sqrt(2 * ramp * level), level + ramp / 2)
        level = np.where(wanted < 0.5, level, 1 + ramp - level)
        level -= thresholds(coverage.shape, self.period, self.dot, screen)
        level /= ramp
        return np.asarray(np.clip(level, 0.0, 1.0, out=level))

    def _soften(self, image: Image) -> Image:
        if not self.softness:
            return image
        return np.asarray(cv2.GaussianBlur(image, (0, 0), self.softness, borderType=cv2.BORDER_REFLECT_101))


@dataclass(frozen=True, kw_only=True)
class PrintHalftone(StepChoice):
    """A print in CMYK or with a screen of luma, of drawn period, dots and angle."""

    period: Range[Annotated[float, Ge(2), Le(64)]] = (3.0, 8.0)  # pixels of the image as it is then
    tilt: Degrees = (-15.0, 15.0)  # added to 45° of luma, 15°, 75°, 0° and 45° of CMYK
    dots: Annotated[tuple[Dot, ...], MinLen(1)] = DOTS
    cmyk_prob: Fraction = 0.6  # otherwise luma alone
    black: Range[Fraction] = (0.5, 1.0)  # share of gray that is printed with black ink
    softness: Range[Annotated[float, Ge(0), Le(1)]] = (0.12, 0.4)  # sigma of the scanner, in periods

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Halftone:  # noqa: ARG002
        """One print."""
        period, tilt = draw_factor(rng, self.period), rng.uniform(*self.tilt)
        dot = self.dots[int(rng.integers(len(self.dots)))]
        angles = _ANGLES if rng.random() < self.cmyk_prob else (_ANGLES[-1],)
        screens = tuple(Screen(angle + tilt, (rng.random(), rng.random())) for angle in angles)
        black, softness = rng.uniform(*self.black), period * rng.uniform(*self.softness)
        return Halftone(period, dot, screens, black, softness)


def thresholds(shape: tuple[int, ...], period: float, dot: Dot, screen: Screen) -> Image:
    """(H, W) float32 in [0,1], even over a period: paper is inked where the coverage is above.

    The spot function is cos 2πu + a·cos 2πv in the lattice's coordinates u and v, mapped by its own distribution.
    """
    cosine, sine = math.cos(math.radians(screen.degrees)), math.sin(math.radians(screen.degrees))
    rows, columns = (2 * math.pi / period * np.arange(length) for length in shape)
    spot = _wave(sine * rows, cosine * columns + 2 * math.pi * screen.phases[0])
    if across := _ACROSS[dot]:
        spot += np.float32(across) * _wave(cosine * rows, -sine * columns + 2 * math.pi * screen.phases[1])
    steps = (spot * np.float32(_FINE / 2 / (1 + across)) + np.float32(_FINE / 2)).astype(np.int32)
    return _distribution(dot)[np.clip(steps, 0, _FINE)]


def _wave(rows: np.ndarray, columns: np.ndarray) -> Image:
    """cos(row + column) of every pair, as two products."""
    down = np.stack([np.cos(rows), -np.sin(rows)], -1).astype(np.float32)
    return np.asarray(down @ np.stack([np.cos(columns), np.sin(columns)]).astype(np.float32))


@lru_cache
def _distribution(dot: Dot) -> Image:
    """The share of a period in which the spot function is lower, for its values from least to greatest."""
    wave = np.cos(2 * np.pi * (np.arange(1024) + 0.5) / 1024)
    spot = np.sort((wave + _ACROSS[dot] * wave[:, None]).ravel()) / (1 + _ACROSS[dot])
    values = 2 * (np.arange(_FINE + 1) + 0.5) / _FINE - 1
    return (np.searchsorted(spot, values) / spot.size).astype(np.float32)
