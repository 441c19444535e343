from __future__ import annotations

import io
import pickle
import random
from pathlib import Path

import pytest
import torch

from esrgan_train.errors import UserError
from esrgan_train.modelfiles.tensor_files import read_safetensors, read_torch, write_safetensors, write_torch
from tests.small_files import files_of_at_most


class Malicious:
    """Unpickling it would make a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    return {"a": torch.rand(3, 4), "b": torch.arange(3.0)}


def test_torch_files_survive_the_round_trip(tmp_path, tensors):
    path = tmp_path / "new" / "model.pth"
    write_torch(path, {"params": tensors, "note": "text"})
    content = read_torch(path)
    assert content["note"] == "text"
    assert all(torch.equal(content["params"][name], tensors[name]) for name in tensors)
    assert [file.name for file in path.parent.iterdir()] == ["model.pth"]


def test_safetensors_survive_the_round_trip(tmp_path, tensors):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, tensors, {"note": "text"})
    content, header = read_safetensors(path)
    assert header["note"] == "text"
    assert all(torch.equal(content[name], tensors[name]) for name in tensors)


def test_equal_content_gives_equal_bytes_under_any_name(tmp_path, tensors):
    write_torch(tmp_path / "one.pth", tensors)
    write_torch(tmp_path / "two.pth", tensors)
    assert (tmp_path / "one.pth").read_bytes() == (tmp_path / "two.pth").read_bytes()


@pytest.mark.parametrize("size", [100, 3_000, 30_000, 39_000])
@pytest.mark.parametrize("write", [write_torch, write_safetensors])
def test_a_disk_that_takes_only_a_part_is_an_error_of_the_system(write, size, tmp_path):
    tensors = {"weight": torch.rand(10_000)}
    arguments = (tensors,) if write is write_torch else (tensors, {})
    with files_of_at_most(size), pytest.raises(OSError, match=r"File too large: .*model\.pth'"):
        write(tmp_path / "model.pth", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_torch_is_none_of_the_disk(tmp_path, monkeypatch):
    def broken(_content, file):
        file.write(b"half")
        raise RuntimeError("a fault of torch")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(RuntimeError, match="a fault of torch"):
        write_torch(tmp_path / "model.pth", {})


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, tensors):
    path = tmp_path / "model.pth"
    write_torch(path, tensors)
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError)):
        write_torch(path, {"bad": lambda: None})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_file_is_not_run(tmp_path, new_format):
    path, target = tmp_path / "model.pth", tmp_path / "owned"
    torch.save({"params": Malicious(target)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(UserError, match=r"model\.pth .*could run code, so it was not opened.*safetensors"):
        read_torch(path)
    assert not target.exists()


@pytest.mark.parametrize("read", [read_torch, read_safetensors])
def test_missing_empty_and_wrong_things_are_named(tmp_path, read):
    empty = tmp_path / "empty.pth"
    empty.touch()
    cases = [(tmp_path / "none.pth", "does not exist"), (tmp_path, "is not a file"), (empty, "is empty")]
    for path, words in cases:
        with pytest.raises(UserError, match=f"{path} {words}"):
            read(path)


@pytest.mark.parametrize("content", [[1, 2], torch.rand(2), {1: torch.rand(2)}])
def test_weights_without_names_are_refused(tmp_path, content):
    path = tmp_path / "model.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match="holds no named weights"):
        read_torch(path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "noise", "pickle"])
def test_damaged_files_never_cause_another_error(tmp_path, tensors, kind):
    """Cut and altered at random; some alterations touch only numbers and go unnoticed."""
    rng, path = random.Random(0), tmp_path / "model.file"
    buffer = io.BytesIO()
    if kind in ("zip", "legacy"):
        torch.save({"params": tensors}, buffer, _use_new_zipfile_serialization=kind == "zip")
    elif kind == "safetensors":
        write_safetensors(path, tensors, {})
        buffer.write(path.read_bytes())
    read = read_safetensors if kind == "safetensors" else read_torch
    messages = []
    for attempt in range(150):
        if kind == "noise":
            data = bytearray(rng.randbytes(rng.randrange(1, 300)))
        elif kind == "pickle":
            data = bytearray(b"\x80\x02" + rng.randbytes(rng.randrange(1, 60)))
        elif attempt % 2:
            data = bytearray(buffer.getvalue()[: rng.randrange(1, len(buffer.getvalue()))])
        else:
            data = bytearray(buffer.getvalue())
            for _ in range(4):
                data[rng.randrange(min(len(data), 600))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            read(path)
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > 75
    assert all(str(path) in message and "\n" not in message for message in messages)
