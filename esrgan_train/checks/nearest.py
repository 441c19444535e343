"""The right word for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MANY = 20  # choices that a line still lists in full


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


def nearest_option(option: str, known: Iterable[str]) -> list[str]:
    """The known dotted options that ``option`` may stand for: up to three, best first.

    A name without its group (``num_feat``) stands for every option that ends so. Otherwise the misspelt part
    is looked for among its neighbours, then the whole among all.
    """
    known = list(known)
    same_end = [name for name in known if name.endswith(f".{option}")]
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
