"""The tree of a configuration, as it stands: nothing is resolved."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from omegaconf import DictConfig, OmegaConf


def mappings(
    node: DictConfig, name: str = "", *, without: Collection[str] = ()
) -> Iterator[tuple[str, DictConfig]]:
    """Every mapping with its dotted name, the outer before the inner; the outermost is ``name``.

    Nothing below the keys ``without`` of the outermost is looked at.
    """
    yield name, node
    for key in node:
        below = node._get_node(key)
        if key in without or not isinstance(below, DictConfig) or below._is_none() or below._is_interpolation():
            continue
        yield from mappings(below, join(name, str(key)))


def options_of(node: DictConfig) -> Iterator[str]:
    """Every dotted name."""
    return (join(name, str(key)) for name, inner in mappings(node) for key in inner)


def missing_in(node: DictConfig) -> Iterator[str]:
    """The dotted names of values left as ``???``."""
    return (
        join(name, str(key)) for name, inner in mappings(node) for key in inner if OmegaConf.is_missing(inner, key)
    )


def join(name: str, key: str) -> str:
    """The dotted name of ``key`` in the mapping ``name``; the root's is empty."""
    return f"{name}.{key}" if name else key
