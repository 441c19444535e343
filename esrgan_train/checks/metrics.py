"""The logged values that options may name."""

from __future__ import annotations

from omegaconf import DictConfig

from esrgan_train.bounds import shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.targets import targets
from esrgan_train.errors import UserError
from esrgan_train.metrics.lpips import weights_file

_VALIDATION = (
    *("psnr", "ssim", "psnr_y", "ssim_y"),
    *("psnr_bicubic", "ssim_bicubic", "psnr_y_bicubic", "ssim_y_bicubic"),
)
VALIDATION = tuple(f"val/{name}" for name in _VALIDATION)
CLEAN = tuple(f"val/{name}" for name in ("psnr_clean", "ssim_clean", "psnr_clean_bicubic", "ssim_clean_bicubic"))
LPIPS = ("val/lpips",)
TRAINING = tuple(
    f"train/{name}"
    for name in (
        "pixel",
        "perceptual",
        "adversarial",
        "d_real",
        "d_fake",
        "d_real_score",
        "d_fake_score",
        "d_accuracy",
        "d_real_accuracy",
        "d_fake_accuracy",
        "grad_norm_generator",
        "grad_norm_discriminator",
        "colour_shift",
        "clipped",
        "samples_per_second",
        "lr",
    )
)


def check_metrics(cfg: DictConfig) -> None:
    """``UserError`` for a monitored or optimized value that is never logged.

    A callback that is not of this project may log more, so with one nothing is refused.
    """
    if any(not str(node._target_).startswith("esrgan_train.") for _, node in targets(cfg.callbacks)):
        return
    wanted = {"optimized_metric": cfg.optimized_metric}
    for name, node in cfg.callbacks.items():
        if isinstance(node, DictConfig) and "monitor" in node:
            wanted[f"callbacks.{name}.monitor"] = node.monitor
    validation = VALIDATION + (CLEAN if cfg.data.get("val_clean") else ()) + (LPIPS if _has_lpips(cfg) else ())
    for option, metric in wanted.items():
        # A monitor is read after validating, and a training value may be some iterations old by then.
        known = validation if option.startswith("callbacks") else (*validation, *TRAINING)
        if metric in LPIPS and metric not in known:
            raise UserError(f"{option}={metric} is not measured: {_why_no_lpips(cfg)}")
        if metric is not None and metric not in known:
            raise UserError(f"{option}={shown(metric)} is never logged: {remedy(str(metric), known)}")


def _has_lpips(cfg: DictConfig) -> bool:
    node = cfg.callbacks.get("lpips")
    return node is not None and bool(node.use) and (node.use is True or weights_file().exists())


def _why_no_lpips(cfg: DictConfig) -> str:
    node = cfg.callbacks.get("lpips")
    if node is None:
        return "callbacks.lpips=null removes it; leave that out"
    if not node.use:
        return f"callbacks.lpips.use={shown(node.use)} turns it off; give callbacks.lpips.use=true"
    file = weights_file()
    return (
        f"the weights of AlexNet are missing; callbacks.lpips.use=true fetches them (244 MB), or put {file.name} "
        f"into {file.parent}"
    )
