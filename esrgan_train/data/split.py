"""Which photographs train and which are held out."""

from __future__ import annotations

from typing import NamedTuple

from esrgan_train.data.mixture import Mixture
from esrgan_train.images.find import PathTable


class Split(NamedTuple):
    """Photos to train on and photos held out for validation; neither is empty."""

    train: PathTable | Mixture
    val: PathTable | Mixture
