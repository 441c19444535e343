"""docs/first_model.ipynb is executed, with a run of seconds in place of one of minutes."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from PIL import Image
from pygments.lexers import get_lexer_by_name
from pygments.token import Error

from esrgan_train.config import check, compose_config
from tests.tiny import tiny

pytestmark = pytest.mark.tools

NOTEBOOK = Path(__file__).parents[2] / "docs" / "first_model.ipynb"


def test_the_notebook_trains_enlarges_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")  # its `!python` is this one
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    (options,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    small = [override for override in tiny(tmp_path, "trainer.max_steps=4") if not override.startswith("run_dir=")]
    shown = [
        override for override in small if override not in ("callbacks.previews=null", "callbacks.curves=null")
    ]
    options.source = f"RUN, OPTIONS, PHOTO = 'runs/first', {shown!r}, None"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs/first/checkpoints/last.ckpt").is_file()
    assert Image.open(tmp_path / "enlarged.png").size == (4 * 192, 4 * 128)
    assert {file.suffix for file in (tmp_path / "exported").iterdir()} >= {".pth", ".onnx"}
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4  # the pairs, a preview, the curves, the enlarged photograph


def test_its_cells_are_coloured_as_what_they_are() -> None:
    """Sphinx fails on a cell that its lexer cannot read; Jupyter's reads `!python` and `%pip`."""
    lexers = pytest.importorskip("ipython_pygments_lexers")
    notebook = pytest.importorskip("nbformat").read(NOTEBOOK, as_version=4)
    lexer = notebook.metadata.language_info.pygments_lexer
    assert lexer in lexers.IPython3Lexer.aliases
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert any("!python" in source for source in sources)
    for source in sources:
        wrong = [word for kind, word in get_lexer_by_name(lexer).get_tokens(source) if kind in Error]
        assert not wrong, source


def test_its_options_compose() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(cell.get("execution_count") is None and not cell.get("outputs") for cell in notebook.cells)
    (options,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    for node in ast.parse(options.source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OPTIONS":
            check(compose_config(ast.literal_eval(node.value)))
            return
    pytest.fail("the notebook has no OPTIONS")
