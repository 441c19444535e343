"""Networks, each in a file ``*_arch.py``; ``@generator`` and ``@discriminator`` make them Hydra choices."""

from esrgan_train.archs.discovery import discriminator, generator

__all__ = ["discriminator", "generator"]
