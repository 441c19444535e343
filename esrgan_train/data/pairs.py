"""The source of ``data=paired``: photos that exist in both sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from esrgan_train.bounds import Count, Wanted, bounded
from esrgan_train.data.folders import refuse_overlap
from esrgan_train.data.held_out import HeldOutShare, Indices, hold_out
from esrgan_train.data.pair_names import SWAP, Side, match
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Decoded, Sources
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header, UnreadableImageError, decode, read_header
from esrgan_train.images.find import PathTable, find_photos

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
        return Header(hr.size, several=lr.several or hr.several)

    def describe(self) -> str:
        """Both folders."""
        return f"{super().describe()} with {self.lr.root}"

    @property
    def packing(self) -> tuple[str, ...]:
        """Both folders."""
        return (*super().packing, "--lr", str(self.lr.root))

    def subset(self, indices: Indices | list[int]) -> PairedPhotos:
        """The pairs at ``indices``, in that order."""
        return PairedPhotos(self.lr.subset(indices), self.tables[0].subset(indices), upscale=self.upscale)

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


@bounded
def paired_photos(
    *,
    train_dir: OneFolder,
    train_lr_dir: OneFolder,
    val_dir: OneFolder | None,
    val_lr_dir: OneFolder | None,
    val_fraction: HeldOutShare,
    max_val_photos: Count,
    upscale: int,
) -> Sources:
    """Pairs of HR photos below ``train_dir`` and LR photos below ``train_lr_dir``; see ``match``.

    Those below ``val_dir`` and ``val_lr_dir`` are held out; without these, some of the others, see ``hold_out``.

    Raises:
        UserError: a folder is missing or empty, folders overlap, no photo has a partner, names are ambiguous,
            only one of ``val_dir`` and ``val_lr_dir`` is given, or a number is out of bounds.
    """
    if (val_dir is None) != (val_lr_dir is None):
        given, lacking = ("val_dir", "val_lr_dir") if val_lr_dir is None else ("val_lr_dir", "val_dir")
        raise UserError(f"data.{given} is given without data.{lacking}: give both, or neither")
    remarks: list[str] = []
    folders = {"train_dir": train_dir, "train_lr_dir": train_lr_dir, "val_dir": val_dir, "val_lr_dir": val_lr_dir}
    sides = []
    for name, folder in folders.items():
        if folder is not None:
            option = f"data.{name}"
            sides.append(Side(find_photos(folder, option=option, say=remarks.append), option))
    refuse_overlap((side.option, side.table.root) for side in sides)
    pairs, *held_out = (_pairs(hr, lr, upscale, remarks) for hr, lr in zip(sides[::2], sides[1::2], strict=True))
    if held_out:
        return Sources(pairs, held_out[0], tuple(remarks))
    if len(pairs) < 2:
        raise UserError(
            f"data.train_dir={train_dir} holds one pair, and one must be held out: add pairs, or give "
            "data.val_dir and data.val_lr_dir"
        )
    ((rest, chosen),) = hold_out(pairs.tables, val_fraction=val_fraction, max_val_photos=max_val_photos)
    return Sources(pairs.subset(rest), pairs.subset(chosen), tuple(remarks))


def _pairs(hr: Side, lr: Side, upscale: int, remarks: list[str]) -> PairedPhotos:
    matched_lr, matched_hr, without_partner = match(lr, hr, upscale=upscale)
    remarks += without_partner
    return PairedPhotos(matched_lr, matched_hr, upscale=upscale)


def _remedy(lr: Sequence[int], hr: Sequence[int], upscale: int) -> str:
    excess = [large - small * upscale for small, large in zip(lr, hr, strict=True)]
    if min(excess) >= 0 and max(excess) < upscale:
        width, height = (length * upscale for length in lr)
        return f"cut it to {width} × {height} if LR was made from that part, or make LR again"
    ratio = hr[0] / lr[0]
    if ratio == hr[1] / lr[1] and ratio.is_integer():
        return f"give upscale={int(ratio)}, or make LR again"
    return "make LR again, or remove the pair"
