"""The named choices of spandrel's networks, small enough for tests."""

from __future__ import annotations

SMALL: dict[str, tuple[str, ...]] = {
    # Of 255 levels, first weights make pictures far beyond white: four iterations do not end that.
    "span": ("generator.feature_channels=8", "generator.img_range=1.0"),
    "realplksr": ("generator.dim=8", "generator.n_blocks=2", "generator.kernel_size=5"),
    "mosr": ("generator.dim=8", "generator.n_block=2"),
    "safmn": ("generator.dim=8", "generator.n_blocks=1"),
    "realcugan": (),  # has no options
    "fdat": ("generator.embed_dim=16", "generator.num_groups=1", "generator.depth_per_group=1"),
}
