"""Sets of photographs: what each holds and where it comes from, in a YAML file of ``sets/`` or of your own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, MinLen, Predicate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from esrgan_train.bounds import Count, Wanted, check_fields
from esrgan_train.checks.nearest import remedy
from esrgan_train.errors import UserError

_FOLDER = Path(__file__).parent / "sets"
_NAME = re.compile(r"\w[\w.+-]*")  # a file's, on every system


def is_plain(name: str) -> bool:
    """Whether it can name a file beside others on every system: no folder, no dot at either end."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".")


PlainName = Annotated[str, Predicate(is_plain), Wanted("letters, digits and ._+-")]
_Record = TypeVar("_Record")


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """One picture of an archive, or all whose path fits a pattern.

    In a pattern, ``*`` and ``?`` stand for letters of a file's or folder's name. ``reduce`` is how many
    times smaller the picture becomes; at 1 its file is kept as it is.

    Raises:
        UserError: a value is not what its field takes.
    """

    path: str
    name: PlainName | None = None  # that it gets, without ending; null: its own
    reduce: Annotated[float, Ge(1)] = 1.0
    author: str | None = None
    licence: str | None = None
    held_out: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if set(self.path) & set("*?[") and self.name is not None:
            raise UserError(f"name={self.name}: path={self.path} may fit several pictures; leave the name out")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file that holds photographs: .zip, .tar (also .gz, .bz2 or .xz) or .deb.

    Raises:
        UserError: a value is not what its field takes.
    """

    file: PlainName
    urls: Annotated[list[str], MinLen(1)]  # of the same file; tried in turn
    photographs: Annotated[list[Photograph], MinLen(1)]  # each picture belongs to the first that it fits
    bytes: Count | None = None
    sha256: str | None = None
    md5: str | None = None  # where no other was published
    package: str | None = None  # of Debian, which apt-get brings, too
    licence_file: str | None = None  # in the archive

    def __post_init__(self) -> None:
        check_fields(self)
        for url in self.urls:
            if not url.startswith(("http://", "https://")):
                raise UserError(f"urls={url}: give an address that begins with http:// or https://")

    @property
    def checksum(self) -> tuple[str, str] | None:
        """The name of the hash and the digits that are published; None if there are none."""
        published = {"sha256": self.sha256, "md5": self.md5}
        return next(((kind, digits) for kind, digits in published.items() if digits), None)


@dataclass(frozen=True, kw_only=True)
class PhotoSet:
    """What a YAML file says of a set.

    Raises:
        UserError: a value is not what its field takes.
    """

    about: str
    licence: str
    source: str  # where its makers tell of it
    archives: Annotated[list[Archive], MinLen(1)]

    def __post_init__(self) -> None:
        check_fields(self)


def set_names() -> list[str]:
    """The sets that have a file here."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def set_file(given: str) -> Path:
    """The file of a set by its name, or the YAML file that is given.

    Raises:
        UserError: there is neither.
    """
    if given in set_names():
        return _FOLDER / f"{given}.yaml"
    file = Path(given)
    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"--set {given}: {remedy(given, set_names())} Or give a YAML file of your own")
    if not file.is_file():
        raise UserError(f"--set {given} does not exist: give {', '.join(set_names())} or a YAML file")
    return file


def read_set(file: Path) -> PhotoSet:
    """The set that a file describes.

    Raises:
        UserError: the file cannot be read, or does not fit ``PhotoSet``.
    """
    try:
        said = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
        archives = [
            _record({**one, "photographs": _records(one, "photographs", Photograph)}, Archive)
            for one in _mappings(said, "archives")
        ]
        return _record({**_mapping(said), "archives": archives}, PhotoSet)
    except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read ({' '.join(str(error).split())[:200]})") from error
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def edition(file: Path) -> str:
    """Digits that tell one wording of a set's file from another."""
    return sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16]


def _records(said: Any, key: str, cls: type[_Record]) -> list[_Record]:
    return [_record(one, cls) for one in _mappings(said, key)]


def _mappings(said: Any, key: str) -> list[dict[str, Any]]:
    listed = _mapping(said).get(key)
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{key} is missing: list at least one")
    return [_mapping(one) for one in listed]


def _mapping(said: Any) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        raise UserError(f"{str(said)[:60]!r}: give a mapping")
    return {str(key): value for key, value in said.items()}


def _record(said: Mapping[str, Any], cls: type[_Record]) -> _Record:
    """A dataclass from a mapping that has its fields, those without a default among them."""
    known = {one.name: one.default is MISSING for one in fields(cls)}  # type: ignore[arg-type]
    for key in said:
        if key not in known:
            raise UserError(f"{key} is not known: {remedy(key, known)}")
    for name, needed in known.items():
        if needed and name not in said:
            raise UserError(f"{name} is missing")
    return cls(**said)
