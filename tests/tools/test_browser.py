"""Exported files in a browser: onnxruntime-web's WASM backend in headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from esrgan_train.archs.folding import fold
from esrgan_train.export.onnx_file import export_onnx
from esrgan_train.export.targets import read_target
from tests.export.networks import write_network
from tests.tools.compact import COMPACT, compact

pytestmark = pytest.mark.tools
PACKAGE = "onnxruntime-web@1.30.0"
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
(WISHED,) = read_target("onnxruntime-web").files
SIZES = ((1, 1), (2, 3), (7, 5), (32, 32), (33, 47))
OTHERS = {"span x2": 1, "realplksr x2": 1, "mosr x2": 1, "safmn x2": 8, "realcugan x2": 20, "fdat x2": 1}
RUN = """async ({model, batch}) => {
    const ort = await import("./ort.wasm.bundle.min.mjs");
    const session = await ort.InferenceSession.create(model, {executionProviders: ["wasm"]});
    const results = [];
    for (const {values, dims} of batch) {
        const fed = new ort.Tensor("float32", Float32Array.from(values), dims);
        const {output} = await session.run({input: fed});
        results.push({values: Array.from(output.data), dims: Array.from(output.dims)});
    }
    return results;
}"""


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder that a server on this machine shows, with the runtime in it, and its address."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm: apt-get install npm")
    folder = tmp_path_factory.mktemp("site")
    packed = subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        pytest.skip(f"npm cannot get {PACKAGE}: {packed.stderr.strip()[-200:]}")
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        for name in FILES:
            content = archive.extractfile(f"package/dist/{name}")
            assert content is not None
            (folder / name).write_bytes(content.read())
    (folder / "index.html").write_text("<!doctype html><title>runtime</title>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


def assert_same_in_the_browser(network: nn.Module, site: tuple[Path, str], chromium, *, least: int) -> None:
    folder, address = site
    export_onnx(fold(network), folder / "m.onnx", {}, WISHED)
    rng = np.random.default_rng(0)
    sizes = [(max(height, least), max(width, least)) for height, width in SIZES]
    pictures = [rng.random((1, 3, *size), np.float32) for size in sizes]
    batch = [{"values": picture.ravel().tolist(), "dims": list(picture.shape)} for picture in pictures]
    page = chromium.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(address)
    results = page.evaluate(RUN, {"model": "m.onnx", "batch": batch})
    page.close()
    for picture, result in zip(pictures, results, strict=True):
        with torch.inference_mode():
            expected = network(torch.from_numpy(picture)).clamp(0, 1).numpy()  # as that program's target does
        found = np.array(result["values"], np.float32).reshape(result["dims"])
        assert found.shape == expected.shape
        # Both sum in float32, in another order: as other runtimes, within a ten-thousandth of the largest value.
        assert np.abs(found - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max()), picture.shape
    assert [text for text in said if "favicon" not in text and "404" not in text] == []


@pytest.mark.parametrize(("act_type", "upscale"), COMPACT)
def test_compact_networks_in_the_browser(act_type: str, upscale: int, site, chromium) -> None:
    assert_same_in_the_browser(compact(act_type, upscale), site, chromium, least=1)


@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_spandrel_in_the_browser(name: str, site, chromium, tmp_path: Path) -> None:
    network, _ = write_network(name, tmp_path)
    assert_same_in_the_browser(network, site, chromium, least=OTHERS[name])
