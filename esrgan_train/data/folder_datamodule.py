"""The data module of ``data=folder``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.dataset import Degradation, Noise
from esrgan_train.data.folder import Folders, folder_split


class FolderDataModule(DataModule):
    """``DataModule`` over ``folder_split``; the other arguments are those of ``DataModule``.

    Args:
        train_dir: folder of photos, searched recursively; a list of folders; or folders with weights.
        val_dir: folder whose photos are held out; None holds out some of the others.
        val_fraction: share held out without ``val_dir``, between 0 and 1.
        max_val_photos: most photos held out without ``val_dir``.

    Raises:
        UserError: as ``folder_split`` and ``DataModule``.
    """

    def __init__(
        self,
        *,
        train_dir: Folders,
        val_dir: str | Path | None,
        val_fraction: float,
        max_val_photos: int,
        degradation: Degradation | None,
        upscale: int,
        seed: int,
        gt_size: int,
        batch_size: int,
        accumulate: int,
        num_workers: int | str,
        scales: Sequence[float],
        usm: bool,
        cache_mb: float,
        max_bad_fraction: float,
        overfit_samples: int | None = None,
        val_max_size: int | None = None,
        val_clean: bool = False,
        target_noise: Noise | None = None,
    ) -> None:
        remarks: list[str] = []
        super().__init__(
            split=folder_split(
                train_dir,
                val_dir,
                val_fraction=val_fraction,
                max_val_photos=max_val_photos,
                say=remarks.append,
            ),
            remarks=remarks,
            degradation=degradation,
            upscale=upscale,
            seed=seed,
            gt_size=gt_size,
            batch_size=batch_size,
            accumulate=accumulate,
            num_workers=num_workers,
            scales=scales,
            usm=usm,
            cache_mb=cache_mb,
            max_bad_fraction=max_bad_fraction,
            overfit_samples=overfit_samples,
            val_max_size=val_max_size,
            val_clean=val_clean,
            target_noise=target_noise,
        )
