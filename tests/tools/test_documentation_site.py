"""The documentation site: whole in a copied folder, and readable in a browser without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as ``make docs`` builds it, in a folder of its own."""
    pytest.importorskip("sphinx")
    script = Path("build", "mermaid", "mermaid.min.js")
    if not (ROOT / script).is_file():
        if shutil.which("npm") is None:
            pytest.skip("no npm, which fetches Mermaid's script: apt-get install npm")
        subprocess.run(["make", "--silent", str(script)], cwd=ROOT, check=True)
    folder = tmp_path_factory.mktemp("site")
    flags = ["--fail-on-warning", "--keep-going", "--quiet", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *flags, "docs", str(folder / "built")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return (folder / "built").rename(folder / "a copy")


class Names(HTMLParser):
    """What a page of HTML refers to, what of it is loaded, and which places of it can be referred to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.places |= {values["id"]} if "id" in values else set()
        if "href" in values:
            (self.links if tag == "a" else self.loaded).append(values["href"])
        if "src" in values:
            self.loaded.append(values["src"])


def test_each_link_leads_somewhere_in_the_folder(site: Path):
    pages = {page: Names(page) for page in site.rglob("*.html")}
    assert len(pages) > 30
    for page, names in pages.items():
        for link in (*names.links, *names.loaded):
            parts = urlsplit(link)
            if parts.scheme:
                assert link in names.links, f"{page.name} loads {link}"
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file(), f"{page.name}: {link}"
            assert target.is_relative_to(site)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].places, f"{page.name}: {link}"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The address of a page of another site, which has one anchor."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "page.html").write_text("<h1 id='here'>Here</h1>", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "there")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/page.html"
    server.shutdown()
    server.server_close()


def sphinx(*words: object) -> subprocess.CompletedProcess[str]:
    """What Sphinx says with the settings of this site."""
    command = [sys.executable, "-m", "sphinx", "-c", "docs", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


PAGE_OF_LINKS = """# A page

[an anchor]({there}#here), [no anchor]({there}#nowhere), [no page]({there}x), [inside](other.md#a-heading)
"""


@pytest.mark.usefixtures("site")  # for the script of drawings
def test_wrong_links_are_found(tmp_path: Path, elsewhere: str):
    pages = tmp_path / "docs"
    shutil.copytree(ROOT / "docs" / "_static", pages / "_static")
    (pages / "index.md").write_text(PAGE_OF_LINKS.format(there=elsewhere), encoding="utf-8")
    (pages / "other.md").write_text("---\norphan: true\n---\n# Other\n\n## A heading\n", encoding="utf-8")
    checked = sphinx("-b", "linkcheck", "-D", "linkcheck_ignore=^$", pages, tmp_path / "out")
    assert checked.returncode == 1, checked.stderr
    found = [json.loads(line) for line in (tmp_path / "out" / "output.json").read_text().splitlines()]
    status = {link["uri"]: link["status"] for link in found if link["uri"].startswith("http")}
    assert status == {f"{elsewhere}#here": "working", f"{elsewhere}#nowhere": "broken", f"{elsewhere}x": "broken"}
    (pages / "index.md").write_text("# A page\n\n[inside](other.md#nowhere)\n", encoding="utf-8")
    built = sphinx("--fail-on-warning", pages, tmp_path / "built")
    assert built.returncode == 1
    assert "'nowhere'" in built.stderr


def test_the_reference_holds_docstrings(site: Path):
    losses = (site / "reference" / "losses.html").read_text(encoding="utf-8")
    assert 'id="esrgan_train.losses.pixel.CharbonnierLoss"' in losses
    assert "Deep Laplacian Pyramid Networks" in losses
    for page in (site / "reference").glob("*.html"):
        assert "Annotated[" not in page.read_text(encoding="utf-8"), "bounds make signatures unreadable"


def opened(chromium: Any, address: str, size: dict[str, int], scheme: str) -> Iterator[Any]:
    """A page of the site, which must load no more than its folder holds and complain of nothing."""
    page = chromium.new_page(viewport=size, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert not said
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture(params=[(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")], ids=str)
def architecture(request: pytest.FixtureRequest, site: Path, chromium: Any) -> Iterator[Any]:
    yield from opened(chromium, (site / "architecture.html").as_uri(), *request.param)


def test_the_architecture_is_drawn(architecture: Any):
    drawing = architecture.wait_for_selector(".drawing svg")
    text = drawing.text_content()
    for name in ("photo on disk", "training/step.py", "EMA generator", "enlarged picture"):
        assert name in text
    assert drawing.bounding_box()["width"] > 300
    assert architecture.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"


FILL = "getComputedStyle(document.querySelector('.drawing svg .node rect')).fill"


def test_the_drawing_follows_the_colours_of_the_page(site: Path, chromium: Any):
    for page in opened(chromium, (site / "architecture.html").as_uri(), DESKTOP, "light"):
        page.wait_for_selector(".drawing svg")
        light = page.evaluate(FILL)
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"{FILL} !== {light!r}")
        assert page.evaluate(FILL) != light
        page.evaluate("document.body.dataset.theme = 'light'")
        page.wait_for_function(f"{FILL} === {light!r}")
        assert page.evaluate(FILL) == light


def test_search_works_without_a_server(site: Path, chromium: Any):
    for page in opened(chromium, (site / "index.html").as_uri(), DESKTOP, "light"):
        page.fill("input[name=q]", "Charbonnier")
        page.press("input[name=q]", "Enter")
        page.wait_for_selector("ul.search li a")
        assert any("losses" in link.get_attribute("href") for link in page.query_selector_all("ul.search li a"))


@pytest.mark.parametrize("name", ["index", "options", "configuration", "reference/losses"])
def test_pages_fit_a_phone(site: Path, chromium: Any, name: str):
    for page in opened(chromium, (site / f"{name}.html").as_uri(), PHONE, "light"):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
