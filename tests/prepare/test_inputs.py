"""What prepare takes, and what it refuses to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from esrgan_train.errors import UserError
from esrgan_train.images.encode import write_image
from esrgan_train.prepare.inputs import pairs_in, photos_in, refuse_output_in_input
from tests.data.small import packed


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of one photo."""
    write_image(tmp_path / "my/photos/a.png", np.zeros((40, 40, 3), np.uint8))
    return tmp_path / "my/photos"


@pytest.mark.parametrize("output", ["my/photos/set", "my/photos", "my", "my/photos/../photos/set"])
def test_a_set_does_not_lie_among_its_photos(photos: Path, tmp_path: Path, output: str) -> None:
    with pytest.raises(UserError, match=r"-o .* and .*my/photos overlap: give a folder beside the photos"):
        refuse_output_in_input(tmp_path / output, [photos])
    refuse_output_in_input(tmp_path / "my/set", [photos])
    refuse_output_in_input(tmp_path / "my", [photos / "a.png"])


def test_a_packed_set_is_no_folder_of_photos(photos: Path) -> None:
    """Its summary is a picture."""
    target = packed(photos)
    write_image(target / "summary.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(UserError, match="photos_packed is a packed set already: give the photos that it was made"):
        photos_in([target])
    with pytest.raises(UserError, match="photos_packed is a packed set already"):
        pairs_in([photos], target)
