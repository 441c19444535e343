"""Random VGG19 features are a stand-in for a first look; weights that are trained already suffer from them."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig


def random_features_on_trained_weights(cfg: DictConfig) -> Iterator[str]:
    """One line if ``init_from`` is to be trained with a perceptual loss that knows less than its weights."""
    perceptual = cfg.loss.perceptual
    counts = perceptual.weight and cfg.loss.adversarial.start_step < cfg.trainer.max_steps
    if cfg.init_from is not None and cfg.ckpt_path is None and counts and perceptual.features == "random":
        yield (
            f"loss.perceptual.features=random pulls the trained weights of init_from={cfg.init_from} away from "
            "what they know: give loss.perceptual.weight=0, or loss.perceptual.features=imagenet"
        )
