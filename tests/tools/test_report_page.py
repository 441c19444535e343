"""The page of runs in headless Chromium: moved, zoomed, drawn, by pointer and by keyboard, wide and narrow."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from esrgan_train.callbacks.crops import FOLDER, write_crops
from esrgan_train.report.folder import read_folders
from esrgan_train.report.page import PAGE, write_page
from esrgan_train.report.server import Live, Server
from tests.report.folders import NASTY, make_run, shown

pytestmark = pytest.mark.tools
VIEWS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]
PIXELS = """(selector) => {
    const image = document.querySelector(selector);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data).filter((_, n) => n % 4 < 3);
}"""
PLACE = """(selector) => {
    const style = getComputedStyle(document.querySelector(selector));
    const matrix = new DOMMatrix(style.transform);
    return [matrix.a, matrix.e / parseFloat(style.width), matrix.f / parseFloat(style.height)];
}"""


class Opened(NamedTuple):
    page: Any
    said: list[str]  # errors on the console, uncaught ones, and requests beyond the page itself


def open_page(chromium: Any, url: str, *, width: int = 1280, scheme: str = "light") -> Opened:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request", lambda request: said.append(request.url) if request.url[:5] not in ("data:", "blob:") else None
    )
    page.goto(url)
    page.wait_for_selector("body[data-curves=drawn]", timeout=120_000)
    assert said.pop(0) == url
    return Opened(page, said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page alone in a folder, of a run whose names would be markup."""
    base = tmp_path_factory.mktemp("page")
    log = f"2026-01-02 03:04:06,678 WARNING esrgan_train.x: {NASTY}\n"
    run = make_run(base / "run", photos=(NASTY, "b.png"), log=log)
    write_page(base / PAGE, read_folders([run]))
    return Path(shutil.copytree(base, base / "copied", ignore=shutil.ignore_patterns("run")))


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def opened(request: pytest.FixtureRequest, folder: Path, chromium: Any) -> Iterator[Opened]:
    width, scheme = request.param
    opened = open_page(chromium, (folder / PAGE).as_uri(), width=width, scheme=scheme)
    yield opened
    assert opened.said == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.close()


@pytest.fixture
def page(folder: Path, chromium: Any) -> Iterator[Any]:
    opened = open_page(chromium, (folder / PAGE).as_uri())
    yield opened.page
    assert opened.said == []
    opened.page.close()


def test_everything_is_drawn(opened: Opened) -> None:
    page = opened.page
    assert page.locator(".chart .main-svg").count() >= 2
    for chart in page.locator(".chart").all():
        assert chart.locator(".scatterlayer path.js-line").count() >= 1
    assert page.locator(".chart").first.locator(".annotation-text").all_text_contents() == ["GAN stage"]
    broken = "[...document.images].filter((image) => !image.complete || !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red < 64) == dark
    ink = page.evaluate("getComputedStyle(document.querySelector('.chart .xtick text')).fill")
    assert (int(ink.split("(")[1].split(",")[0]) > 128) == dark


def test_the_divider_follows_the_pointer_and_the_keys(opened: Opened) -> None:
    page = opened.page
    frame = page.locator("#compare")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
    page.mouse.up()
    assert float(page.input_value("#split")) == pytest.approx(25, abs=1)
    assert page.evaluate("document.querySelector('.divider').offsetLeft") == pytest.approx(box["width"] / 4, abs=4)
    page.focus("#split")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert float(page.input_value("#split")) == pytest.approx(35, abs=1)
    assert page.get_attribute("#split", "aria-valuetext") == "35 percent bicubic, the rest SR"


def test_the_pictures_are_those_of_the_iteration(page: Any) -> None:
    def pixels(selector: str) -> list[int]:
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        return page.evaluate(PIXELS, selector)  # type: ignore[no-any-return]

    def truth(step: int, label: str, *, seed: int = 0) -> list[int]:
        return shown("x", step=step, seed=seed).large[label].ravel().tolist()  # type: ignore[no-any-return]

    assert page.input_value("#iteration") == "2"
    assert pixels(".below img") == truth(8, "SR")
    assert pixels(".above img") == truth(8, "bicubic")
    page.focus("#iteration")
    page.keyboard.press("ArrowLeft")
    assert page.text_content("#iteration-text") == "iteration 4, pixel stage"
    assert pixels(".below img") == truth(4, "SR")
    assert pixels(".panes figure:nth-child(3) img") == truth(4, "SR")
    page.select_option("#left", "HR")
    assert pixels(".above img") == truth(4, "HR")
    page.select_option("#photo", "1")
    assert pixels(".above img") == truth(4, "HR", seed=10)
    assert page.get_attribute(".above img", "alt") == "b.png: HR, the original"
    assert page.locator(".panes figcaption").all_inner_texts() == ["LR", "bicubic", "SR", "HR"]


