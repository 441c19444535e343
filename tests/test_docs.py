"""Commands in the documentation compose, and make's targets exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from esrgan_train.checks.flags import is_sweep, overrides_in
from esrgan_train.checks.sweep import jobs_of
from esrgan_train.config import check, compose_config
from esrgan_train.search.plan import plan_of
from esrgan_train.train import train
from tests.test_launchers import SLURM, TORCHRUN
from tests.tiny import tiny

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMPOSED = ("esrgan_train", "esrgan_train.preview_data", "esrgan_train.doctor")
PASSED_ON = {"esrgan_train.gpu_check": "benchmarks.gpu"}  # where a command's flags are read
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


def code_in(text: str) -> list[str]:
    """Lines of fenced and indented blocks and inline code; a line that goes on after a backslash is one."""
    fenced = [line for _, block in _FENCED.findall(text) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    rest = _FENCED.sub("", text)
    joined = re.sub(r"\\\n\s+", "", rest)
    indented = [line for line in joined.splitlines() if line.startswith("    ")]
    return [line.strip() for line in (*fenced, *indented, *_INLINE.findall(rest))]


def commands_in(page: Path) -> list[str]:
    found = [
        line
        for line in code_in(page.read_text())
        if re.match(r"(\w+=\S+ )*(python -m esrgan_train|esrgan-train )", line)
    ]
    return list(dict.fromkeys(found))


COMMANDS = [(page, command) for page in PAGES for command in commands_in(page)]


def words_of(command: str) -> list[str]:
    words = shlex.split(command, comments=True)
    words = [re.sub(r"<\w+>", "x", word) for word in words]  # placeholders such as <timestamp>
    words = [re.sub(r"\$WIDTH\b", "24", word) for word in words]
    return [re.sub(r"\$(experiment)\b", "x4_relu", word) for word in words if word not in ("|", "…", "...")]


def parts_of(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Variables of the environment, the module that is run, and its arguments."""
    if "esrgan-train" not in words:
        start = words.index("python")
        return words[:start], words[start + 2], words[start + 3 :]
    start = words.index("esrgan-train")
    name, arguments = words[start + 1], words[start + 2 :]
    if "=" in name or name.startswith("-"):  # goes on to train
        return words[:start], "esrgan_train", words[start + 1 :]
    module = "esrgan_train" if name == "train" else f"esrgan_train.{name.replace('-', '_')}"
    return words[:start], module, arguments


def test_both_ways_to_run_a_command_are_read():
    assert parts_of(["A=1", "python", "-m", "esrgan_train.upscale", "x"]) == (
        ["A=1"],
        "esrgan_train.upscale",
        ["x"],
    )
    assert parts_of(["esrgan-train", "gpu-check", "--quick"]) == ([], "esrgan_train.gpu_check", ["--quick"])
    assert parts_of(["esrgan-train", "train", "upscale=2"]) == ([], "esrgan_train", ["upscale=2"])
    assert parts_of(["esrgan-train", "upscale=2"]) == ([], "esrgan_train", ["upscale=2"])


def write_files(folder: Path) -> None:
    """Write the blocks of the documentation that start with the name of their file."""
    for page in PAGES:
        for language, block in _FENCED.findall(page.read_text()):
            name, _, content = block.partition("\n")
            if language in ("python", "yaml") and re.fullmatch(r"# [\w/]+\.(py|yaml)", name):
                file = folder / name.removeprefix("# ")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)


