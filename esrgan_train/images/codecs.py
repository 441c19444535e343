"""imagecodecs, imported with the first picture that it decodes: few commands read any."""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType

log = logging.getLogger(__name__)


@cache
def quick_codecs() -> ModuleType | None:
    """imagecodecs; where it is not installed None, said once: Pillow decodes 8-bit PNG, JPEG and QOI as well."""
    try:
        return deep_codecs()
    except ModuleNotFoundError:
        log.warning("imagecodecs is not installed: Pillow decodes PNG and JPEG more slowly, and no 16 bits")
        return None


def deep_codecs() -> ModuleType:
    """imagecodecs, for what nothing else decodes; ``ModuleNotFoundError`` where it is not installed."""
    import imagecodecs

    module: ModuleType = imagecodecs
    return module
