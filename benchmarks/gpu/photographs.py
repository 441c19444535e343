"""The photographs that the kit trains on: made here, on disk as PNG files and as a packed set."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.subjects import scales
from benchmarks.pictures import large_photo
from esrgan_train.cores import usable_cores
from esrgan_train.data.packed import open_packed
from esrgan_train.data.photos import FolderSource, Photos
from esrgan_train.data.sources import Sources
from esrgan_train.images.encode import write_image
from esrgan_train.images.find import find_photos


def write_photographs(folder: Path, sizes: Sizes) -> Path:
    """PNG files of enlarged photographs of scikit-image, each with noise of its own."""
    for number in range(sizes.photos):
        write_image(folder / f"{number}.png", large_photo(sizes.photo_size, seed=number), png_level=1)
    return folder


def photographs(folder: Path) -> FolderSource:
    """The PNG files."""
    return Photos(find_photos(folder, option="photographs"))


def packed(folder: Path, to: Path) -> FolderSource:
    """The same as a packed set."""
    from esrgan_train.prepare.options import Options  # needs imagehash
    from esrgan_train.prepare.pack import pack

    pack(photographs(folder), to, Options(scales=scales()), workers=min(4, usable_cores()))
    return open_packed(to, option="photographs")


def halves(source: FolderSource) -> Sources:
    """All but one to train on, and that one held out."""
    return Sources(source.subset(range(1, len(source))), source.subset([0]))
