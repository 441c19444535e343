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
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def remedy(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Words for a message: the nearest known word, or all of them; ``prefix`` stands before the nearest."""
    known = list(known)
    close = nearest(word, known)
    if close is not None:
        return f"did you mean {prefix}{close}?"
    if len(known) > MANY:
        return f"there are {len(known)}, from {known[0]} to {known[-1]}; --help lists them"
    return f"choose from {', '.join(known)}"


def called_elsewhere(option: str) -> str | None:
    """The option that does what other programs call ``option``."""
    return next((meant for meant, others in ELSEWHERE.items() if option.lower() in others), None)


def nearest_option(option: str, known: Iterable[str]) -> list[str]:
    """The known dotted options that ``option`` may stand for: up to three, best first.

    A name without its group (``num_feat``) stands for every option that ends with it. Otherwise the last part is
    compared with its neighbours, then the whole with all options. Hydra's own options count only for a name that
    starts with ``hydra``.
    """
    known = [name for name in known if option.startswith("hydra") or not name.startswith("hydra.")]
    same_end = [name for name in known if name.endswith(f".{option}")]
    same_end.sort(key=lambda name: name.startswith("recipe."))  # its values are changed where they are used
    if same_end:
        return same_end[:3]
    parent, _, last = option.rpartition(".")
    prefix = f"{parent}." if parent else ""
    depth = option.count(".")
    neighbours = [n[len(prefix) :] for n in known if n.startswith(prefix) and n.count(".") == depth]
    close = nearest(last, neighbours)
    if close is not None:
        return [prefix + close]
    found = get_close_matches(option, known, n=1, cutoff=0.6)
    if found:
        return found
    ends = {name.rpartition(".")[2]: name for name in reversed(known)}
    close = nearest(last, ends)
    return [ends[close]] if close is not None else []
