"""The package's rooms import one way: each only from those before it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import esrgan_train

PACKAGE = Path(esrgan_train.__file__).parent
ANYWHERE = {
    "",
    "bounds",
    "errors",
    "files",
    "file_names",
    "devices",
    "kernels",
    "allocator",
    "signals",
    "arguments",
    "downloads",
    "resident",
    "libraries",
    "pyav",
    "cores",
    "processes",
    "lost_process",
    "parent",
}
ORDER = [
    "remote",
    "images",
    "screening",
    "degradation",
    "archs",
    "modelfiles",
    "launchers",
    "starters",
    "commands",
    "moved",
    "data",
    "metrics",
    "losses",
    "inference",
    "training",
    "loggers",
    "identity",
    "runs",
    "contracts",
    "callbacks",
    "logs",
    "cli",
    "checks",
    "config",
    "editor",
    "launch",
    "ranks",
    "building",
    "first_weights",
    "teaching",
    "augmentations",
    "build",
    "outcome",
    "space",
    "announce",
    "origin",
    "causes",
    "ending",
    "hours",
    "train",
    "photosets",
    "search",
    "prepare",
    "doctor",
    "likeness",
    "preview_data",
    "replay",
    "compare",
    "report",
    "video",
    "upscale",
    "export",
    "interpolate",
    "evaluate",
    "gpu_check",
    "__main__",
    "console",
]


def room_of(module: str) -> str:
    return module.removeprefix("esrgan_train").lstrip(".").partition(".")[0]


def imported_rooms(file: Path) -> set[str]:
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {room_of(name) for name in names if name.partition(".")[0] == "esrgan_train"}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_imports_only_from_rooms_upstream(file: Path) -> None:
    room = room_of(".".join(file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix("__init__")
    allowed = ANYWHERE | {room}
    if room not in ANYWHERE:
        assert room in ORDER, f"give {room} its place in ORDER"
        allowed |= set(ORDER[: ORDER.index(room)])
    assert imported_rooms(file) <= allowed


def imported_files(file: Path) -> set[Path]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        for alias in node.names if isinstance(node, ast.ImportFrom) and node.module else ():
            for name in (f"{node.module}.{alias.name}", node.module):
                found.add(PACKAGE.parent / f"{name.replace('.', '/')}.py")
    return found & set(FILES)


def test_no_files_import_each_other_in_a_circle() -> None:
    order = TopologicalSorter({file: imported_files(file) for file in FILES}).static_order()
    assert set(order) >= set(FILES)  # or CycleError names them


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_function_is_longer_than_forty_lines_besides_its_docstring(file: Path) -> None:
    functions = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
    lengths = {function.name: lines_of(function) - docstring_lines(function) for function in functions}
    assert {name: length for name, length in lengths.items() if length > 40} == {}


def lines_of(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def docstring_lines(function: ast.FunctionDef) -> int:
    return lines_of(function.body[0]) if ast.get_docstring(function) is not None else 0
