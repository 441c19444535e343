"""Photographs in folders of the user's own."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from esrgan_train.data.split import Split
from esrgan_train.errors import UserError
from esrgan_train.images.find import find_photos

_HASH_BYTES = 8


def folder_split(
    train_dir: str | Path,
    val_dir: str | Path | None = None,
    *,
    val_fraction: float = 0.05,
    max_val_photos: int = 32,
) -> Split:
    """Photos below ``train_dir``; those below ``val_dir``, or some of the former, are held out.

    Without ``val_dir``, a photo is held out if the hash of its relative path falls into the first
    ``val_fraction`` of all hashes. So each photo decides for itself, and adding photos moves none from one
    side to the other, except where the limits bind: at least one and at most ``max_val_photos`` are held
    out, those of the smallest hashes.

    Args:
        train_dir: folder, searched recursively.
        val_dir: folder whose photos are all held out; must lie beside ``train_dir``.
        val_fraction: share of the photos held out without ``val_dir``, between 0 and 1.
        max_val_photos: most photos held out without ``val_dir``.

    Raises:
        UserError: a folder is missing or empty, the folders overlap, there is only one photo to split, or a
            number is out of bounds.
    """
    if not isinstance(val_fraction, (int, float)) or not 0 < val_fraction < 1:
        raise UserError(f"data.val_fraction={val_fraction!r}: give a number between 0 and 1, such as 0.05")
    if not isinstance(max_val_photos, int) or max_val_photos < 1:
        raise UserError(f"data.max_val_photos={max_val_photos!r}: give a whole number from 1 on, such as 32")
    photos = find_photos(train_dir, option="data.train_dir")
    if val_dir is not None:
        held_out = find_photos(val_dir, option="data.val_dir")
        _refuse_overlap(Path(train_dir), Path(val_dir))
        return Split(photos, held_out)
    if len(photos) < 2:
        raise UserError(
            f"data.train_dir={train_dir} holds one photo, and one must be held out: "
            "add photos or give data.val_dir"
        )
    hashes = {index: _hash(photos.relative(index)) for index in range(len(photos))}
    threshold = int(val_fraction * 2 ** (8 * _HASH_BYTES))
    chosen = sorted((value, index) for index, value in hashes.items() if value < threshold)
    chosen = chosen or [min((value, index) for index, value in hashes.items())]
    most = min(max_val_photos, len(photos) - 1)
    val = sorted(index for _, index in chosen[:most])
    held_out_indices = set(val)
    train = (index for index in range(len(photos)) if index not in held_out_indices)
    return Split(photos.subset(train), photos.subset(val))


def _hash(relative_path: str) -> int:
    raw = relative_path.encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(raw, digest_size=_HASH_BYTES).digest(), "big")


def _refuse_overlap(train_dir: Path, val_dir: Path) -> None:
    train, val = train_dir.resolve(), val_dir.resolve()
    if train.is_relative_to(val) or val.is_relative_to(train):
        raise UserError(
            f"data.val_dir={val_dir} and data.train_dir={train_dir} overlap, so photos would be trained on "
            "and held out: put the folders side by side"
        )
