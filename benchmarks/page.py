"""The part of a page that a command writes, between two markers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from esrgan_train.files import replacing

_END = "<!-- to here -->"


@dataclass(frozen=True)
class Section:
    """What a command writes into a page, which may hold sections of others too.

    Attributes:
        page: the file, from the checkout.
        command: such as ``python -m benchmarks.choices``.
    """

    page: Path
    command: str

    @property
    def begin(self) -> str:
        """The marker before it."""
        return f"<!-- {self.command} writes from here -->"

    def within(self, page: str) -> str:
        """The section of that page.

        Raises:
            ValueError: it does not have both markers.
        """
        return self._parts(page)[1].strip()

    def put_into(self, page: str, section: str) -> str:
        """The page with another text between the markers; raises as ``within``."""
        before, _, after = self._parts(page)
        inside = section.strip("\n")
        return f"{before}{self.begin}\n\n{inside}\n\n{_END}{after}"

    def write(self, section: str) -> None:
        """Bring the file up to date: without markers the section comes to its end; raises as ``within``."""
        page = self.page.read_text(encoding="utf-8") if self.page.is_file() else ""
        if self.begin not in page:
            page += f"\n{self.begin}\n\n{_END}\n"
        page = self.put_into(page, section)
        with replacing(self.page) as partial:
            partial.write_text(page, encoding="utf-8")

    def _parts(self, page: str) -> tuple[str, str, str]:
        before, found, rest = page.partition(self.begin)
        within, ended, after = rest.partition(_END)
        if not (found and ended) or self.begin in after or "<!--" in within:
            raise ValueError(f"the page needs {self.begin}, once, and {_END} after it")
        return before, within, after
