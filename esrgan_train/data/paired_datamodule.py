"""The data module of ``data=paired``."""

from __future__ import annotations

from pathlib import Path

from esrgan_train.data.datamodule import StreamDataModule, check_batch_size
from esrgan_train.data.dataset import Degradation, Noise
from esrgan_train.data.pair_tables import look_at_pairs, paired_split
from esrgan_train.data.paired import TrainingPairs, ValidationPairs
from esrgan_train.data.preflight import check_readable, look_at_held_out
from esrgan_train.degradation import usm_sharpen
from esrgan_train.errors import UserError


class PairedDataModule(StreamDataModule):
    """Training and validation on LR photos that exist already, each beside its HR photo.

    Args:
        train_dir: folder of HR photos, searched recursively.
        train_lr_dir: folder of their LR photos, of the same names.
        val_dir: folder of HR photos that are held out; None holds out some of the others.
        val_lr_dir: folder of their LR photos.
        val_fraction: share held out without ``val_dir``, between 0 and 1.
        max_val_photos: most pairs held out without ``val_dir``.
        degradation: without effect, which is said.
        upscale: HR pixels per LR pixel.
        seed: 0 to 2⁶⁴ − 1.
        gt_size: side of the HR crop in pixels, a multiple of lcm(8, upscale).
        batch_size: samples per process that go through the networks at once.
        accumulate: such batches per iteration; a batch of the loader holds them all.
        num_workers: worker processes, or ``auto``: the usable cores minus one.
        usm: sharpen the HR crop for ``hr_target``.
        cache_mb: decoded pairs kept per worker, in MiB.
        max_bad_fraction: share of the training pairs, and of the held-out ones, that may be unreadable or of a
            wrong size.
        overfit_samples: train on and validate with this many fixed samples alone; None uses all pairs.
        val_max_size: HR pixels a side to which larger held-out pairs are cut, from their middle; None takes all.
        target_noise: must be None: it would have to stand in the LR photos too.

    Raises:
        UserError: a value is out of bounds, a pair has a wrong scale, or too many photos cannot be read.
    """

    def __init__(
        self,
        *,
        train_dir: str | Path,
        train_lr_dir: str | Path,
        val_dir: str | Path | None,
        val_lr_dir: str | Path | None,
        val_fraction: float,
        max_val_photos: int,
        degradation: Degradation | None,
        upscale: int,
        seed: int,
        gt_size: int,
        batch_size: int,
        accumulate: int,
        num_workers: int | str,
        usm: bool,
        cache_mb: float,
        max_bad_fraction: float,
        overfit_samples: int | None = None,
        val_max_size: int | None = None,
        target_noise: Noise | None = None,
    ) -> None:
        check_batch_size(batch_size)
        if target_noise is not None:
            raise UserError(
                "target_noise cannot be added to data=paired, whose LR photos are used as they are: give "
                "target_noise=none, or data=folder"
            )
        split = paired_split(
            train_dir=train_dir,
            train_lr_dir=train_lr_dir,
            val_dir=val_dir,
            val_lr_dir=val_lr_dir,
            val_fraction=val_fraction,
            max_val_photos=max_val_photos,
            upscale=upscale,
        )
        training = TrainingPairs(
            split.train,
            sharpen=usm_sharpen if usm else None,
            upscale=upscale,
            seed=seed,
            gt_size=gt_size,
            cache_mb=cache_mb,
            max_bad_fraction=max_bad_fraction,
        )
        preflight = look_at_pairs(split.train, upscale=upscale, least=training.needed_side)
        check_readable(preflight, max_bad_fraction=max_bad_fraction, kind="training")
        held_out = look_at_held_out(split.val.hr, upscale=upscale, max_size=val_max_size)
        both_sides = look_at_pairs(split.val, upscale=upscale, least=0)
        held_out = held_out._replace(unreadable=both_sides.unreadable)
        check_readable(held_out, max_bad_fraction=max_bad_fraction, kind="held-out")
        remarks = list(split.remarks)
        if degradation is not None:
            remarks.append(
                "degradation has no effect with data=paired: the LR photos are used as they are; leave it out"
            )
        super().__init__(
            training=training,
            validation=ValidationPairs(
                split.val,
                upscale=upscale,
                seed=seed,
                max_size=val_max_size,
                max_bad_fraction=max_bad_fraction,
            ),
            preflight=preflight,
            held_out=held_out,
            batch_size=batch_size,
            accumulate=accumulate,
            num_workers=num_workers,
            overfit_samples=overfit_samples,
            remarks=remarks,
        )
        self._pairs = split

    def describe(self) -> str:
        """One line for people: how many pairs, and where."""
        train, val, _ = self._pairs
        where = "" if val.hr.root == train.hr.root else f" from {val.hr.root} with {val.lr.root}"
        count = f"{len(train.hr):,} pairs from {train.hr.root} with {train.lr.root}"
        return f"{count}, {len(val.hr):,} held out{where}"
