"""The part of a page that a command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page import Section

END = "<!-- to here -->"


def test_only_what_stands_between_the_markers_of_its_command_is_written(tmp_path: Path) -> None:
    one, other = (Section(tmp_path / "page.md", f"python -m {name}") for name in ("one", "other"))
    page = f"# Results\n\n{one.begin}\n\nold\n\n{END}\n\nAdvice\n\n{other.begin}\n\nits own\n\n{END}\n"
    one.page.write_text(page, encoding="utf-8")
    assert (one.within(page), other.within(page)) == ("old", "its own")
    one.write("new")
    assert one.page.read_text(encoding="utf-8") == page.replace("old", "new")
    other.write("its own")
    assert other.page.read_text(encoding="utf-8") == page.replace("old", "new")


def test_a_page_without_markers_gets_the_section_at_its_end(tmp_path: Path) -> None:
    one, other = (Section(tmp_path / "page.md", f"python -m {name}") for name in ("one", "other"))
    one.write("1")
    other.write("2")
    one.write("3")
    page = one.page.read_text(encoding="utf-8")
    assert (one.within(page), other.within(page)) == ("3", "2")


@pytest.mark.parametrize("page", ["# Results\n", "{begin}\n", "{begin}\n{begin}\n" + END, (f"{{begin}}{END}" * 2)])
def test_a_page_without_its_two_markers_is_refused(page: str) -> None:
    section = Section(Path("page.md"), "python -m one")
    with pytest.raises(ValueError, match="once, and"):
        section.put_into(page.format(begin=section.begin), "new")
