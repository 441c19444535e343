"""Finds the networks that can be chosen by name.

A class decorated with ``@generator("foo")`` in a file ``*_arch.py`` becomes the Hydra choice ``generator=foo``;
``@discriminator`` does the same for the other player. The file is in this package or in a folder named by the
environment variable ``ESRGAN_TRAIN_ARCHS`` (several are separated as in PATH).
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar

from torch import nn

from esrgan_train.errors import UserError

ENVIRONMENT_VARIABLE = "ESRGAN_TRAIN_ARCHS"
USER_PACKAGE = "esrgan_train_user_archs"

_MARK = "__esrgan_train_choice__"

Role = Literal["generator", "discriminator"]
Network = TypeVar("Network", bound=type[nn.Module])


def generator(name: str) -> Callable[[Network], Network]:
    """Offer the decorated ``nn.Module`` as ``generator=<name>``; its ``upscale`` is bound to the run's."""
    return _marker("generator", name)


def discriminator(name: str) -> Callable[[Network], Network]:
    """Offer the decorated ``nn.Module`` as ``discriminator=<name>``."""
    return _marker("discriminator", name)


def discover() -> Mapping[Role, Mapping[str, type[nn.Module]]]:
    """Import every ``*_arch.py`` and return the decorated classes by name, in alphabetical order.

    Raises:
        UserError: a folder is missing, a file cannot be imported, or a name is used twice.
    """
    found: dict[Role, dict[str, type[nn.Module]]] = {"generator": {}, "discriminator": {}}
    for module in _modules():
        for cls in vars(module).values():
            # A class imported from another file, or one derived from a decorated class, is not this file's.
            if not inspect.isclass(cls) or cls.__module__ != module.__name__ or _MARK not in vars(cls):
                continue
            assert issubclass(cls, nn.Module), "the decorators take nothing else"
            role, name = vars(cls)[_MARK]
            other = found[role].setdefault(name, cls)
            if other is not cls:
                raise UserError(
                    f"{role}={name} is defined twice: {place(other)} and {place(cls)}; rename one of them"
                )
    return {role: dict(sorted(classes.items())) for role, classes in found.items()}


def place(cls: type) -> str:
    """Where a class is defined, for messages."""
    return f"{inspect.getsourcefile(cls)} ({cls.__qualname__})"


def _marker(role: Role, name: str) -> Callable[[Network], Network]:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise TypeError(f'@{role} needs a name of letters, digits and underscores: @{role}("my_{role}")')

    def mark(cls: Network) -> Network:
        if not (inspect.isclass(cls) and issubclass(cls, nn.Module)):
            raise TypeError(f'@{role}("{name}") must decorate a torch.nn.Module class')
        if _MARK in vars(cls):
            raise TypeError(f"{cls.__qualname__} already has a name; one class is one choice")
        setattr(cls, _MARK, (role, name))
        return cls

    return mark


def _modules() -> list[ModuleType]:
    own = sorted(Path(__file__).parent.glob("*_arch.py"))
    modules = [_import(f"{__package__}.{file.stem}", file) for file in own]
    files: dict[str, Path] = {}
    folders = _user_folders()
    for folder in folders:
        for file in sorted(folder.glob("*_arch.py")):
            if files.setdefault(file.stem, file) != file:
                raise UserError(
                    f"{ENVIRONMENT_VARIABLE}: {files[file.stem]} and {file} have the same name; rename one"
                )
    _make_user_package(folders)
    return modules + [_import(f"{USER_PACKAGE}.{stem}", file) for stem, file in files.items()]


def _user_folders() -> list[Path]:
    entries = [entry for entry in os.environ.get(ENVIRONMENT_VARIABLE, "").split(os.pathsep) if entry.strip()]
    folders = list(dict.fromkeys(Path(entry).expanduser().resolve() for entry in entries))
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{ENVIRONMENT_VARIABLE}={folder} is not a folder; fix or unset it")
    return folders


def _make_user_package(folders: list[Path]) -> None:
    """Give the user's folders one importable name, so that ``_target_`` can point into them."""
    importlib.invalidate_caches()  # a file may have been added since the last look
    paths = [str(folder) for folder in folders]
    package = sys.modules.get(USER_PACKAGE)
    if package is not None and list(package.__path__) == paths:
        return
    for name in [name for name in sys.modules if name.startswith(f"{USER_PACKAGE}.")]:
        del sys.modules[name]
    package = ModuleType(USER_PACKAGE, f"The files of {ENVIRONMENT_VARIABLE}.")
    package.__path__ = paths
    sys.modules[USER_PACKAGE] = package


def _import(name: str, file: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a user's file may raise anything
        reason = " ".join(str(error).split())
        raise UserError(f"{file} cannot be imported: {type(error).__name__}: {reason}; fix it") from error
