"""The right word for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MANY = 20  # the most choices that a line lists in full

# What other programs call these options.
ELSEWHERE = {
    "ckpt_path": ("resume", "resume_from", "resume_path", "checkpoint", "ckpt", "continue"),
    "init_from": ("pretrained", "pretrain", "pretrain_network_g", "weights", "load", "finetune_from"),
    "run_dir": ("output", "output_dir", "out", "out_dir", "outdir", "save_dir", "log_dir"),
    "upscale": ("scale", "sf", "factor"),
    "data.train_dir": ("dataset", "dataroot", "dataroot_gt", "data_dir", "train_data", "photos", "images"),
    "data.train_lr_dir": ("dataroot_lq", "lr_dir"),
    "data.num_workers": ("workers",),
    "data.batch_size": ("batch", "bs", "batchsize"),
    "data.gt_size": ("crop", "crop_size", "patch_size", "hr_size"),
    "optimizer.lr": ("learning_rate",),
    "trainer.max_steps": ("steps", "iters", "iterations", "total_iter", "max_iter"),
    "trainer.devices": ("gpus", "num_gpu", "num_gpus"),
    "trainer.accelerator": ("device",),
    "generator": ("model", "network", "network_g", "arch"),
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like ``word``, or None if none looks like it."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def remedy(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Words for a message: the nearest known word, or all of them; ``prefix`` stands before the nearest."""
    known = list(known)
    if (close := nearest(word, known)) is not None:
        return f"did you mean {prefix}{close}?"
    if len(known) > MANY:
        return f"there are {len(known)}, from {known[0]} to {known[-1]}; --help lists them"
    return f"choose from {', '.join(known)}"


def nearest_options(option: str, known: Iterable[str]) -> list[str]:
    """The known dotted options that ``option`` may stand for: up to three, best first.

    A name without its group (``num_feat``) stands for every option that ends with it. Otherwise the last part is
    compared with its neighbours, then the whole with all options. Hydra's own options count only for a name that
    starts with ``hydra``.
    """
    known = [name for name in known if option.startswith("hydra") or not name.startswith("hydra.")]
    if same_end := [name for name in known if name.endswith(f".{option}")]:
        # a recipe's values are changed where they are used
        return sorted(same_end, key=lambda name: name.startswith("recipe."))[:3]
    parent, dot, last = option.rpartition(".")
    neighbours = [name for name in known if name.rpartition(".")[0] == parent]
    if (close := nearest(last, [name.rpartition(".")[2] for name in neighbours])) is not None:
        return [f"{parent}{dot}{close}"]
    if (close := nearest(option, known)) is not None:
        return [close]
    ends = {name.rpartition(".")[2]: name for name in reversed(known)}
    close = nearest(last, ends)
    return [ends[close]] if close is not None else []
