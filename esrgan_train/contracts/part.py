"""A part of a run by the option that chose it, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from esrgan_train.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a ``_target_`` names.

    Attributes:
        option: dotted name of its node, such as ``loss.pixel.function``.
        target: dotted path of the class or function.
    """

    option: str
    target: str

    @classmethod
    def of(cls, node: DictConfig) -> Part:
        """The part that a node of the configuration describes."""
        return cls(option=node._get_full_key(None), target=str(node.get("_target_")))

    def __str__(self) -> str:
        return f"{self.option}._target_={self.target}"

    @property
    def is_ours(self) -> bool:
        """Whether it is this package's, which has tests."""
        return self.target.startswith("esrgan_train.")

    def refusal(self, fault: str, remedy: str) -> UserError:
        """What is wrong with it and what to do, in one line that names the option."""
        return UserError(f"{self}: {fault}; {remedy}")

    def call(self, function: Callable[..., Any], *arguments: Any, doing: str, remedy: str) -> Any:
        """``function(*arguments)``; what it raises becomes a refusal, ``doing`` being what fails."""
        try:
            return function(*arguments)
        except UserError:
            raise
        except Exception as error:  # it may be a stranger's and raise anything
            reason = " ".join(str(error).split())[:300]
            raise self.refusal(f"{doing} fails: {type(error).__name__}: {reason}", remedy) from error


def in_words(value: Any) -> str:
    """A value by its type: a tensor or array with its shape, anything else by its class."""
    if isinstance(value, Tensor):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')}, {size(value.shape)}"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array of {value.dtype}, {size(value.shape)}"
    return "None" if value is None else f"a {type(value).__name__}"


def is_number_tensor(value: Any) -> bool:
    """Whether it is a tensor of floating-point numbers."""
    return isinstance(value, Tensor) and torch.is_floating_point(value)


def size(shape: tuple[int, ...]) -> str:
    """A shape, such as 2×3×8×8."""
    return "×".join(map(str, shape)) if shape else "a scalar"
