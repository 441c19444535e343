"""From a node of the configuration to the object that it describes."""

from __future__ import annotations

from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError


def build(node: DictConfig, **also: Any) -> Any:
    """Instantiate ``node`` with the further arguments ``also``; a ``_partial_`` node gives a function.

    Raises:
        UserError: a value that the class refuses, in one line.
    """
    part = Part.of(node)
    try:
        # Objects in ``also`` must not be made into configuration, nor lists stay some.
        make = instantiate(node, _partial_=True, _convert_="all")
        return partial(make, **also) if node.get("_partial_") else make(**also)
    except Exception as error:  # noqa: BLE001 — the class may be a stranger's and raise anything
        cause = error.__cause__ or error if isinstance(error, InstantiationException) else error
        bug = part.is_ours and not isinstance(cause, (ValueError, TypeError, MisconfigurationException))
        if bug or isinstance(cause, UserError):
            raise cause from cause.__cause__
        reason = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
        raise part.refusal(f"building it fails: {reason}", "fix it, or its options") from cause
