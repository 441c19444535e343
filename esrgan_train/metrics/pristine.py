"""The parameters of NIQE: what its features are like in pristine photographs. They are not part of this project.

Their authors fitted them; BasicSR carries them as ``niqe_pris_params.npz``, the authors' release as
``modelparameters.mat``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from esrgan_train.errors import UserError

FEATURES = 36  # of a block: 18 at each of two scales
AUTO = "auto"  # the parameters of an installed BasicSR
HOW_TO_GET = (
    "`pip install --no-deps --no-build-isolation basicsr==1.4.2` brings them, or give their file "
    "(niqe_pris_params.npz of BasicSR, or modelparameters.mat of NIQE's authors)"
)
_NAMES = (("mu_pris_param", "cov_pris_param"), ("mu_prisparam", "cov_prisparam"))  # of mean and covariance


class Pristine(NamedTuple):
    """A normal distribution of features."""

    mean: NDArray[np.float64]  # (36,)
    covariance: NDArray[np.float64]  # (36, 36)


def installed_parameters() -> Path | None:
    """The file in an installed BasicSR, which is not imported; None without one."""
    found = find_spec("basicsr")
    for folder in () if found is None else found.submodule_search_locations or ():
        if (file := Path(folder) / "metrics" / "niqe_pris_params.npz").is_file():
            return file
    return None


def chosen_parameters(choice: str) -> Pristine:
    """Those of a file, or with ``auto`` of an installed BasicSR.

    Raises:
        UserError: there are none, or they cannot be read; the message does not name the choice.
    """
    file = installed_parameters() if choice == AUTO else Path(choice).expanduser()
    if file is None:
        raise UserError(f"BasicSR, which carries them, is not installed; {HOW_TO_GET}")
    if not file.is_file():
        raise UserError(f"there is no such file; {HOW_TO_GET}")
    return read_parameters(file)


def read_parameters(file: Path) -> Pristine:
    """Read an ``.npz`` or ``.mat`` file.

    Raises:
        UserError: it cannot be read or holds something else; the message does not name it.
    """
    try:
        content = _content(file)
    except (OSError, ValueError, BadZipFile, NotImplementedError) as error:
        raise UserError(f"it cannot be read ({' '.join(str(error).split())}); {HOW_TO_GET}") from error
    for names in _NAMES:
        if all(name in content for name in names):
            mean, covariance = (np.asarray(content[name], np.float64) for name in names)
            if mean.size == FEATURES and covariance.shape == (FEATURES, FEATURES):
                return Pristine(mean.reshape(FEATURES), covariance)
    raise UserError(f"it holds no parameters of NIQE; {HOW_TO_GET}")


def _content(file: Path) -> dict[str, Any]:
    if file.suffix.lower() == ".mat":
        from scipy.io import loadmat

        return dict(loadmat(str(file)))
    with np.load(file, allow_pickle=False) as content:
        return dict(content)
