"""Checks of constructor arguments shared by the networks."""

from __future__ import annotations

from esrgan_train.errors import UserError


def check_whole_number(name: str, value: object, *, minimum: int = 1) -> None:
    """Refuse what is not an ``int`` of at least ``minimum``; True and 4.0 are refused as well.

    Raises:
        UserError: naming the option, its value and what would do.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise UserError(f"{name}={value!r} is not possible: give a whole number of at least {minimum}")


def check_flag(name: str, value: object) -> None:
    """Refuse what is not True or False.

    Raises:
        UserError: naming the option, its value and what would do.
    """
    if not isinstance(value, bool):
        raise UserError(f"{name}={value!r} is not possible: give true or false")
