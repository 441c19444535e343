"""Links between the pages lead somewhere, and the navigation of the site holds each page once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted(DOCS.rglob("*.md"))]
_FENCED = re.compile(r"^( *)(`{3,}|~{3,})([^\n]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)(?: \"[^\"]*\")?\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    """The page without its fenced blocks and inline code."""
    return re.sub(r"`[^`]+`", "code", _FENCED.sub("", page.read_text(encoding="utf-8")))


def headings(page: Path) -> list[tuple[int, str]]:
    """The level and the text of each heading, code among them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return [(len(m[1]), m[2].strip()) for m in re.finditer(r"^(#{1,6}) (.+)$", text, re.MULTILINE)]


def anchor(heading: str) -> str:
    """The name that code hosts give a heading: in lower case, spaces to hyphens, without punctuation."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings; those that come again are numbered."""
    seen: Counter[str] = Counter()
    found = set()
    for _, heading in headings(page):
        name = anchor(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def test_names_of_headings():
    assert anchor("A generator or discriminator") == "a-generator-or-discriminator"
    assert anchor("`data=folder`: your own, photos") == "datafolder-your-own-photos"
    assert anchor("Denoise strength: x4_general") == "denoise-strength-x4_general"


@each_page
def test_links_lead_somewhere(page: Path):
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), f"{link}: take https"
            continue
        place, _, name = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{link}: there is no {target}"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if name:
            assert name in anchors(target), f"{link}: {target.name} has {sorted(anchors(target))}"


@each_page
def test_pages_of_the_site_link_inside_it(page: Path):
    if page.is_relative_to(DOCS):
        places = [link.partition("#")[0] for link in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]
        outside = [place for place in places if not (page.parent / place).resolve().is_relative_to(DOCS)]
        assert not outside, "a copied site has no such file"


@each_page
def test_a_page_has_one_title(page: Path):
    assert [level for level, _ in headings(page)].count(1) == 1


def navigation() -> list[Path]:
    """The pages that the tables of contents name, in order; notebooks stand there without their suffix, too."""
    found = []
    for page in DOCS.rglob("*.md"):
        for _, _, kind, block in _FENCED.findall(page.read_text(encoding="utf-8")):
            if kind == "{toctree}":
                names = [line for line in block.splitlines() if line and not line.startswith(":")]
                found += [page.parent / name for name in names]
    return found


def test_the_navigation_holds_each_page_once():
    pages = [page.with_suffix("") for page in (*DOCS.rglob("*.md"), *DOCS.glob("*.ipynb"))]
    assert sorted([DOCS / "index", *navigation()]) == sorted(pages)
