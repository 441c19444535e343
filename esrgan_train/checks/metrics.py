"""The logged values that options may name."""

from __future__ import annotations

from omegaconf import DictConfig

from esrgan_train.bounds import shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.tree import targets
from esrgan_train.errors import UserError
from esrgan_train.metrics.lpips import weights_file

VALIDATION = (
    *("val/psnr", "val/ssim", "val/psnr_y", "val/ssim_y"),
    *("val/psnr_bicubic", "val/ssim_bicubic", "val/psnr_y_bicubic", "val/ssim_y_bicubic"),
)
CLEAN = ("val/psnr_clean", "val/ssim_clean", "val/psnr_clean_bicubic", "val/ssim_clean_bicubic")
LPIPS = "val/lpips"
TRAINING = (
    *("train/pixel", "train/perceptual", "train/adversarial", "train/d_real", "train/d_fake"),
    *("train/d_real_score", "train/d_fake_score", "train/d_accuracy", "train/d_real_accuracy"),
    *("train/d_fake_accuracy", "train/grad_norm_generator", "train/grad_norm_discriminator"),
    *("train/colour_shift", "train/clipped", "train/samples_per_second", "train/lr"),
)


def check_metrics(cfg: DictConfig) -> None:
    """``UserError`` for a monitored or optimized value that is never logged.

    With a callback of another package nothing is refused: it may log more.
    """
    if any(not str(node._target_).startswith("esrgan_train.") for _, node in targets(cfg.callbacks)):
        return
    wanted = {"optimized_metric": cfg.optimized_metric}
    for name, node in cfg.callbacks.items():
        if isinstance(node, DictConfig) and "monitor" in node:
            wanted[f"callbacks.{name}.monitor"] = node.monitor
    no_lpips = _why_no_lpips(cfg)
    validation = (*VALIDATION, *(CLEAN if cfg.data.get("val_clean") else ()), *(() if no_lpips else (LPIPS,)))
    for option, metric in wanted.items():
        # A monitor is read after validating, and a training value may be some iterations old by then.
        known = validation if option.startswith("callbacks") else (*validation, *TRAINING)
        if metric is None or metric in known:
            continue
        if metric == LPIPS:
            raise UserError(f"{option}={metric} is not measured: {no_lpips}")
        raise UserError(f"{option}={shown(metric)} is never logged: {remedy(str(metric), known)}")


def _why_no_lpips(cfg: DictConfig) -> str | None:
    node, file = cfg.callbacks.get("lpips"), weights_file()
    if node is None:
        return "callbacks.lpips=null removes it; leave that out"
    if not node.use:
        return f"callbacks.lpips.use={shown(node.use)} turns it off; give callbacks.lpips.use=true"
    if node.use is True or file.exists():
        return None
    return (
        f"the weights of AlexNet are missing; callbacks.lpips.use=true fetches them (244 MB), or put {file.name} "
        f"into {file.parent}"
    )
