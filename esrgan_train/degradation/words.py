"""What a step did to an image, in a few words."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from esrgan_train.degradation.drawing import Blur, Clamp, HostStep, Jpeg, Noise, Resize, Step
from esrgan_train.degradation.kernels import Kernel

_SILENT = ("key",)  # seeds say nothing to people
_SIZE = ("height", "width")  # told by the factor
_NEGATIVE = -1e-3  # a value of a kernel that only a filter with ringing has
_FREQUENCIES = 512
_ROUND = 0.05  # difference of two widths in pixels that are told as one


def in_words(step: Step, before: tuple[int, int]) -> str:
    """A phrase such as ``blur 1.4 px`` or ``JPEG quality 43``.

    A step of another kind is told by its own words, or else by the name of its class and the values of its fields,
    without seeds and arrays.

    Args:
        step: what happened.
        before: (height, width) of the image that it got.
    """
    match step:
        case Blur(kernel):
            return _blur(kernel)
        case Resize(height, width, mode):
            return f"resize {mode} {_factor(before, (height, width))}"
        case Noise(kind, strength, gray):
            return f"{kind} noise {_number(strength)}{', gray' if gray else ''}"
        case Clamp():
            return "clamp"
        case Jpeg(quality):
            return f"JPEG quality {quality}"
        case HostStep():
            return step.in_words() or _by_fields(step, before)


def widths(kernel: Kernel) -> tuple[float, float]:
    """Standard deviations in pixels of a kernel without negative values, along its longer and shorter axis."""
    axis = np.arange(len(kernel)) - len(kernel) // 2
    across, down = kernel.sum(axis=0), kernel.sum(axis=1)
    mixed = float(axis @ kernel @ axis)
    covariance = [[float(across @ axis**2), mixed], [mixed, float(down @ axis**2)]]
    shorter, longer = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0.0))
    return float(longer), float(shorter)


def cutoff(kernel: Kernel) -> float:
    """The frequency of which a kernel passes half the amplitude, across, over that of Nyquist; 1 if none is."""
    axis = np.arange(len(kernel)) - len(kernel) // 2
    frequencies = np.linspace(0.0, 1.0, _FREQUENCIES)
    passed = np.cos(np.pi * np.outer(frequencies, axis)) @ kernel.sum(axis=0)
    stopped = np.flatnonzero(passed < 0.5)
    return float(frequencies[stopped[0]]) if len(stopped) else 1.0


def _blur(kernel: Kernel) -> str:
    if kernel.min() < _NEGATIVE:
        return f"ringing low-pass, {cutoff(kernel):.2f} Nyquist"
    longer, shorter = widths(kernel)
    return f"blur {shorter:.1f} px" if longer - shorter < _ROUND else f"blur {longer:.1f} × {shorter:.1f} px"


def _factor(before: tuple[int, int], after: tuple[int, int]) -> str:
    down, across = (new / old for new, old in zip(after, before, strict=True))
    if abs(down - across) * max(before) < 1.0:  # as far as whole pixels allow
        return f"{(down * across) ** 0.5:.2f}×"
    return f"{across:.2f}× across, {down:.2f}× down"


def _by_fields(step: HostStep, before: tuple[int, int]) -> str:
    after = step.size_after(before)
    silent = _SILENT if after == before else _SILENT + _SIZE
    named: list[tuple[str, Any]] = (
        [(field.name, getattr(step, field.name)) for field in fields(step)] if is_dataclass(step) else []
    )
    told = [_field(name, value) for name, value in named if name not in silent]
    words = [word for word in told if word]
    names = [value for name, value in named if isinstance(value, str) and name not in silent]
    head = " ".join([_spaced(type(step).__name__), *names])
    rest = [word for word in words if word not in names]
    size = [] if after == before else [_factor(before, after)]
    return " ".join([head, *size]) + "".join(f", {word}" for word in rest)


def _field(name: str, value: Any) -> str:
    """The name of a field and its value; nothing for what is off, is missing, or has no short form."""
    words = name.replace("_", " ")
    match value:
        case str():
            return value
        case bool():
            return words if value else ""
        case int() if re.search(r"[^us]s$", words):  # a number of things
            return f"{value} {words}"
        case int() | float():
            return f"{words} {_number(value)}"
        case tuple() if 0 < len(value) <= 3 and all(isinstance(item, (int, float)) for item in value):
            return f"{words} {' × '.join(map(_number, value))}"
        case _:
            return ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"


def _spaced(name: str) -> str:
    """``LensBlur`` as ``lens blur``; initials stay together."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return " ".join(part if part.isupper() and len(part) > 1 else part.lower() for part in parts)
