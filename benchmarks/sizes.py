"""How much of everything a benchmark does."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes and repeats; ``FULL`` takes minutes, ``QUICK`` less than one."""

    gt_size: int = 128  # HR crop of the iterations, in pixels
    gan_batch: int = 4
    pixel_batch: int = 8
    num_feat: int = 64  # of the generator
    num_conv: int = 16
    discriminator_feat: int = 64
    rounds: int = 7  # repeats of what takes seconds
    budget_seconds: float = 35.0  # after which a row starts no further repeat
    window: int = 400  # side of the degraded image
    photo_size: tuple[int, int] = (2040, 1356)  # width and height of the photo that samples are cut from
    sample_gt_size: int = 256
    scaled_size: tuple[int, int] = (4000, 3000)  # width and height of the photo that windows are cut from
    packed_photos: int = 24  # that prepare packs, of photo_size
    entries: int = 100_000  # of the set that is opened
    touched: int = 20_000  # of its entries, each read whole
    image_rounds: int = 12  # repeats of what takes milliseconds
    loop_gt_size: int = 64  # in the runs inside Lightning
    loop_batch: int = 16
    loop_block: int = 10  # iterations of the pixel stage between two looks at the clock; a GAN stage's are a tenth
    clip_frames: int = 3_000  # of a long clip; the short one has a tenth
    thorough: bool = True  # whether to measure VGG19, and what needs processes of its own

    def overrides(self) -> list[str]:
        """The networks, the published losses and learning rates; both stages can come."""
        return [
            f"generator.num_feat={self.num_feat}",
            f"generator.num_conv={self.num_conv}",
            f"discriminator.num_feat={self.discriminator_feat}",
            *("recipe=published", "trainer.max_steps=1000", "optimizer.pixel_lr=1e-4"),
        ]


FULL = Sizes()
QUICK = replace(
    FULL,
    gt_size=64,
    gan_batch=1,
    pixel_batch=2,
    rounds=3,
    budget_seconds=4.0,
    image_rounds=2,
    scaled_size=(1600, 1200),
    packed_photos=4,
    touched=2_000,
    loop_batch=2,
    loop_block=5,
    thorough=False,
)
