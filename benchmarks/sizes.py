"""How much of everything a benchmark does."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes and repeats; ``FULL`` takes minutes, ``QUICK`` less than one.

    Attributes:
        gt_size: HR crop of the iterations, in pixels.
        gan_batch: samples of a GAN iteration.
        pixel_batch: samples of an iteration of the pixel stage.
        num_feat: the generator's channels.
        num_conv: its hidden convolutions.
        discriminator_feat: the discriminator's channels.
        rounds: repeats of what takes seconds.
        budget_seconds: after which a row begins no further repeat.
        window: side of the degraded image.
        photo_size: width and height of the photo that samples are cut from.
        sample_gt_size: HR crop of those samples.
        image_rounds: repeats of what takes milliseconds.
        loop_gt_size: HR crop in the runs inside Lightning.
        loop_batch: their batch.
        loop_block: iterations of the pixel stage between two looks at the clock; the GAN stage takes a tenth.
        index_files: files of the indexed folder; 0 leaves the row out.
        worker_samples: after how many samples a worker's memory is compared; empty leaves the row out.
        processes: whether to measure what needs processes of its own.
        perceptual: whether to measure the perceptual loss.
    """

    gt_size: int
    gan_batch: int
    pixel_batch: int
    num_feat: int
    num_conv: int
    discriminator_feat: int
    rounds: int
    budget_seconds: float
    window: int
    photo_size: tuple[int, int]
    sample_gt_size: int
    image_rounds: int
    loop_gt_size: int
    loop_batch: int
    loop_block: int
    index_files: int
    worker_samples: tuple[int, ...]
    processes: bool
    perceptual: bool


FULL = Sizes(
    gt_size=128,
    gan_batch=4,
    pixel_batch=8,
    num_feat=64,
    num_conv=16,
    discriminator_feat=64,
    rounds=7,
    budget_seconds=35.0,
    window=400,
    photo_size=(2040, 1356),
    sample_gt_size=256,
    image_rounds=12,
    loop_gt_size=64,
    loop_batch=16,
    loop_block=10,
    index_files=1_000_000,
    worker_samples=(1_000, 20_000),
    processes=True,
    perceptual=True,
)

QUICK = replace(
    FULL,
    gt_size=64,
    gan_batch=1,
    pixel_batch=2,
    rounds=3,
    budget_seconds=4.0,
    image_rounds=2,
    loop_batch=2,
    loop_block=5,
    index_files=0,
    worker_samples=(),
    processes=False,
    perceptual=False,
)
