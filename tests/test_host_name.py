"""Runs of several nodes whose host name leads to the machine itself are told what to type."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from esrgan_train import build
from esrgan_train.checks import host_name
from esrgan_train.checks.host_name import check_host_name, interfaces
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from tests.tiny import tiny

MAIN = "10.0.0.1"


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names resolve to on ``node7``, which has two interfaces, of which eth1 leads to the others."""
    known = {MAIN: MAIN, "node7": "127.0.1.1"}

    def resolve(name: str) -> str:
        if name not in known:
            raise socket.gaierror
        return known[name]

    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    monkeypatch.setattr(socket, "gethostbyname", resolve)
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0"), (3, "eth1")])
    monkeypatch.setattr(host_name, "_own_address", lambda towards: {MAIN: "10.0.0.7"}[towards])
    monkeypatch.setattr(host_name, "_address_of", {"eth0": "", "eth1": "10.0.0.7"}.__getitem__)
    return known


def test_a_name_that_leads_to_the_machine_itself_is_refused(addresses: dict[str, str], monkeypatch: Any) -> None:
    with pytest.raises(UserError) as refused:
        check_host_name(2, MAIN)
    assert str(refused.value) == (
        "trainer.num_nodes=2: the name of this node, node7, resolves to 127.0.1.1, where no other node finds it: "
        "start it with GLOO_SOCKET_IFNAME=eth1"
    )
    addresses["node7.cluster"] = "127.0.1.1"  # what the first node is called by all, and takes for itself
    monkeypatch.setattr(host_name, "_own_address", lambda _: "127.0.1.1")
    with pytest.raises(UserError, match="GLOO_SOCKET_IFNAME=eth0 or GLOO_SOCKET_IFNAME=eth1"):
        check_host_name(2, "node7.cluster")
    del addresses["node7"]
    with pytest.raises(UserError, match="node7, does not resolve: start it with"):
        check_host_name(2, MAIN)


def test_everything_else_is_let_through(addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    check_host_name(1, MAIN)
    for here in ("127.0.0.1", "localhost"):  # all nodes on this machine
        check_host_name(2, here)
    addresses["node7"] = "10.0.0.7"
    check_host_name(2, MAIN)
    addresses["node7"] = "127.0.1.1"
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth1")
    check_host_name(2, MAIN)


@pytest.mark.usefixtures("addresses")
def test_the_check_comes_with_the_trainer(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LightningEnvironment, "main_address", MAIN)
    cfg = compose_config(tiny(tmp_path, "trainer.strategy=ddp", "trainer.devices=1", "trainer.num_nodes=2"))
    with pytest.raises(UserError, match="GLOO_SOCKET_IFNAME=eth1"):
        build.build_trainer(cfg)
    cfg.trainer.num_nodes = 1
    assert isinstance(build.build_trainer(cfg), Trainer)


def test_the_interface_that_is_named_exists() -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert set(interfaces("192.0.2.1")) <= names
    assert not any(name.startswith("lo") for name in interfaces("192.0.2.1"))
