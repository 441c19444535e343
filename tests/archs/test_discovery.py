from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from torch import nn

from esrgan_train.archs import discriminator, generator
from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE, USER_PACKAGE, discover
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

SOURCE = """
from torch import nn
from esrgan_train.archs import {role}

@{role}("{name}")
class {cls}(nn.Module):
    pass
"""


def write(folder: Path, file: str, name: str, role: str = "generator", cls: str = "Mine") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / file
    path.write_text(SOURCE.format(role=role, name=name, cls=cls))
    return path


@pytest.fixture(autouse=True)
def _forget_user_files(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    yield
    monkeypatch.undo()
    discover()
    assert not [name for name in sys.modules if name.startswith(f"{USER_PACKAGE}.")]


def test_the_packages_own_networks_are_found_and_stay_the_same():
    found = discover()
    assert found["generator"]["srvgg"] is SRVGGNetCompact
    assert found["discriminator"]["unet_sn"] is UNetDiscriminatorSN
    assert discover() == found


def test_files_of_several_folders_are_found_in_any_order(tmp_path, monkeypatch):
    one = write(tmp_path / "one", "b_arch.py", "beta")
    two = write(tmp_path / "two", "a_arch.py", "alpha", role="discriminator")
    write(tmp_path / "two", "helper.py", "not_an_arch_file")
    names = []
    for folders in ([one.parent, two.parent], [two.parent, one.parent]):
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, os.pathsep.join(map(str, folders)))
        found = discover()
        names.append((list(found["generator"]), list(found["discriminator"])))
    assert names[0] == names[1]
    assert "beta" in found["generator"]
    assert "alpha" in found["discriminator"]
    assert "not_an_arch_file" not in found["generator"]
    assert found["generator"]["beta"].__module__ == f"{USER_PACKAGE}.b_arch"


def test_the_second_call_gives_the_same_classes(tmp_path, monkeypatch):
    write(tmp_path, "my_arch.py", "mine")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    assert discover()["generator"]["mine"] is discover()["generator"]["mine"]


def test_another_folder_replaces_the_first(tmp_path, monkeypatch):
    for folder, name in (("one", "first"), ("two", "second")):
        write(tmp_path / folder, "my_arch.py", name)
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / folder))
        assert name in discover()["generator"]
    assert "first" not in discover()["generator"]


def test_a_file_may_import_its_neighbour_and_a_decorated_class(tmp_path, monkeypatch):
    (tmp_path / "blocks.py").write_text("width = 3\n")
    (tmp_path / "my_arch.py").write_text(
        "from esrgan_train.archs.srvgg_arch import SRVGGNetCompact\n"
        "from esrgan_train.archs import generator\n"
        "from .blocks import width\n"
        "class Undecorated(SRVGGNetCompact): ...\n"
        "@generator('derived')\n"
        "class Derived(SRVGGNetCompact): ...\n"
    )
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    generators = discover()["generator"]
    assert generators["derived"].__name__ == "Derived"
    assert generators["srvgg"] is SRVGGNetCompact


def test_a_missing_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=f"{ENVIRONMENT_VARIABLE}=.*nowhere is not a folder"):
        discover()


def test_two_files_of_one_name_are_named(tmp_path, monkeypatch):
    paths = [write(tmp_path / folder, "my_arch.py", folder) for folder in ("one", "two")]
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, os.pathsep.join(str(path.parent) for path in paths))
    with pytest.raises(ValueError, match=f"{paths[0]} and {paths[1]} have the same name"):
        discover()


@pytest.mark.parametrize("name", ["mine", "srvgg"])
def test_a_name_used_twice_names_both_places(tmp_path, monkeypatch, name):
    write(tmp_path, "a_arch.py", name, cls="One")
    write(tmp_path, "b_arch.py", name, cls="Two")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(ValueError, match=rf"generator={name} is defined twice: .*\.py \(\w+\) and .*\.py \(\w+\)"):
        discover()


def test_a_generator_and_a_discriminator_may_share_a_name(tmp_path, monkeypatch):
    write(tmp_path, "a_arch.py", "mine")
    write(tmp_path, "b_arch.py", "mine", role="discriminator")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    found = discover()
    assert found["generator"]["mine"] is not found["discriminator"]["mine"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("class Half(", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("from esrgan_train.archs import generator\n@generator\nclass A: ...", "@generator needs a name"),
        ("from esrgan_train.archs import generator\n@generator('a')\nclass A: ...", "torch.nn.Module"),
    ],
)
def test_a_file_that_fails_to_import_is_named_with_its_error(tmp_path, monkeypatch, source, words):
    (tmp_path / "bad_arch.py").write_text(source)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(ValueError, match=f"bad_arch.py cannot be imported: .*{words}") as caught:
        discover()
    assert "\n" not in str(caught.value)


def test_a_class_has_one_name():
    with pytest.raises(TypeError, match="already has a name"):

        @generator("one")
        @discriminator("two")
        class _Both(nn.Module): ...


def test_names_fit_the_command_line():
    with pytest.raises(TypeError, match="letters, digits and underscores"):
        generator("a=b")
