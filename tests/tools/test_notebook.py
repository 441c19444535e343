"""docs/python.md in a notebook: Jupyter's event loop, its argv and its signals are not a shell's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles.weights import save_model
from tests.tiny import tiny

pytestmark = pytest.mark.tools

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
OPTIONS = {"num_feat": 8, "num_conv": 2, "upscale": 2}


def cells(folder: Path) -> list[str]:
    """The page's blocks up to the loop of one's own; its two trainings take seconds instead of days."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    small = ", ".join(repr(override) for override in tiny(folder, "trainer.max_steps=4"))
    shown = [block for block in blocks if "Trainer" not in block and "my_loader" not in block]
    return [block.replace('"trainer.max_steps=2000"', small) for block in shown]


def test_the_page_runs_in_a_notebook(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    torch.manual_seed(0)
    save_model(
        tmp_path / "model.pth", SRVGGNetCompact(**OPTIONS).state_dict(), {"arch": "srvgg", "options": OPTIONS}
    )
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    blocks = cells(tmp_path)
    assert any("train(second)" in block for block in blocks)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert Image.open(tmp_path / "enlarged.png").size == (60, 40)
    for name in ("first", "second"):
        assert (tmp_path / "runs" / name / "checkpoints" / "last.ckpt").is_file()
