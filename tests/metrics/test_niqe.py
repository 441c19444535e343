from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from basicsr.metrics import calculate_niqe
from scipy.io import savemat
from scipy.ndimage import gaussian_filter
from skimage import data
from torch import Tensor

from esrgan_train.callbacks.real_pictures import Enlarged
from esrgan_train.callbacks.validate_niqe import ValidateNiqe
from esrgan_train.errors import UserError
from esrgan_train.metrics.niqe import SMALLEST, niqe
from esrgan_train.metrics.pristine import Pristine, installed_parameters, read_parameters


@pytest.fixture(scope="module")
def file() -> Path:
    found = installed_parameters()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def pristine(file: Path) -> Pristine:
    return read_parameters(file)


def as_batch(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("border", [0, 4])
@pytest.mark.parametrize("rows", [200, 300])
def test_it_is_that_of_basicsr(rows: int, border: int, pristine: Pristine) -> None:
    photo = data.chelsea()[:rows]
    ours = niqe(as_batch(photo), border, pristine)
    assert ours.item() == pytest.approx(calculate_niqe(photo[..., ::-1], border), rel=5e-4)


def test_each_image_of_a_batch_counts_alone_and_blur_is_worse(pristine: Pristine) -> None:
    photo = data.chelsea()[:200, :300]
    blurred = gaussian_filter(photo, (2, 2, 0))
    both = torch.cat([as_batch(photo), as_batch(blurred)])
    sharp, soft = niqe(both, 0, pristine).tolist()
    assert sharp == niqe(as_batch(photo), 0, pristine).item()
    assert sharp < soft
    gray = rgb = as_batch(np.repeat(photo[..., :1], 3, axis=2))
    assert torch.equal(niqe(rgb, 0, pristine), niqe(gray[:, :1], 0, pristine))


def test_what_is_too_small_or_flat_has_none(pristine: Pristine) -> None:
    photo = as_batch(data.chelsea())
    least = SMALLEST + 2 * 4
    assert math.isfinite(niqe(photo[..., :least, :least], 4, pristine).item())
    assert niqe(photo[..., : least - 1, :], 4, pristine).isnan()
    assert niqe(torch.zeros(1, 3, 200, 200), 0, pristine).isnan()


def test_parameters_are_read_as_the_authors_give_them(pristine: Pristine, tmp_path: Path) -> None:
    content = {"mu_prisparam": pristine.mean[None], "cov_prisparam": pristine.covariance}
    savemat(tmp_path / "modelparameters.mat", content)
    again = read_parameters(tmp_path / "modelparameters.mat")
    assert np.array_equal(again.mean, pristine.mean)
    assert np.array_equal(again.covariance, pristine.covariance)


def test_wrong_parameters_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", mu_pris_param=np.zeros(3), cov_pris_param=np.eye(3))
    for name, why in {"words.npz": "cannot be read", "other.npz": "holds no", "none.mat": "no such file"}.items():
        with pytest.raises(UserError, match=rf"callbacks\.niqe\.parameters=.*{name}: .*{why}") as caught:
            ValidateNiqe(parameters=str(tmp_path / name))
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("esrgan_train.metrics.pristine.find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(UserError, match=r"parameters=auto: BasicSR.* is not installed; `pip install"):
        ValidateNiqe(parameters="auto")


def test_pictures_without_hr_have_a_mean_of_their_own(pristine: Pristine) -> None:
    callback = ValidateNiqe(parameters="auto")
    photo = as_batch(data.chelsea())
    logged: dict[str, float] = {}
    module: Any = type("Module", (), {"log_validation": staticmethod(logged.update), "upscale": 4})
    for sr in (photo, photo[..., :64, :64]):  # the second is too small, and does not count
        callback.on_real_picture(None, module, Enlarged("cat", photo[..., ::4, ::4], sr))  # type: ignore[arg-type]
    callback.on_validation_epoch_end(None, module)  # type: ignore[arg-type]
    assert logged == {"val/niqe_real": niqe(photo, 4, pristine).item()}
    logged.clear()
    without = ValidateNiqe(parameters=None)
    without.on_real_picture(None, module, Enlarged("cat", photo, photo))  # type: ignore[arg-type]
    without.on_validation_epoch_end(None, module)  # type: ignore[arg-type]
    assert not logged
