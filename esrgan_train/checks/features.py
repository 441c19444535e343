"""Random VGG19 features are for a first look: they spoil weights that are already trained."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig


def random_features_on_trained_weights(cfg: DictConfig) -> Iterator[str]:
    """One line if ``init_from`` brings trained weights and the perceptual loss has random features."""
    perceptual = cfg.loss.perceptual
    counts = perceptual.weight and cfg.loss.adversarial.start_step < cfg.trainer.max_steps
    if cfg.init_from is not None and cfg.ckpt_path is None and counts and perceptual.features == "random":
        yield (
            f"loss.perceptual.features=random spoils the trained weights of init_from={cfg.init_from}: "
            "give loss.perceptual.weight=0, or loss.perceptual.features=imagenet"
        )