@pytest.mark.run
@pytest.mark.parametrize(
    ("page", "command"), COMMANDS, ids=[f"{page.relative_to(ROOT)}: {command[:70]}" for page, command in COMMANDS]
)
def test_a_command_of_the_documentation_is_right(
    page: Path, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for module in ("my_parts", "my_losses"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    words = words_of(command)
    settings, module, arguments = parts_of(words)
    for setting in settings:
        monkeypatch.setenv(*setting.split("=", 1))
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"{page}: there is no module {module}"
    if module in COMPOSED:
        if "--help" not in arguments:
            jobs = jobs_of(overrides_in(arguments)) if is_sweep(arguments) else [overrides_in(arguments)]
            for job in jobs:
                # A search's folder is named by its sweeper, which only a sweep has.
                check(compose_config([o for o in job if not o.startswith(("hparams_search=", "hydra.sweeper."))]))
        known = {
            "--help",
            "--schema",
            "--cfg",
            "--resolve",
            "-m",
            "job",
            "--all",
            "--quick",
            "--like",
            "--like-count",
        }
        assert {a for a in arguments if a.startswith("-")} <= known
        return
    if module == "esrgan_train.search" and overrides_in(arguments):
        monkeypatch.setattr("esrgan_train.search.plan.check_metrics", lambda _: None)  # AlexNet may be missing
        monkeypatch.setattr("esrgan_train.search.plan.check", lambda _: None)
        plan_of(overrides_in(arguments))
    spec = importlib.util.find_spec(PASSED_ON.get(module, module))
    assert spec is not None
    if spec.submodule_search_locations is not None:
        source = "".join(file.read_text() for file in Path(spec.submodule_search_locations[0]).rglob("*.py"))
    else:
        source = Path(str(spec.origin)).read_text()
    for flag in (a for a in arguments if a.startswith("-") and a != "--help"):
        assert f'"{flag}"' in source, f"{page}: {module} has no {flag}"


# Programs besides Python.
OTHERS = (
    *("make", "pip", "source", "torchrun", "srun", "sbatch", "scancel"),
    *("wandb", "tensorboard", "exec", "optuna-dashboard"),
)
_COMMAND = re.compile(rf"(?:\w+=\S+ )*(?:python -m \w|esrgan-train |(?:{'|'.join(OTHERS)}) )")
# What surrounds commands in a shell script.
_SCRIPT = re.compile(r"#|\[ |[A-Z_]+=(?:\S+|\(.*\))$|(cd|export|exit) ")
ALL_COMMANDS = [(page, line) for page in PAGES for line in code_in(page.read_text()) if _COMMAND.match(line)]


def extras() -> set[str]:
    """The names under ``[project.optional-dependencies]``."""
    table = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[")[0]
    return set(re.findall(r"^([a-z]+) = \[", table, re.MULTILINE))


def test_extras_that_pages_install_exist():
    lines = [line for _, line in ALL_COMMANDS if line.startswith("pip install")]
    named = {name for line in lines for m in re.finditer(r"\[([a-z,]+)\]", line) for name in m[1].split(",")}
    assert len(lines) > 5
    assert named <= extras()


def test_modules_that_pages_run_exist():
    modules = {
        name for _, line in ALL_COMMANDS for name in re.findall(r"(?<=-m )((?:esrgan|bench|tests)[\w.]*)", line)
    }
    assert "benchmarks" in modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


LAUNCHERS = {"torchrun": TORCHRUN, "srun": SLURM}  # and the variables that each sets
LAUNCHED = list(dict.fromkeys(line for _, line in ALL_COMMANDS if line.startswith(("torchrun ", "srun "))))


@pytest.mark.parametrize("line", LAUNCHED)
def test_overrides_inside_other_programs_compose(line: str, monkeypatch: pytest.MonkeyPatch):
    launcher, _, rest = line.partition(" ")
    options, _, overrides = rest.partition("-m esrgan_train ")
    for name, value in LAUNCHERS[launcher].items():
        monkeypatch.setenv(name, value)
    if launcher == "torchrun":
        get_args_parser().parse_args([*shlex.split(options), "-m", "esrgan_train"])  # exits at a wrong option
    check(compose_config(overrides_in(words_of(overrides))))


def test_commands_for_both_launchers_were_found():
    assert {line.split()[0] for line in LAUNCHED} == {"torchrun", "srun"}
    assert all("trainer=torchrun" in line or "trainer=slurm" in line for line in LAUNCHED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_block_of_commands_holds_no_unknown_program(page: Path):
    blocks = [block for language, block in _FENCED.findall(page.read_text()) if language in ("", "bash", "sh")]
    lines = [
        line.strip() for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines() if line.strip()
    ]
    assert [line for line in lines if not (_COMMAND.match(line) or _SCRIPT.match(line))] == []


def test_commands_were_found():
    assert len(COMMANDS) > 20
    assert any("hydra.searchpath" in command for _, command in COMMANDS)


@pytest.mark.run
def test_files_of_the_documentation_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for module in ("my_parts", "my_losses"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setenv("ESRGAN_TRAIN_ARCHS", "my/archs")
    mine = ["hydra.searchpath=[file://my/conf]", "generator=tiny", "degradation=every_other", "upscale=2"]
    loss = ["loss.pixel.function._target_=my_losses.SquareRootLoss", "+loss.pixel.function.eps=1e-6"]
    small = [o for o in tiny(tmp_path / "run") if not o.startswith("generator.")]
    train(compose_config([*small, *mine, *loss, "debug=batch"]))
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_targets_of_make_exist(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m[1] for line in code_in(page.read_text()) if (m := re.match(r"make ([a-z-]+)", line))}
    assert named <= targets


def recipes_of_make() -> dict[str, list[str]]:
    """What each target runs in the environment, as it is typed where that is active."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^(XDIST|SET|ARGS) [:?]= ?(.*?)(?: +#.*)?$", makefile, re.MULTILINE))
    for name, value in variables.items():
        makefile = makefile.replace(f"$({name})", value)
    recipes: dict[str, list[str]] = {}
    for target, block in re.findall(r"^([a-z-]+):.*##.*\n((?:\t.*\n)+)", makefile, re.MULTILINE):
        lines = re.findall(r"\$\(BIN\)/(.*?)(?: \|\| .*)?$", block, re.MULTILINE)
        recipes[target] = [line.strip() for line in lines]
    return {target: lines for target, lines in recipes.items() if lines}


def test_each_target_of_make_has_its_command_beside_it():
    page = (ROOT / "docs" / "without_make.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `make ([a-z-]+)` \| (.*) \|$", page, re.MULTILINE)
    commands = {target: _INLINE.findall(cell) for target, cell in rows}
    assert commands.pop("setup") == ["pip install -c constraints.txt -e ."]
    assert commands == recipes_of_make()


def test_the_files_of_the_architecture_exist():
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"(?<![*\w/])(?:[a-z_]+/)+(?:[a-z_]+\.(?:py|yaml|md))?|(?<![*\w/])[a-z_]+\.py\b", page))
    places = (ROOT, ROOT / "esrgan_train", ROOT / "esrgan_train" / "archs")
    missing = {name for name in named if not any((place / name).exists() for place in places)}
    assert len(named) > 30
    assert missing <= {"val/", "model/"}  # names of values, and a folder of a run
