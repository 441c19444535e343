"""Which of two values of a measure is the better one."""

from __future__ import annotations

from typing import Literal

Mode = Literal["max", "min"]

_MODES: dict[str, Mode] = {
    **dict.fromkeys(("psnr", "ssim", "psnr_y", "ssim_y"), "max"),
    **dict.fromkeys(("lpips", "dists", "niqe"), "min"),
}
_OF = ("_bicubic", "_clean", "_real")  # what else is measured, at the end of a name


def mode_of(value: str) -> Mode | None:
    """Which values of a measure, logged as ``val/psnr`` or the like, are better; None where that is not known."""
    name = value.removeprefix("val/")
    for end in _OF:
        name = name.removesuffix(end)
    return _MODES.get(name)
