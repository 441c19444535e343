"""Options that are paths take any name; what Hydra reads of them is compared with the name itself."""

from __future__ import annotations

import shlex
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from esrgan_train.__main__ import main
from esrgan_train.bounds import hints_of
from esrgan_train.checks.paths import PATHS, SEVERAL, for_hydra, for_shell, path_override, unreadable
from esrgan_train.checks.tree import locate, targets
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.data.photos import Joined
from tests.data.small import split

NAMES = [
    *("photos", "my photos (2024)", "été", "写真", "😀", "a#b", "x=1", "it's", 'say "x"', "a,b", "2024"),
    *("2024_01_05", "007", "1e3", "true", "Null", "-x", " x ", "a~b", "a;b&c|d", "50%", "a:b", "@home"),
    *("[a] b", "b {c}", "(", "a(1)"),
    *("C:\\photos\\", "a\\'b", "\\", "'a' and 'b'", '"', "?", "a*", "$HOME", "line\nbreak", "./[a]", "./{a: 3}"),
]
SINGLE = [option for option in PATHS if option not in SEVERAL]


def read(override: str) -> Any:
    return OverridesParser.create().parse_override(override).value()


@pytest.mark.run
@pytest.mark.parametrize("name", NAMES)
def test_hydra_reads_the_name_that_the_shell_hands_over(name: str):
    for option in PATHS:
        for sign in ("", "+", "++"):
            given = for_hydra(f"{sign}{option}={name}", sweep=False)
            assert read(given) == name
            assert for_hydra(given, sweep=False) == given  # a process that is started with it reads the same
            assert for_shell(given) == f"{sign}{option}={name}"


@pytest.mark.parametrize("name", ["[a]", "{a: 3}", "{a}", "[a,b]"])
def test_brackets_are_a_name_where_no_list_is_possible(name: str):
    assert [read(for_hydra(f"{option}={name}", sweep=False)) for option in SINGLE] == [name] * len(SINGLE)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("null", None),
        ("", ""),
        ("${oc.env:HOME}/x", "${oc.env:HOME}/x"),
        ("'x y'", "x y"),
        ('"x, y"', "x, y"),
        ("str(5)", "5"),
        ("[a,b]", ["a", "b"]),
        ("[2024, my photos, été, it's]", ["2024", "my photos", "été", "it's"]),
        ("['a,b',c]", ["a,b", "c"]),
        ("[]", []),
        ("{my/a: 3, my/b.c: 1.5}", {"my/a": 3, "my/b.c": 1.5}),
        ("{2024:1,latin1:2}", [["2024", 1], ["latin1", 2]]),
        ("{my photos (a, b): 3, C:\\x: 1}", [["my photos (a, b)", 3], ["C:\\x", 1]]),
        ("[['été',3],[b,1]]", [["été", 3], ["b", 1]]),
    ],
)
def test_what_means_something_else_keeps_its_meaning(value: str, meant: Any):
    given = for_hydra(f"data.train_dir={value}", sweep=False)
    assert read(given) == meant
    assert for_hydra(given, sweep=False) == given
    assert read(for_hydra(for_shell(given), sweep=False)) == meant


@pytest.mark.parametrize("override", ["optimizer.lr=0,1", "seed=é", "generator=x y", "~run_dir", "run_dir", "-m"])
def test_other_words_are_left_alone(override: str):
    assert for_hydra(override, sweep=False) == for_hydra(override, sweep=True) == override


@pytest.mark.parametrize(
    ("value", "jobs"),
    [
        ("a,b", ["a", "b"]),
        ("my photos,été (1, 2),2024,it's", ["my photos", "été (1, 2)", "2024", "it's"]),
        ("'a,b',C:/c", ["a,b", "C:/c"]),
        ("[a,é],b", [["a", "é"], "b"]),
        ("choice(a,b)", ["a", "b"]),
        ("null,a", [None, "a"]),
    ],
)
def test_a_comma_separates_the_jobs_of_a_sweep(value: str, jobs: list[Any]):
    given = for_hydra(f"data.train_dir={value}", sweep=True)
    strings = OverridesParser.create().parse_override(given).sweep_string_iterator()
    assert [read(f"data.train_dir={string}") for string in strings] == jobs
    assert for_hydra(given, sweep=True) == given


