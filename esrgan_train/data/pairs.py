"""The source of ``data=paired``: photos that exist in both sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from esrgan_train.bounds import Count, NonNegative, Wanted, bounded
from esrgan_train.data.folders import Place, refuse_overlap
from esrgan_train.data.held_out import HeldOutShare, hold_out
from esrgan_train.data.packed import PackedPhotos, is_packed, open_packed
from esrgan_train.data.pair_names import SWAP, Side, match
from esrgan_train.data.photos import FolderSource, Photos
from esrgan_train.data.reading import CACHE_GB, CacheFolder, Order, Reading
from esrgan_train.data.sources import Decoded, Sources
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header, UnreadableImageError, decode, read_header
from esrgan_train.images.find import PathTable, find_photos
from esrgan_train.remote.store import PATIENCE
from esrgan_train.remote.url import location

OneFolder = Annotated[str | Path, Wanted("one folder")]


class PairedPhotos(Photos):
    """HR photos, numbered and named by their files, each with its LR photo in ``lr``, in the same order."""

    paired = True

    def __init__(self, lr: PathTable, hr: PathTable, *, upscale: int) -> None:
        super().__init__(hr)
        self.lr = lr
        self.upscale = upscale

    def decode(self, index: int) -> Decoded:
        """Both sides; ``UnreadableImageError`` if one cannot be read, or HR is not exactly ``upscale`` × LR."""
        pair = Decoded(lr=decode(self.lr[index]), hr=decode(self[index]))
        assert pair.lr is not None
        if problem := self._misfit(index, pair.lr.shape[1::-1], pair.hr.shape[1::-1]):
            raise UnreadableImageError(problem)
        return pair

    def header(self, index: int) -> Header:
        """The size of HR; ``UserError`` if that of LR does not fit, as other pairs probably do not either."""
        lr, hr = read_header(self.lr[index]), read_header(self[index])
        problem = self._misfit(index, lr.size, hr.size)
        # One side may be stored turned; whether EXIF turns it back shows when it is decoded.
        if problem and self._misfit(index, lr.size, hr.size[::-1]):
            raise UserError(problem)
        return Header(hr.size, several=lr.several or hr.several, bits=max(lr.bits, hr.bits))

    def describe(self) -> str:
        """Both folders."""
        return f"{super().describe()} with {self.lr.root}"

    @property
    def packing(self) -> tuple[str, ...]:
        """Both folders."""
        return (*super().packing, "--lr", str(self.lr.root))

    def subset(self, indices: Iterable[int]) -> PairedPhotos:
        """The pairs at ``indices``, in that order."""
        chosen = list(indices)
        return PairedPhotos(self.lr.subset(chosen), self.table.subset(chosen), upscale=self.upscale)

    def _misfit(self, index: int, lr: Sequence[int], hr: Sequence[int]) -> str | None:
        """What is wrong with two sizes, (width, height), and how to fix it; None if they fit."""
        width, height = (length * self.upscale for length in lr)
        if (width, height) == tuple(hr):
            return None
        if min(lr) > min(hr) and max(lr) > max(hr):
            return (
                f"{self[index]} of {hr[0]} × {hr[1]} is smaller than its LR {self.lr[index]} of "
                f"{lr[0]} × {lr[1]}: {SWAP}, or remove the pair if it is the only one"
            )
        return (
            f"{self[index]} is {hr[0]} × {hr[1]}, but upscale={self.upscale} times its LR {self.lr[index]} of "
            f"{lr[0]} × {lr[1]} is {width} × {height}: {_remedy(lr, hr, self.upscale)}"
        )


class PairFolders(NamedTuple):
    """The folders of both sides, or a packed set as ``hr``, each after the option that names it."""

    option: str
    hr: str | Path | None
    lr_option: str
    lr: str | Path | None


@bounded
def paired_photos(
    *,
    train_dir: OneFolder,
    train_lr_dir: OneFolder | None,
    val_dir: OneFolder | None,
    val_lr_dir: OneFolder | None,
    val_fraction: HeldOutShare,
    max_val_photos: Count,
    upscale: int,
    order: Order = "auto",
    remote_cache_gb: NonNegative = CACHE_GB,
    remote_cache_dir: CacheFolder = None,
    remote_patience: NonNegative = PATIENCE,
) -> Sources:
    """Pairs of HR photos below ``train_dir`` and LR photos below ``train_lr_dir``, see ``match``; or a packed set.

    Those below ``val_dir`` and ``val_lr_dir`` are held out; without these, some of the others, see ``hold_out``.
    How packed sets are read, see ``Reading``.

    Raises:
        UserError: a folder is missing or empty, folders overlap, no photo has a partner, names are ambiguous,
            a folder is given without its other side, a set holds no pairs, or a number is out of bounds.
    """
    reading = Reading(order, remote_cache_gb, remote_cache_dir, remote_patience)
    train = PairFolders("data.train_dir", train_dir, "data.train_lr_dir", train_lr_dir)
    val = PairFolders("data.val_dir", val_dir, "data.val_lr_dir", val_lr_dir)
    sources, places = open_pairs(
        train, val, val_fraction=val_fraction, max_val_photos=max_val_photos, upscale=upscale, reading=reading
    )
    refuse_overlap(places)
    return sources


def open_pairs(
    train: PairFolders,
    val: PairFolders,
    *,
    val_fraction: float,
    max_val_photos: int,
    upscale: int,
    reading: Reading,
) -> tuple[Sources, list[Place]]:
    """As ``paired_photos``, whatever the options are called; with the folders, which may still overlap."""
    if val.hr is None and val.lr is not None:
        raise UserError(f"{val.lr_option} is given without {val.option}: give both, or neither")
    remarks: list[str] = []
    pairs, places = _open(train, upscale, remarks, reading)
    if val.hr is not None:
        held_out, others = _open(val, upscale, remarks, reading)
        return Sources(pairs, held_out, tuple(remarks)), [*places, *others]
    ((rest, chosen),) = hold_out([pairs], val_fraction=val_fraction, max_val_photos=max_val_photos)
    if not chosen:
        raise UserError(
            f"{train.option}={train.hr} holds one pair, and one must be held out: add pairs, or give "
            f"{val.option} and {val.lr_option}"
        )
    return Sources(pairs.subset(rest), pairs.subset(chosen), tuple(remarks)), places


def _open(
    folders: PairFolders, upscale: int, remarks: list[str], reading: Reading
) -> tuple[FolderSource, list[Place]]:
    option, hr, lr_option, lr = folders
    assert hr is not None
    if is_packed(hr):
        source = _open_packed(folders, upscale, reading)
        return source, [(option, source.table.root)]
    if lr is None:
        raise UserError(f"{option}={hr} is given without {lr_option}: give the folder of their LR photos")
    sides = [
        Side(find_photos(folder, option=o, say=remarks.append), o) for folder, o in ((hr, option), (lr, lr_option))
    ]
    remarks += reading.remark_on_folder(f"{option}={hr}")
    large, small = sides
    refuse_overlap((side.option, side.table.root) for side in sides)
    matched_lr, matched_hr, without_partner = match(small, large, upscale=upscale)
    remarks += without_partner
    pairs = PairedPhotos(matched_lr, matched_hr, upscale=upscale)
    return pairs, [(side.option, side.table.root) for side in sides]


def _open_packed(folders: PairFolders, upscale: int, reading: Reading) -> PackedPhotos:
    option, hr, lr_option, lr = folders
    assert hr is not None
    source, hr = open_packed(hr, option=option, reading=reading), str(location(hr))
    held = source.layout.upscale
    if held is None:
        raise UserError(
            f"{option}={hr} is a packed set without LR photos: give data=folder, or pack them with --lr FOLDER"
        )
    if lr is not None:
        raise UserError(f"{option}={hr} is a packed set that holds LR photos: leave out {lr_option}={lr}")
    if held != upscale:
        raise UserError(f"{option}={hr} is a packed set of ×{held} pairs: give upscale={held}, not {upscale}")
    return source


def _remedy(lr: Sequence[int], hr: Sequence[int], upscale: int) -> str:
    excess = [large - small * upscale for small, large in zip(lr, hr, strict=True)]
    if min(excess) >= 0 and max(excess) < upscale:
        width, height = (length * upscale for length in lr)
        return f"cut it to {width} × {height} if LR was made from that part, or make LR again"
    ratio = hr[0] / lr[0]
    if ratio == hr[1] / lr[1] and ratio.is_integer():
        return f"give upscale={int(ratio)}, or make LR again"
    return "make LR again, or remove the pair"
