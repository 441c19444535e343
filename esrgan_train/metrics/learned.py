"""The measures that were fitted to people's judgement, and the weights that each takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from esrgan_train.downloads import FAILURES, fetch_into_hub, hub_file
from esrgan_train.errors import UserError
from esrgan_train.metrics import dists, lpips

Mean = lpips.Lpips | dists.Dists  # over the images of all processes


@dataclass(frozen=True)
class Learned:
    """A measure on the features of a network of torchvision, whose weights torch.hub keeps."""

    name: str  # of its callback; it is logged as ``val/<name>``
    title: str
    network: str
    size: str  # of the weights
    url: str
    smallest: int  # pixels a side
    make: Callable[[], Mean]  # reads the weights, which must be there

    @property
    def logged(self) -> str:
        """The name of its value in the log."""
        return f"val/{self.name}"

    @property
    def file(self) -> Path:
        """Where torch.hub keeps the weights."""
        return hub_file(self.url)

    def fetch(self) -> None:
        """Fetch the weights into torch.hub's cache, unless they are there; ``UserError`` if that fails."""
        try:
            fetch_into_hub(self.url)
        except FAILURES as error:
            raise self.cannot_be_fetched(error) from error

    def cannot_be_fetched(self, error: BaseException) -> UserError:
        """What to do without the network."""
        return UserError(
            f"callbacks.{self.name}.use=true: {self.url} cannot be fetched ({error}); put that file into "
            f"{self.file.parent}, or give callbacks.{self.name}.use=false"
        )


# In the order in which they are taken to choose the best by.
LEARNED = (
    Learned("lpips", "LPIPS", "AlexNet", "244 MB", lpips.URL, lpips.SMALLEST, lpips.Lpips),
    Learned("dists", "DISTS", "VGG16", "553 MB", dists.URL, dists.SMALLEST, dists.Dists),
)
LPIPS, DISTS = LEARNED
