from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from esrgan_train.libraries import nothing_collected, standing_in

UNUSED = ("scipy.signal", "scipy.stats", "scipy.optimize", "skimage", "spandrel", "wandb", "tensorboard")
UNUSED += ("onnx", "onnxruntime", "optuna", "torch_fidelity", "sklearn", "pandas")


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("command", ["__main__", "evaluate.__main__", "compare.__main__"])
def test_a_command_loads_only_what_it_needs_at_once(command: str):
    look = (
        f"import gc, sys, esrgan_train.{command}; "
        f"print(*{{*{UNUSED}}} & set(sys.modules)); print(gc.isenabled(), gc.get_freeze_count() > 50_000)"
    )
    shown = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["", "True True"]


@pytest.mark.slow
@pytest.mark.run
def test_what_stood_in_for_a_library_leaves_no_trace():
    use = (
        "from esrgan_train import libraries; import scipy.signal, scipy; assert scipy.signal is scipy.signal; "
        "print(scipy.signal.convolve([1, 2], [1, 1]).tolist(), scipy.signal.__spec__.name)"
    )
    shown = subprocess.run([sys.executable, "-c", use], capture_output=True, text=True, check=True).stdout
    assert shown.split("]") == ["[1, 3, 2", " scipy.signal\n"]


def test_a_stand_in_is_what_an_import_finds_until_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with standing_in("colorsys", answer=42):
        assert vars(importlib.import_module("colorsys"))["answer"] == 42
    assert hasattr(importlib.import_module("colorsys"), "rgb_to_hsv")


def test_a_loaded_library_is_not_replaced():
    loaded = sys.modules["subprocess"]
    with standing_in("subprocess", run=None):
        assert importlib.import_module("subprocess") is loaded
    assert sys.modules["subprocess"] is loaded


@pytest.mark.parametrize("enabled", [True, False])
def test_collecting_goes_on_as_before(enabled: bool):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with nothing_collected():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()
