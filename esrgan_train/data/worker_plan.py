"""How many worker processes the loaders get, and how many batches each makes ahead."""

from __future__ import annotations

import logging
import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrgan_train.data.options import StreamOptions
from esrgan_train.data.window import Window
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_LEAST_AHEAD = 2  # batches per worker: with one, a worker rests until its batch is taken
_MOST_AHEAD = 4
_ENOUGH_BYTES = 2**30
_SHARED_MEMORY = Path("/dev/shm")  # where Linux keeps the batches of workers until they have been used
_DRAWING_BYTES = 2**15  # of the kernels, mostly
_LOADERS = 2  # training's batches stay there while validation's are made


@dataclass(frozen=True)
class Workers:
    """Worker processes of a loader, and the batches that each makes ahead; 0: the main process makes them."""

    count: int
    ahead: int = 1


@dataclass(frozen=True)
class WorkerPlans:
    """The worker processes of both loaders, and what limits them.

    Attributes:
        training: makes training samples.
        validation: reads held-out photos.
        cores: that this process may use.
        shortage: how many workers there were with more shared memory, and how to give it; None if there is enough.
    """

    training: Workers
    validation: Workers
    cores: int
    shortage: str | None = None

    def report(self) -> None:
        """Log how many there are."""
        if self.training.count:
            ahead = "1 batch" if self.training.ahead == 1 else f"{self.training.ahead} batches"
            log.info("workers       %d on %d cores, %s ahead each", self.training.count, self.cores, ahead)
        if self.shortage is not None:
            log.warning("%s", self.shortage)


def choose_num_workers(num_workers: int | Literal["auto"], cores: int) -> int:
    """``auto``: the cores of this process but one, which is left to training; at least 1."""
    return max(1, cores - 1) if num_workers == "auto" else num_workers


def plan_workers(
    options: StreamOptions,
    *,
    cores: int,
    processes: int,
    held_out_pixels: int,
    rendered: bool = True,
    windows: int = 1,
) -> WorkerPlans:
    """As many workers as ``options.num_workers`` says; with ``auto`` no more than there is shared memory for.

    Where samples take similar times, two batches ahead keep training from waiting. Four bridge samples that take
    many times as long as others, and are made only up to ``_ENOUGH_BYTES`` in all.

    Args:
        options: of the stream.
        cores: that this process may use.
        processes: of the run on this host.
        held_out_pixels: of the largest held-out photo.
        rendered: whether workers make the images of training samples, or only cut windows for the device.
        windows: the most that a sample takes of these.

    Raises:
        UserError: there is no room for one batch, or for one of each worker that was asked for.
    """
    wanted = choose_num_workers(options.num_workers, cores)
    if not wanted:
        return WorkerPlans(Workers(0), Workers(0), cores)
    room, photo = _room(processes), _photo_bytes(held_out_pixels, options)
    sample = _sample_bytes(options) if rendered else windows * _drawn_bytes(options)
    size = options.batch_size * options.accumulate * sample
    fitting = room // size
    count = min(wanted, fitting) if options.num_workers == "auto" else wanted
    remedy = _more_room(max(wanted * _LEAST_AHEAD * size, photo) * processes)
    if not 1 <= count <= fitting:
        fewer = f"data.num_workers={fitting}" if fitting else "data.num_workers=0, a smaller data.batch_size"
        raise UserError(
            f"the shared memory ({_SHARED_MEMORY}) has no room for {wanted} × {size / 2**20:.0f} MiB, a batch of "
            f"each worker: give {fewer}, or {remedy}"
        )
    ahead = min(_MOST_AHEAD, max(_LEAST_AHEAD, _ENOUGH_BYTES // (size * count)), fitting // count)
    training, validation = Workers(count, ahead), Workers(min(count, room // photo), ahead=1)
    return WorkerPlans(training, validation, cores, _shortage(wanted, training, validation, remedy))


def _shortage(wanted: int, training: Workers, validation: Workers, remedy: str) -> str | None:
    lacking = []
    if training.count < wanted:
        lacking.append(f"{training.count} instead of {wanted} workers")
    if training.ahead < _LEAST_AHEAD:
        lacking.append("one batch ahead instead of two")
    if not validation.count:
        lacking.append("validation without workers")
    if not lacking:
        return None
    what = " and ".join(lacking)
    return f"the shared memory ({_SHARED_MEMORY}) has no room for more than {what}: give {remedy}"


def _more_room(needed: int) -> str:
    gigabytes = math.ceil(needed * _LOADERS / 2**30)
    return f"more of it (docker run --shm-size={gigabytes}g or --ipc=host)"


def _room(processes: int) -> int:
    """Bytes for one loader's batches in each of a host's ``processes``."""
    if not _SHARED_MEMORY.is_dir():
        return sys.maxsize  # macOS and Windows keep them elsewhere
    return shutil.disk_usage(_SHARED_MEMORY).free // (_LOADERS * processes)


def _sample_bytes(options: StreamOptions) -> int:
    hr, lr = _sides(options.gt_size**2, options)
    return hr * (2 if options.usm else 1) + lr  # usm: hr_target too


def _drawn_bytes(options: StreamOptions) -> int:
    """A window as if photos were of 16 bits, and its drawing."""
    return 6 * Window(options.gt_size, options.upscale).side ** 2 + _DRAWING_BYTES


def _photo_bytes(pixels: int, options: StreamOptions) -> int:
    hr, lr = _sides(pixels, options)
    return hr + lr * (2 if options.val_clean else 1)


def _sides(pixels: int, options: StreamOptions) -> tuple[int, int]:
    """Bytes of HR and LR, three channels of float32."""
    return 12 * pixels, 12 * pixels // options.upscale**2