def test_the_home_folder_has_its_short_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/zoë d")
    assert read(for_hydra("run_dir=~/my runs", sweep=False)) == "/home/zoë d/my runs"
    assert read(for_hydra("data.train_dir=[~/a,b~]", sweep=False)) == ["/home/zoë d/a", "b~"]
    assert read(for_hydra("data.train_dir={~/a: 2, b: 1}", sweep=False)) == [["/home/zoë d/a", 2], ["b", 1]]
    assert read(for_hydra("run_dir=~nobody_of_this_name", sweep=False)) == "~nobody_of_this_name"


@pytest.mark.parametrize("path", ["~", "null", "'x'", "choice(1)", "[a]", *NAMES])
def test_a_path_is_written_so_that_it_is_read_back(path: str):
    for option in ("run_dir", "data.train_dir"):
        assert read(for_hydra(path_override(option, path), sweep=False)) == path


def test_a_value_that_cannot_be_read_comes_with_the_words_to_type():
    told = unreadable('trainer.max_time=it\'s é "x"')
    (typed,) = shlex.split(told.partition("special characters: ")[2])
    assert read(typed) == 'it\'s é "x"'
    assert unreadable("a b") == "a b: not of the form key=value"


def test_every_argument_annotated_as_a_path_is_one_of_these_options():
    found = set()
    for file in config_dir().glob("*/**/*.yaml"):
        group = file.parent.relative_to(config_dir()).as_posix().replace("/", ".")
        # A class may be named by the upscale.
        for name, node in targets(OmegaConf.merge({"upscale": 2}, OmegaConf.load(file))):
            hints = hints_of(locate(name, node._target_))
            prefix = ".".join(filter(None, (group, name)))
            found |= {f"{prefix}.{key}" for key, hint in hints.items() if mentions_path(hint)}
    assert {"data.train_dir", "data.val_lr_dir"} <= found <= set(PATHS)


def mentions_path(hint: Any) -> bool:
    return hint is Path or any(map(mentions_path, typing.get_args(hint)))


# from the command line to the photos


Run = Callable[..., list[DictConfig]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command line in this process, in an empty folder, up to the training; the configurations it gets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: str) -> list[DictConfig]:
        found: list[DictConfig] = []
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["esrgan_train", *arguments])
        monkeypatch.setattr("esrgan_train.__main__.train", lambda cfg, **_: check(cfg) or found.append(cfg))
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        return found

    return run


def make_photos(folder: Path, count: int = 30) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.png").touch()


@pytest.mark.parametrize("name", ["写真", "it's #1", "a,b", "2024", "x=1"])
def test_photos_in_a_folder_of_any_name_are_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / name)
    train, val, _ = split(compose_config(["data=folder", f"data.train_dir={name}"]).data.train_dir)
    assert len(train) + len(val) == 30


def test_folders_with_weights_may_have_any_names(run: Run, tmp_path: Path):
    for name in ("2024", "été (1)"):
        make_photos(tmp_path / name)
    (cfg,) = run("data=folder", "data.train_dir={2024: 1, été (1): 3}")
    train = split(cfg.data.train_dir).training
    assert isinstance(train, Joined)
    assert train.turns == (1, 3)
    assert [folder.name for folder in train.folders] == ["2024", "été (1)"]


@pytest.mark.slow
@pytest.mark.run
def test_the_jobs_of_a_sweep_get_their_paths(run: Run):
    cfgs = run("-m", "seed=1", "data=folder", "data.train_dir=my photos (1),été,2024", "init_from=a b.pth")
    assert [cfg.data.train_dir for cfg in cfgs] == ["my photos (1)", "été", "2024"]
    assert [cfg.init_from for cfg in cfgs] == ["a b.pth"] * 3


@pytest.mark.slow
@pytest.mark.run
def test_flags_may_stand_among_the_overrides(run: Run, tmp_path: Path):
    (tmp_path / "my cönf" / "experiment").mkdir(parents=True)
    (tmp_path / "my cönf" / "experiment" / "x2_mine.yaml").write_text("# @package _global_\nupscale: 2\n")
    (cfg,) = run("experiment=x2_mine", "--config-dir", "my cönf", "seed=5")
    assert (cfg.upscale, cfg.seed) == (2, 5)


def test_a_number_in_yaml_is_reported_as_one():
    cfg = OmegaConf.create({"train_dir": 2024})
    with pytest.raises(ValueError, match="put quotes round digits"):
        split(cfg.train_dir)
