"""The logged values that options may name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig

from esrgan_train.bounds import shown
from esrgan_train.callbacks.criterion import AUTO, LAST, OPTION, monitors_of, resolved_mode
from esrgan_train.callbacks.validate_niqe import HELD_OUT, REAL
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.tree import plain, targets
from esrgan_train.errors import UserError
from esrgan_train.metrics.directions import Mode, mode_of
from esrgan_train.metrics.learned import LEARNED, Learned
from esrgan_train.metrics.pristine import HOW_TO_GET

VALIDATION = (
    *("val/psnr", "val/ssim", "val/psnr_y", "val/ssim_y"),
    *("val/psnr_bicubic", "val/ssim_bicubic", "val/psnr_y_bicubic", "val/ssim_y_bicubic"),
)
CLEAN = ("val/psnr_clean", "val/ssim_clean", "val/psnr_clean_bicubic", "val/ssim_clean_bicubic")
TRAINING = (
    *("train/pixel", "train/perceptual", "train/adversarial", "train/d_real", "train/d_fake"),
    *("train/d_real_score", "train/d_fake_score", "train/d_accuracy", "train/d_real_accuracy"),
    *("train/d_fake_accuracy", "train/grad_norm_generator", "train/grad_norm_discriminator"),
    *("train/colour_shift", "train/clipped", "train/samples_per_second", "train/lr"),
)


def check_metrics(cfg: DictConfig) -> None:
    """``UserError`` for a monitored or optimized value that is never logged, or of which the better is not known.

    With a callback of another package no value is refused: it may log more.
    """
    monitors = [each for each in _monitors(cfg) if each[1] not in (AUTO, LAST)]
    wanted = {option: monitor for option, monitor, _ in monitors}
    if cfg.optimized_metric is not None:
        wanted["optimized_metric"] = cfg.optimized_metric
    if all(str(node._target_).startswith("esrgan_train.") for _, node in targets(cfg.callbacks)):
        _check_logged(cfg, wanted)
    for option, monitor, node in monitors:
        _check_mode(option.partition(".monitor")[0], monitor, node.get("mode"))


def _check_mode(at: str, monitor: str, mode: Mode | None) -> None:
    """``UserError`` if it is not known which values are better, or known to be the others."""
    resolved_mode(at, monitor, mode)
    known = mode_of(monitor)
    if mode in ("max", "min") and known not in (None, mode):
        better = "larger" if known == "max" else "smaller"
        raise UserError(f"{at}.mode={mode}: {better} values of {monitor} are better; leave it out")


def _monitors(cfg: DictConfig) -> Iterator[tuple[str, str, DictConfig]]:
    """Each option that names a value to watch, the value, and the callback's options."""
    for name, node in cfg.callbacks.items():
        if not isinstance(node, DictConfig) or "monitor" not in node:
            continue
        option = f"callbacks.{name}.monitor"
        if not isinstance(node.monitor, DictConfig):
            yield option, str(node.monitor), node
            continue
        for stage, monitor in monitors_of(plain(node.monitor)).items():
            yield f"{option}.{stage}", monitor, node


def _check_logged(cfg: DictConfig, wanted: dict[str, Any]) -> None:
    missing = _why_missing(cfg)
    further = (*(measure.logged for measure in LEARNED), HELD_OUT, REAL)
    measured = [name for name in further if name not in missing]
    validation = (*VALIDATION, *(CLEAN if cfg.data.get("val_clean") else ()), *measured)
    for option, metric in wanted.items():
        # A monitor is read after validating, and a training value may be some iterations old by then.
        known = validation if option.startswith("callbacks") else (*validation, *TRAINING)
        if metric in known:
            continue
        if metric in missing:
            raise UserError(f"{option}={metric} is not measured: {missing[metric]}")
        words = (*known, AUTO, LAST) if option.startswith(OPTION) else known
        raise UserError(f"{option}={shown(metric)} is never logged: {remedy(str(metric), words)}")


def _why_missing(cfg: DictConfig) -> dict[str, str]:
    """Why each value that only some runs have is not measured in this one."""
    reasons = {measure.logged: _why_not_learned(cfg, measure) for measure in LEARNED}
    reasons[HELD_OUT] = reasons[REAL] = _why_no_niqe(cfg)
    if reasons[REAL] is None and cfg.data.get("val_lr_dir") is None:
        reasons[REAL] = "it is of the pictures in data.val_lr_dir; give that"
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _why_not_learned(cfg: DictConfig, measure: Learned) -> str | None:
    at, node, file = f"callbacks.{measure.name}", cfg.callbacks.get(measure.name), measure.file
    if node is None:
        return f"{at}=null removes it; leave that out"
    if not node.use:
        return f"{at}.use={shown(node.use)} turns it off; give {at}.use=true"
    if node.use is True or file.exists():
        return None
    return (
        f"the weights of {measure.network} are missing; {at}.use=true fetches them ({measure.size}), or put "
        f"{file.name} into {file.parent}"
    )


def _why_no_niqe(cfg: DictConfig) -> str | None:
    node = cfg.callbacks.get("niqe")
    if node is None:
        return "callbacks.niqe=null removes it; leave that out"
    if node.parameters is None:
        return f"callbacks.niqe.parameters is null; give auto, if BasicSR is installed: {HOW_TO_GET}"
    return None
