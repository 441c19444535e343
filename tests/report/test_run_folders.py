from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.report.folder import read_folders
from tests.report.folders import make_run

LOG = """2026-01-02 03:04:05,678 INFO esrgan_train.announce: stages        two
2026-01-02 03:04:06,678 WARNING esrgan_train.callbacks.health: iterations 1 to 9: colour
2026-01-02 03:04:07,678 ERROR esrgan_train.ending: training failed
Traceback (most recent call last):
2026-01-02 03:04:08,678 INFO esrgan_train.ending: stopped by SIGINT; resume with: python
"""


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    (run,) = read_folders([make_run(tmp_path / "run", log=LOG)])
    assert (run.name, run.iterations, run.switch, run.is_empty) == ("run", 8, 4, False)
    assert [(photo.name, [*photo.still], [*photo.sr]) for photo in run.photos] == [
        ("a.png", ["LR", "bicubic", "HR"], [0, 4, 8]),
        ("b.png", ["LR", "bicubic", "HR"], [0, 4, 8]),
    ]
    assert [(lr.name, hr.name) for lr, hr in run.pairs] == [("0_lr.webp", "0_hr.webp"), ("1_lr.webp", "1_hr.webp")]
    assert run.messages == [
        ("2026-01-02 03:04:06", "WARNING", "iterations 1 to 9: colour"),
        ("2026-01-02 03:04:07", "ERROR", "training failed"),
        ("2026-01-02 03:04:08", "", "stopped by SIGINT; resume with: python"),
    ]


def test_a_run_that_has_just_begun_is_empty(tmp_path: Path) -> None:
    made = make_run(tmp_path / "made")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/config.yaml").write_bytes((made / "config.yaml").read_bytes())
    (run,) = read_folders([tmp_path / "new"])
    assert (run.is_empty, run.iterations, run.switch) == (True, 0, None)
    assert run.summary == run.origin == {}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.yaml", "a: [1"),
        ("config.yaml", "- 1"),
        ("summary.json", "{"),
        ("origin.json", "[1]"),
        ("metrics.csv", "step,val/psnr\nx,1\n"),
        ("metrics.csv", "step,val/psnr\n1,much\n"),
    ],
)
def test_a_broken_file_is_a_mistake_of_one_line(tmp_path: Path, file: str, content: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / file).write_text(content)
    with pytest.raises(UserError, match="run cannot be shown") as caught:
        read_folders([folder])
    assert "\n" not in str(caught.value)
