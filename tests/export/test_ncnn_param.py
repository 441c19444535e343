from __future__ import annotations

import pytest

from esrgan_train.export.ncnn_files import rename_blobs

TEXT = """7767517
3 4
Input                    in0                      0 1 in0
Split                    in0_copy                 1 2 in0 a b
BinaryOp                 out0                     2 1 a b out0 0=0 1=in0
"""


def test_blobs_are_renamed_and_nothing_else():
    lines = [line.split() for line in rename_blobs(TEXT, {"in0": "data", "out0": "output"}).splitlines()]
    assert lines[2] == ["Input", "data", "0", "1", "data"]
    assert lines[3] == ["Split", "in0_copy", "1", "2", "data", "a", "b"]
    assert lines[4] == ["BinaryOp", "out0", "2", "1", "a", "b", "output", "0=0", "1=in0"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("7767517\n", {}), (TEXT.replace("7767517", "1"), {}), (TEXT, {"in1": "data"}), (TEXT, {"in0": "a"})],
)
def test_what_cannot_be_renamed_is_an_error(text, names):
    with pytest.raises(ValueError, match=r"no ncnn|cannot be renamed"):
        rename_blobs(text, names)