def test_all_pictures_zoom_and_move_together(page: Any) -> None:
    selectors = [".above img", ".below img", *(f".panes figure:nth-child({n}) img" for n in range(1, 5))]

    def places() -> list[float]:
        found = [page.evaluate(PLACE, selector) for selector in selectors]
        for place in found[1:]:
            assert place == pytest.approx(found[0], abs=1e-3)
        return found[0]  # type: ignore[no-any-return]

    assert places() == pytest.approx([1, 0, 0])
    page.focus("#compare")
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert places() == pytest.approx([3, -1, -1], abs=1e-3)  # the middle stays in the middle
    assert page.text_content("#zoom-text") == "×3"
    pane = page.locator(".panes .frame").nth(2)
    pane.scroll_into_view_if_needed()
    box = pane.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 100, steps=3)
    page.mouse.up()
    assert places() == pytest.approx([3, -1 - 30 / box["width"], -1], abs=0.02)
    page.locator(".panes .frame").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert places()[2] < -1
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    assert places()[1] == pytest.approx(-2, abs=1e-3)  # no further than the edge
    page.keyboard.press("0")
    assert places() == pytest.approx([1, 0, 0])
    page.locator("#zoom").fill("4")
    assert places()[0] == pytest.approx(4)


def test_every_control_is_reached_by_tab_and_has_a_name(page: Any) -> None:
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"photo", "iteration", "left", "right", "zoom", "compare", "split", "frame"} <= {*seen}
    unnamed = """() => [...document.querySelectorAll("input, select, [role=img], [role=group], [role=region]")]
        .filter((each) => !each.labels?.length)
        .filter((each) => !each.getAttribute("aria-label") && !each.getAttribute("aria-labelledby"))
        .map((each) => each.outerHTML)"""
    assert page.evaluate(unnamed) == []


def test_names_stay_text(page: Any) -> None:
    assert page.locator("#photo option").first.inner_text() == NASTY
    assert page.locator("img[onerror]").count() == 0
    assert NASTY in page.locator(".messages").inner_text()


def test_runs_side_by_side(tmp_path: Path, chromium: Any) -> None:
    names = ("<b>one</b>", "two")
    folders = [
        make_run(tmp_path / name.replace("/", "_"), overrides=(f"seed={n}",)) for n, name in enumerate(names)
    ]
    write_page(tmp_path / PAGE, read_folders(folders))
    page, said = open_page(chromium, (tmp_path / PAGE).as_uri(), width=390)
    one = "SR of <b>one<_b>"
    assert page.locator(".panes figcaption").all_inner_texts() == ["LR", "bicubic", one, "SR of two", "HR"]
    assert (page.input_value("#left"), page.input_value("#right")) == (one, "SR of two")
    assert "seed" in page.locator("#comparison .differ").first.inner_text()
    legend = page.locator(".chart").first.locator(".legendtext").all_text_contents()
    assert "val/psnr, <b>one<_b>" in legend
    assert said == []
    page.close()


def test_a_live_page_follows_its_run(tmp_path: Path, chromium: Any) -> None:
    run = make_run(tmp_path / "run")
    server = Server(Live([run]))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    page, said = open_page(chromium, server.url)  # what is written before the page asks for the first time counts
    page.select_option("#left", "LR")
    write_crops(run / FOLDER, [shown("a.png", step=12, seed=0), shown("b.png", step=12, seed=10)], 12)
    page.locator("#iteration[max='3']").wait_for(timeout=60_000)
    assert page.text_content("#iteration-text") == "iteration 12, GAN stage"
    assert page.input_value("#left") == "LR"
    assert {url for url in said if url != f"{server.url}state"} <= {server.url}
    server.shutdown()
    server.server_close()
    page.get_by_text("The server has ended").wait_for(timeout=60_000)
    page.close()
