"""Whether Weights & Biases has a login."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig

from esrgan_train.doctor.finding import Finding
from esrgan_train.loggers.wandb_run import has_login, mode_of_environment, wandb_logger

_TARGET = f"{wandb_logger.__module__}.{wandb_logger.__name__}"
_OFFLINE = "`wandb sync` sends an offline run later"


def login_check(cfg: DictConfig) -> Iterator[Finding]:
    """Whether a run that shall be online can be; the server is not asked."""
    nodes = {name: node for name, node in (cfg.get("logger") or {}).items() if node is not None}
    option, node = next(((n, each) for n, each in nodes.items() if each.get("_target_") == _TARGET), (None, None))
    if node is None:
        return
    mode = node.mode if node.mode != "auto" else mode_of_environment() or "auto"
    if mode in ("offline", "disabled"):
        yield Finding("wandb", "ok", f"Weights & Biases is {mode}, as asked")
    elif has_login():
        yield Finding("wandb", "ok", "Weights & Biases has a key; whether its server takes it shows at the start")
    elif mode == "online":
        what = "Weights & Biases shall be online, but has no login: the run would be kept offline"
        remedy = f"run `wandb login`, set WANDB_API_KEY, or give logger.{option}.mode=offline ({_OFFLINE})"
        yield Finding("wandb", "problem", what, remedy)
    else:
        what = "Weights & Biases has no login: the run is kept offline"
        yield Finding("wandb", "note", what, f"run `wandb login`, or set WANDB_API_KEY; {_OFFLINE}")
