"""What differs most between own pictures and the LR that training makes, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.degradation.chain import Chain
from esrgan_train.likeness.readings import MEASURES, Values, separation

_ALIKE = 0.33  # separations below count as small (Romano et al., 2006)

# Of the published degradation, by measure: what to change, and whether more of it means lower values.
_OPTIONS = {
    "blur": ("kernel.sigma", False),
    "noise": ("gaussian_sigma_levels and poisson_scale", False),
    "blocks": ("jpeg_quality", True),
}


def verdict(own: Mapping[str, Values], made: Mapping[str, Values], degradation: Any) -> str:
    """The measure that tells own pictures best from what training makes, its medians, and what to change.

    Args:
        own: values of own pictures by measure.
        made: those of LR of the training.
        degradation: what makes it; None for pairs.
    """
    apart = {name: separation(own[name], made[name]) for name in MEASURES}
    name = max(apart, key=lambda name: (round(abs(apart[name]), 1), _ratio(own[name], made[name])))
    if abs(apart[name]) < _ALIKE:
        return f"your pictures look like what training makes: {medians(own, made)}"
    measure, more = MEASURES[name], apart[name] > 0
    compared = f"your pictures are {measure.more if more else measure.less} than what training makes"
    return f"{compared}: {_median(name, own, made)}; {_remedy(name, more=more, degradation=degradation)}"


def _ratio(own: Values, made: Values) -> float:
    """Of the larger median to the smaller one, each with 1 added, since there may be no noise at all."""
    one, other = (float(np.median(values)) + 1 if values.size else 1.0 for values in (own, made))
    return max(one / other, other / one)


def medians(own: Mapping[str, Values], made: Mapping[str, Values]) -> str:
    """The medians of all measures, own against made."""
    return ", ".join(_median(name, own, made) for name in MEASURES)


def _median(name: str, own: Mapping[str, Values], made: Mapping[str, Values]) -> str:
    one, other = (f"{np.median(values[name]):.1f}" if values[name].size else "none" for values in (own, made))
    return f"{MEASURES[name].title.partition(',')[0]} {one} against {other}"


def _remedy(name: str, *, more: bool, degradation: Any) -> str:
    if degradation is None:
        return "train on pairs whose LR is like them"
    if isinstance(degradation, RealESRGANDegradation):
        option, reversed_ = _OPTIONS[name]
        return f"{'raise' if more != reversed_ else 'lower'} {option} of degradation.first and degradation.second"
    if isinstance(degradation, Chain):
        what = {"blur": "blur or resizing", "noise": "noise", "blocks": "compression"}[name]
        steps = ", ".join(degradation.steps)
        return f"give degradation.steps ({steps}) {'more' if more else 'less'} {what}"
    return "choose another degradation: realesrgan and its kin draw from ranges that can be set"
