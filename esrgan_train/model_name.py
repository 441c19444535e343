"""The name of a model: its experiment's, with scale and network as trained."""

from __future__ import annotations

import re
from collections.abc import Collection

from esrgan_train.archs.srvgg_arch import ACTIVATIONS


def model_name(
    experiment: str, *, upscale: int, generator: str, act_type: str | None, generators: Collection[str]
) -> str:
    """The experiment's name, with the trained scale and network where it names another.

    ``x4_prelu`` at ×3 is ``x3_prelu``, with ``act_type=relu`` it is ``x4_relu``, and with another generator
    ``x4_ultracompact``. A name without a scale (``finetune``) stays as it is.

    Args:
        experiment: the choice.
        upscale: as trained.
        generator: the choice.
        act_type: of the generator, if it has one.
        generators: all choices.
    """
    name = experiment.rpartition("/")[2]
    found = re.fullmatch(r"x\d+_(?P<network>.+)", name)
    if found is None:
        return name
    network = found["network"]
    if network in ACTIVATIONS or network in generators:
        network = act_type if generator == "srvgg" and act_type is not None else generator
    return f"x{upscale}_{network}"
