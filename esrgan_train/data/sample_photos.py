"""The source of ``data=sample``: photographs that ship inside scikit-image, so nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import skimage

from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Sources
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable

# Sharp pictures of many kinds. Left out: retina, moon and text, which are blurred (halving their size loses
# nearly nothing: bicubic comes back to 50, 43 and 33 dB), and drawings. The two views of the motorcycle are
# one scene and stay on one side.
TRAIN = (
    *("astronaut.png", "brick.png", "camera.png", "coins.png", "grass.png", "gravel.png"),
    *("hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "motorcycle_right.png", "page.png"),
)
VAL = ("chelsea.png", "coffee.png", "rocket.jpg")


class SamplePhotos(Photos):
    """Photographs of a package: ``data=sample`` takes no others."""

    packing = ()


def sample_photos() -> Sources:
    """The photographs in scikit-image's installed ``data`` folder; three are held out.

    Raises:
        UserError: the installed scikit-image lacks one of them.
    """
    folder = Path(skimage.__file__).parent / "data"
    for name in TRAIN + VAL:
        if not (folder / name).is_file():
            raise UserError(
                f"data=sample: {folder / name} is missing: reinstall scikit-image from PyPI, or train on "
                "photos of your own with data=folder data.train_dir=FOLDER"
            )
    return Sources(SamplePhotos(PathTable(folder, TRAIN)), SamplePhotos(PathTable(folder, VAL)))
