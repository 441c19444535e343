"""docs/results.md: what stands between its markers is made from the records alone."""

from __future__ import annotations

import re
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.files import replacing


def with_section(text: str, name: str, section: str) -> str:
    """The page with ``section`` between the markers of that name, instead of what stands there.

    Raises:
        UserError: the page has no such markers.
    """
    begin, end = markers(name)
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise UserError(f"the page must hold {begin} and, some lines below, {end}, once each")
    inside = section.strip("\n")
    return pattern.sub(lambda _: f"{begin}\n\n{inside}\n\n{end}", text)


def write_section(page: Path, name: str, section: str) -> None:
    """Put ``section`` into the page, at its end if there are no such markers; a missing page is made."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    begin, end = markers(name)
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    with replacing(page) as partial:
        partial.write_text(with_section(text, name, section), encoding="utf-8")


def markers(name: str) -> tuple[str, str]:
    """The lines that stand before and after a section; a browser does not show them."""
    return f"<!-- {name}: written by python -m benchmarks.proof -->", f"<!-- end of {name} -->"
