"""Which picture formats are supported, and what to say about the others."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from PIL import AvifImagePlugin, Image

from esrgan_train.images import jpeg_xl, tiff

# A format, by Pillow's name of it, and the suffixes by which its files are found. A file's content decides which
# format it is: the first that accepts it reads it.
_SUFFIXES = {
    "PNG": ".png .apng",
    "JPEG": ".jpg .jpeg .jpe .jfif",
    "WEBP": ".webp",
    tiff.NAME: "",  # TIFF files that Pillow cannot read, or not in full
    "TIFF": ".tif .tiff",
    "BMP": ".bmp",
    "GIF": ".gif",
    "AVIF": ".avif",
    "HEIF": ".heic .heif .hif",
    jpeg_xl.NAME: ".jxl",
    "JPEG2000": ".jp2 .j2k .j2c .jpc .jpf .jpx",
    "PPM": ".ppm .pgm .pbm .pnm",
    "QOI": ".qoi",
    "DDS": ".dds",
    "TGA": ".tga",
}
NAMES = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG XL, JPEG 2000, PPM, QOI, DDS or TGA"

# Pictures of unsupported kinds: raw photographs, editors' documents, microscopes, high dynamic range.
_UNREADABLE = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 "
    ".rwl .sr2 .srf .srw .x3f "
    ".afphoto .ai .cdr .clip .eps .kra .ora .pdn .psb .psd .sai .svg .svgz .xcf "
    ".czi .dcm .fit .fits .lif .mrxs .nd2 .ndpi .oib .oif .svs .vsi "
    ".exr .hdr .pfm .rgbe "
    ".bpg .cur .dib .djvu .emf .flif .icns .ico .jls .jxr .pam .pcx .pict .ras .sgi .wdp .wmf .xbm .xpm"
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_REMEDY = "convert them to PNG or TIFF"
_HEIF_REMEDY = "pip install 'esrgan-train[heif]'"


def _register() -> bool:
    """Teach Pillow the formats it lacks; returns whether the package for HEIF is installed."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # as all of images/: one picture, one core
    # Without a call of Image.register_open, which would offer them to every other caller of Image.open too: those
    # do not know samples().
    Image.OPEN[tiff.NAME] = tiff.TiffPicture, tiff.accepts
    Image.OPEN[jpeg_xl.NAME] = jpeg_xl.JpegXlPicture, jpeg_xl.accepts
    if find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    return True


_HEIF_INSTALLED = _register()
_FORMATS = [name for name in _SUFFIXES if name != "HEIF" or _HEIF_INSTALLED]

SUFFIXES = frozenset(suffix for name in _FORMATS for suffix in _SUFFIXES[name].split())
UNSUPPORTED = frozenset(_UNREADABLE.split()) | frozenset(_SUFFIXES["HEIF"].split()) - SUFFIXES


def formats_of(path: str | Path) -> list[str]:
    """The formats to try on a file; TGA, which has no signature, only by its suffix."""
    return _FORMATS if Path(path).suffix.lower() == ".tga" else [name for name in _FORMATS if name != "TGA"]


def why_unidentified(path: str | Path) -> str:
    """The reason to give for a file that no format accepts."""
    with Path(path).open("rb") as file:
        start = file.read(12)
    if not start:
        return "it is empty"
    if start[4:8] == b"ftyp" and start[8:] in _HEIF_BRANDS and not _HEIF_INSTALLED:
        return f"it is a HEIC file: {_HEIF_REMEDY}"
    if (suffix := Path(path).suffix.lower()) in _UNREADABLE.split():
        return f"{suffix} files are not supported: {_REMEDY}"
    return f"it is not a {NAMES} file, or its header is damaged"


def skipped(counts: Mapping[str, int]) -> str:
    """One line about files with suffixes of ``UNSUPPORTED``, counted by suffix; empty if there are none."""
    named: dict[str, list[str]] = {_REMEDY: [], _HEIF_REMEDY: []}
    for suffix, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        remedy = _HEIF_REMEDY if suffix in _SUFFIXES["HEIF"].split() else _REMEDY
        named[remedy].append(f"{count:,} {suffix}")
    return "; ".join(f"skipped: {', '.join(some)}: {remedy}" for remedy, some in named.items() if some)
