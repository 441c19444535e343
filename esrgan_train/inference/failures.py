"""Any error with one photo becomes one that names the photo."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrgan_train.errors import RunError, UserError
from esrgan_train.inference.memory import ran_out


@contextmanager
def naming(photo: Path | str, doing: str, remedy: str) -> Iterator[None]:
    """Turn any error of the block into a ``RunError`` of one line that names the photo, as a ``UserError`` does.

    Args:
        photo: its path.
        doing: what the block does, such as ``enlarging``.
        remedy: if memory runs out.
    """
    try:
        yield
    except UserError:
        raise
    except RunError as error:
        raise RunError(f"{photo}: {error}") from error
    except Exception as error:
        if ran_out(error):
            raise RunError(f"{photo}: not enough memory for {doing}; {remedy}") from error
        if isinstance(error, OSError) and error.strerror:
            raise RunError(f"{photo}: {doing} failed: {error.strerror}") from error
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            traceback.print_exception(error)
        reason = " ".join(str(error).split())[:300]
        raise RunError(
            f"{photo}: {doing} failed: {type(error).__name__}: {reason} (HYDRA_FULL_ERROR=1 shows where)"
        ) from error
