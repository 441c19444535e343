"""How packed sets are read: in which order, and through which cache if they lie elsewhere."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from esrgan_train.bounds import Wanted
from esrgan_train.errors import UserError
from esrgan_train.remote.cache import BLOCK, DRAWERS, BlockCache
from esrgan_train.remote.store import PATIENCE, Store
from esrgan_train.remote.url import Location, Url

CacheFolder = Annotated[str | Path | None, Wanted("a folder on this machine")]
Order = Literal["auto", "photos", "shards"]
CACHE_GB = 10.0


@dataclass(frozen=True)
class Reading:
    """How the sets of a source are read.

    Attributes:
        order: of the photos of a set: ``photos``: any; ``shards``: those of a few shards, in any order, then those
            of others; ``auto``: ``shards`` for a set that lies elsewhere.
        cache_gb: bytes of the cache, in GB; 0 for none.
        cache_dir: its folder; None: ``esrgan_train/sets`` in the user's folder of caches.
        patience: seconds for which a part of a set that does not come is tried.

    Raises:
        UserError: the cache is too small for a block in each of its folders.
    """

    order: Order = "auto"
    cache_gb: float = CACHE_GB
    cache_dir: str | Path | None = None
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        if 0 < self.cache_gb * 1e9 < BLOCK * DRAWERS:
            raise UserError(
                f"data.remote_cache_gb={self.cache_gb:g} is too small to hold anything: give 0 for none, or at "
                f"least {math.ceil(BLOCK * DRAWERS / 1e8) / 10:g}"
            )

    def by_shards(self, place: Location) -> bool:
        """Whether photos of a set there are taken shard by shard."""
        return self.order == "shards" or (self.order == "auto" and isinstance(place, Url))

    def remark_on_folder(self, given: str) -> list[str]:
        """What there is to say of a folder of photos that is no set, given by an option."""
        return [f"{given} is no packed set: data.order=shards has no effect"] if self.order == "shards" else []

    def store(self, url: Url) -> Store:
        """What reads below an address."""
        return Store(url, patience=self.patience)

    @cached_property
    def cache(self) -> BlockCache | None:
        """The cache, one for all sets."""
        if not self.cache_gb:
            return None
        folder = default_cache() if self.cache_dir is None else Path(self.cache_dir)
        return BlockCache(folder.absolute(), max_bytes=int(self.cache_gb * 1e9))


def default_cache() -> Path:
    """Where caches lie by custom, and there a folder of this program: XDG Base Directory Specification."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "esrgan_train" / "sets"
