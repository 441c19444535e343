"""Whether other nodes can reach this one by the address that gloo takes."""

from __future__ import annotations

import os
import socket
import struct
import sys

from esrgan_train.errors import UserError

_VARIABLE = "GLOO_SOCKET_IFNAME"
_ASK_ADDRESS = 0x8915  # SIOCGIFADDR of Linux


def check_host_name(nodes: int, main_address: str) -> None:
    """Check a run of several nodes: gloo, by which its processes agree, takes the address of this host's name.

    Many systems resolve that to this machine itself (127.0.1.1 in ``/etc/hosts``), where no other node finds it.

    Args:
        nodes: of the run.
        main_address: of its first process, as given; ``localhost`` and the like mean that all are on this machine.

    Raises:
        UserError: the name resolves to this machine itself, or not at all, and no interface is given.
    """
    if nodes < 2 or os.environ.get(_VARIABLE) or main_address.startswith(("127.", "localhost", "::1")):
        return
    name = socket.gethostname()
    address = _resolved(name)
    if address and not address.startswith("127."):
        return
    what = f"resolves to {address}, where no other node finds it" if address else "does not resolve"
    names = " or ".join(f"{_VARIABLE}={interface}" for interface in interfaces(main_address)) or f"{_VARIABLE}=…"
    raise UserError(f"trainer.num_nodes={nodes}: the name of this node, {name}, {what}: start it with {names}")


def interfaces(towards: str) -> list[str]:
    """The network interface by which an address is reached; all but the loopback where the system does not say."""
    names = [name for _, name in socket.if_nameindex() if not name.startswith("lo")]
    own = _own_address(towards)
    return [name for name in names if own and _address_of(name) == own] or names


def _resolved(name: str) -> str:
    """Its address of version 4; empty if it has none."""
    try:
        return socket.gethostbyname(name)
    except OSError:
        return ""


def _own_address(towards: str) -> str:
    """This machine's address on the way to another; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((towards, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _address_of(interface: str) -> str:
    if sys.platform != "linux":
        return ""
    import fcntl  # not everywhere

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            found = fcntl.ioctl(probe, _ASK_ADDRESS, struct.pack("256s", interface.encode()[:15]))
        except OSError:  # it has none
            return ""
    return socket.inet_ntoa(found[20:24])
