"""The page as a file: whole, alone, and safe whatever names and options hold."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.report import page as page_module
from esrgan_train.report.folder import read_folders
from esrgan_train.report.page import page_of, write_page
from tests.report.folders import NASTY, make_run


class Reader(HTMLParser):
    """What a browser would make of a page, as far as tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)
        self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = f"2026-01-02 03:04:06,678 WARNING esrgan_train.x: {NASTY}\n"
    commands = {"folder": NASTY, "repeat": NASTY, "resume": NASTY}
    base = tmp_path_factory.mktemp("nasty")
    run = make_run(base / NASTY.replace("/", "_"), photos=(NASTY, "b\udcff.png"), log=log, commands=commands)
    config = (
        (run / "config.yaml")
        .read_text(encoding="utf-8")
        .replace("model_name: x4_prelu", f"model_name: {json.dumps(NASTY)}")
    )
    (run / "config.yaml").write_text(config, encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return page_of(read_folders([folder]), ended=NASTY)


def test_nothing_of_files_or_options_becomes_markup(page: str) -> None:
    seen = Reader(page)
    assert len(seen.scripts) == 3
    assert all("onerror" not in attributes for _, attributes in seen.tags)
    assert {attributes.get("src", "")[:5] for tag, attributes in seen.tags if tag == "img"} <= {"", "data:"}
    assert NASTY in seen.text  # as text it is all there
    assert page.count("</script>") == 3


def test_the_data_of_the_script_are_those_of_the_run(page: str) -> None:
    data = json.loads(Reader(page).scripts[0])
    assert [photo["name"] for photo in data["photos"]] == [NASTY, "b\udcff.png"]
    assert data["live"] is None


def test_the_policy_allows_the_two_scripts_and_nothing_else(page: str) -> None:
    seen = Reader(page)
    (policy,) = (a["content"] for tag, a in seen.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    _, packed, script = seen.scripts
    plotly = gzip.decompress(base64.b64decode(packed)).decode()
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (plotly, script)}
    assert set(re.findall(r"sha256-([\w+/=]+)", policy)) == hashes
    assert "Plotly" in plotly
    assert "connect-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_nothing_is_fetched(page: str) -> None:
    for tag, attributes in Reader(page).tags:
        for name in ("src", "href", "action", "srcset", "data"):
            address = attributes.get(name) or ""
            assert address.startswith(("#", "data:")) or not address, (tag, address)


def test_a_page_has_headings_labels_and_names_for_regions(page: str) -> None:
    seen = Reader(page).tags
    ids = {attributes["id"] for _, attributes in seen if "id" in attributes}
    referred = {a[name] for _, a in seen for name in ("aria-labelledby", "aria-describedby", "for") if name in a}
    referred |= {(a["href"] or "").removeprefix("#") for tag, a in seen if tag == "a"}
    assert referred <= ids
    assert all("alt" in attributes for tag, attributes in seen if tag == "img")
    assert [tag for tag, _ in seen].count("h1") == 1


def test_a_page_is_below_its_limit_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = read_folders([make_run(tmp_path / "run", steps=range(0, 40, 2), side=64)])
    whole = len(page_of(run).encode())
    monkeypatch.setattr(page_module, "LIMIT", whole - 200_000)
    text = page_of(run)
    assert len(text.encode()) <= whole - 200_000
    assert "Left out to keep this page below 15 MB: of each photo the pictures of" in Reader(text).text


def test_pairs_get_their_share_of_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = read_folders([make_run(tmp_path / "run")])
    assert page_of(run).count('alt="LR of pair') == 2
    first = sum(path.stat().st_size for path in run[0].pairs[0])
    monkeypatch.setattr(page_module, "_MOST_PAIR_BYTES", first)
    assert page_of(run).count('alt="LR of pair') == 1


def test_a_run_without_pictures_has_a_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", photos=())
    assert "No pictures: the run has kept none" in Reader(page_of(read_folders([folder]))).text


def test_a_run_of_an_earlier_version_has_a_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    for name in ("origin.json", "train.log", "summary.json"):
        (folder / name).unlink()
    assert "8 of 8 iterations" in Reader(page_of(read_folders([folder]))).text


def test_without_anything_to_show_there_is_no_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", photos=())
    (folder / "metrics.csv").unlink()
    with pytest.raises(UserError, match="nothing to show yet"):
        write_page(tmp_path / "report.html", read_folders([folder]))
    assert not (tmp_path / "report.html").exists()


def test_bytes_of_a_name_that_are_no_text_do_not_keep_a_page_from_being_written(
    folder: Path, tmp_path: Path
) -> None:
    write_page(tmp_path / "report.html", read_folders([folder]))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_several_runs_share_a_page(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, overrides=more) for name, more in (("one", ()), ("two", ("seed=3",)))]
    seen = Reader(page_of(read_folders(folders)))
    assert {"comparison", "run-1", "run-2"} <= {attributes.get("id") for _, attributes in seen.tags}
    assert "x4_prelu (one) and x4_prelu (two)" in seen.text
