"""PyAV, which carries FFmpeg: optional, and imported where it is first used."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from esrgan_train.errors import UserError


@cache
def av() -> ModuleType:
    """The package.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("av") is None:
        raise UserError("video needs PyAV: pip install 'esrgan-train[video]'")
    os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 has no other switch; its settings would fill the terminal
    import av

    return av
