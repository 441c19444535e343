"""The layouts of the field's model files: wrappers around the weights, prefixes on their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esrgan_train.archs.discovery import Role

# In order of preference: averaged weights first, then trainers' names of their networks.
WRAPPERS: Mapping[Role, Sequence[str]] = {
    "generator": (
        *("params_ema", "params-ema", "g_ema", "params", "state_dict", "model_state_dict"),
        *("generator", "net_g", "model", "net"),
    ),
    "discriminator": ("params", "state_dict", "model_state_dict", "discriminator", "net_d", "model", "net"),
}
# Of one player's weights in a dict that holds both; our checkpoints' come first, the averaged generator before
# the raw one.
PLAYERS: Mapping[Role, Sequence[str]] = {
    "generator": ("ema.module.", "generator.", "net_g.", "netG."),
    "discriminator": ("discriminator.", "net_d.", "netD."),
}
_ALL_PLAYERS = tuple(prefix for prefixes in PLAYERS.values() for prefix in prefixes)
# What torch puts before every name of a data-parallel, averaged or compiled network.
AROUND = ("module.", "_orig_mod.")
COUNTER = "n_averaged"  # beside averaged weights
DEEPEST = 4  # wrappers in wrappers and prefixes on prefixes: a hostile file may hold itself

Entries = Mapping[str, object]


def unwrapped(content: Entries, role: Role) -> Entries:
    """The innermost dict of ``content``, following the names under which networks are wrapped."""
    for _ in range(DEEPEST):
        inner = next((d for key in WRAPPERS[role] if isinstance(d := content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    return content


def of_players(entries: Entries) -> bool:
    """Whether every name starts with a player's prefix: a user's network may have a part called generator."""
    return all(str(name).startswith(_ALL_PLAYERS) for name in entries)


def player(entries: Entries, role: Role) -> Entries:
    """The weights of one player under their own names; all of ``entries`` if no player is named.

    Raises:
        LookupError: only the other player's weights are there.
    """
    for prefix in PLAYERS[role]:
        if found := {str(n).removeprefix(prefix): entries[n] for n in entries if str(n).startswith(prefix)}:
            return found
    if any(str(name).startswith(_ALL_PLAYERS) for name in entries):
        raise LookupError(role)
    return entries


def bare(entries: Entries) -> Entries:
    """``entries`` without torch's prefixes that all names share, and without an average's counter."""
    for _ in range(DEEPEST):
        counted = {str(name): value for name, value in entries.items() if name != COUNTER}
        shared = next((p for p in AROUND if counted and all(name.startswith(p) for name in counted)), None)
        if shared is None:
            break
        entries = {name.removeprefix(shared): value for name, value in counted.items()}
    return entries
