"""The branches of ``generator=repsr``, merged: what other programs open is a compact model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import Tensor

from esrgan_train.archs.repsr_arch import has_branches, merged_state
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles.published import srvgg_options


def compact_form(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, object]
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """``RepSR``'s weights, merged or not, and its metadata as ``SRVGGNetCompact``'s; others, copied, unchanged.

    Another player's weights, from a checkpoint of such a generator, are unchanged too.

    Raises:
        KeyError, RuntimeError: branches are missing or have wrong shapes.
    """
    options = metadata.get("options")
    if metadata.get("arch") != "repsr" or not isinstance(options, Mapping):
        return dict(state_dict), dict(metadata)
    if has_branches(state_dict):
        state_dict = merged_state(state_dict)
    elif srvgg_options(state_dict) is None:
        return dict(state_dict), dict(metadata)
    known = inspect.signature(SRVGGNetCompact).parameters
    kept = {name: value for name, value in options.items() if name in known}
    return dict(state_dict), {**metadata, "arch": "srvgg", "options": kept}
