"""Formats that Pillow opens through a plugin here, and that another library decodes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile


class SampledPicture(ImageFile.ImageFile):
    """A plugin of Pillow for a format whose pixels Pillow cannot hold; its header works as everywhere."""

    def turn(self, orientation: int) -> None:
        """Make ``getexif`` report the stored picture's orientation; ``samples`` has applied it already."""
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        self.info["exif"] = exif.tobytes()

    @abstractmethod
    def samples(self) -> NDArray[Any]:
        """(H, W, C) uint8 or uint16, upright; C is 1 for gray, 2 with alpha, 3 for RGB, 4 with alpha.

        Raises:
            ValueError, RuntimeError, OSError: the file is damaged, or its samples are of another kind.
        """
