"""Damages picture files at random and decodes them; run as a program, since a library may crash or hang.

``python fuzz_decode.py FOLDER COUNT SEED`` writes one line per file before it is decoded and one after.
"""

from __future__ import annotations

import faulthandler
import io
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from esrgan_train.images.decode import UnreadableImageError, decode, read_header
from esrgan_train.images.photo import read_photo


@cache
def originals() -> dict[str, bytes]:
    """A small sound file of every kind that is read, by name."""
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC)
    deep = smooth.astype(np.uint16) * 257
    made: dict[str, bytes] = {}

    def pillow(name: str, image: Any, **options: Any) -> None:
        file = io.BytesIO()
        Image.fromarray(image).save(file, format=name.partition("_")[0], **options)
        made[name] = file.getvalue()

    pillow("PNG_rgb", smooth)
    pillow("PNG_gray", smooth[:, :, 0])
    pillow("JPEG_420", smooth, quality=90)
    pillow("JPEG_progressive", smooth, quality=75, progressive=True)
    pillow("WEBP_lossy", smooth, quality=80)
    pillow("WEBP_lossless", smooth, lossless=True)
    pillow("BMP_rgb", smooth)
    pillow("TIFF_raw", smooth)
    pillow("TIFF_lzw", smooth, compression="tiff_lzw")
    pillow("TIFF_deflate", smooth, compression="tiff_deflate")
    pillow("GIF_palette", smooth)
    pillow("GIF_film", smooth, save_all=True, append_images=[Image.fromarray(smooth[::-1])])
    pillow("AVIF_8", smooth)
    pillow("JPEG2000_8", smooth)
    pillow("TGA_raw", smooth)
    pillow("TGA_rle", smooth, compression="tga_rle")
    pillow("PPM_8", smooth)
    pillow("QOI_rgb", smooth)
    pillow("DDS_rgb", smooth)
    pillow("DDS_dxt5", np.dstack([smooth, smooth[:, :, :1]]), pixel_format="DXT5")
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        pillow("HEIF_8", smooth)
        file = io.BytesIO()
        pillow_heif.from_bytes("RGB;16", (64, 48), deep.tobytes()).save(file)
        made["HEIF_10"] = file.getvalue()
    made["PNG_16"] = cv2.imencode(".png", deep)[1].tobytes()
    made["PPM_16"] = b"P6 64 48 65535\n" + deep.astype(">u2").tobytes()
    made["PPM_plain"] = b"P3 16 16 999\n" + b" ".join(b"%d" % (level % 1000) for level in deep[:16, :16].flat)
    made["AVIF_12"] = imagecodecs.avif_encode(deep >> 4, bitspersample=12)
    made["JPEG2000_16"] = imagecodecs.jpeg2k_encode(deep, level=0, reversible=True, codecformat="jp2")
    made["JPEGXL_8"] = imagecodecs.jpegxl_encode(smooth)
    made["JPEGXL_16"] = imagecodecs.jpegxl_encode(deep, lossless=True)
    made["JPEGXL_film"] = imagecodecs.jpegxl_encode(np.stack([smooth, smooth[::-1]]))
    file = io.BytesIO()
    tifffile.imwrite(file, deep, photometric="rgb", compression="zlib")
    made["TIFF_16"] = file.getvalue()
    return made


def mutate(whole: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, overwrite, cut off, leave out, repeat or insert, once or several times."""
    data = bytearray(whole)
    for _ in range(int(rng.integers(1, 6))):
        # Half of the damage falls on the first bytes, where sizes and offsets are.
        reach = len(data) if rng.random() < 0.5 else min(len(data), 80)
        place, length = int(rng.integers(max(1, reach))), int(rng.integers(1, 17))
        kind = rng.integers(6)
        if not data:
            break
        if kind == 0:
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[place : place + length] = rng.bytes(length)
        elif kind == 2:
            del data[place + 1 :]
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + length]
        else:
            data[place : place + 4] = (0xFFFFFFFF if rng.random() < 0.5 else 0x7FFFFFFF).to_bytes(4, "big")
    return bytes(data)


def main(folder: Path, count: int, seed: int) -> None:
    """Damage and decode ``count`` files; say what came of each."""
    faulthandler.enable()
    sound = originals()
    names = list(sound)
    for number in range(count):
        kind = names[number % len(names)]
        rng = np.random.default_rng([seed, number])
        path = folder / f"{number:06}.{kind.partition('_')[0].lower()}"  # TGA is recognised by its suffix
        path.write_bytes(mutate(sound[kind], rng))
        print(path.name, kind, end=" ", flush=True)
        try:
            read_header(path)
            image = decode(path)
            read_photo(path)
        except UnreadableImageError as error:
            print("refused" if "\n" not in str(error) else f"refused in several lines: {error}", flush=True)
        else:
            assert image.dtype in (np.uint8, np.uint16), image.dtype
            assert image.ndim == 3, image.shape
            assert image.shape[2] == 3, image.shape
            assert image.size, image.shape
            print("decoded", flush=True)
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
