from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.run

REPOSITORY = Path(__file__).parent.parent
DIE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.mark.slow
@pytest.mark.parametrize("place", ["in a test", "while collecting"])
def test_a_dead_worker_ends_the_run_as_a_failure(tmp_path: Path, place: str) -> None:
    pytest.importorskip("xdist")
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    lines = "    ".join(DIE.splitlines(keepends=True))
    if place == "in a test":
        (tmp_path / "test_c.py").write_text(f"def test_one():\n    {lines}\n")
    else:
        (tmp_path / "conftest.py").write_text(
            f"import os\nif os.environ.get('PYTEST_XDIST_WORKER') == 'gw1':\n    {lines}\n"
        )
    mine = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    mine |= {"PYTHONPATH": str(REPOSITORY), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # starts faster
    command = [sys.executable, "-m", "pytest", "-c", str(REPOSITORY / "pyproject.toml"), str(tmp_path)]
    plugins = ["-p", "xdist.plugin", "-p", "tests.dead_workers", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *plugins, "--rootdir", str(tmp_path), "-n", "2", "--dist", "loadfile"],
        cwd=tmp_path, env=mine, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "node down: Not properly terminated" in done.stdout
    assert "worker gw1 was ended by SIGKILL" in done.stdout or "worker gw0 was ended by SIGKILL" in done.stdout
    assert done.returncode == 1
