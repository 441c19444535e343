"""What bought what: rows differ from the base in what they name, and the page says what the file holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from benchmarks.choices import __main__ as command
from benchmarks.choices.choice import BASE, Choice, Comparison, read_comparison
from benchmarks.choices.job import MODEL, Job, Settings, job_of, jobs_of, with_models
from benchmarks.choices.measured import Measured, Record, read, read_or_begin, write
from benchmarks.choices.scores import seconds_per_iteration
from benchmarks.choices.side_by_side import run_side_by_side
from benchmarks.choices.table import section_of
from benchmarks.results import newest
from esrgan_train.config import compose_config, with_upscale
from esrgan_train.errors import RunError, UserError
from esrgan_train.loggers.metrics_csv import read_rows

pytestmark = pytest.mark.run

ROOT = Path(__file__).parents[2]
COMPARISON = read_comparison()
SETTINGS = Settings(4000, 1)
RUNS = Path("runs/there")

TERM = {"ramp": 0, "stages": ["pixel", "gan"], "target": "hr_target"}
CHANGES: dict[str, dict[str, Any]] = {
    "base": {},
    "charbonnier": {
        "loss.pixel.function._target_": "esrgan_train.losses.pixel.CharbonnierLoss",
        "loss.pixel.function.eps": 1e-12,
    },
    "ms_ssim": {
        **{f"loss.ms_ssim.{name}": value for name, value in TERM.items()},
        "loss.ms_ssim.weight": 0.5,
        "loss.ms_ssim.function._target_": "esrgan_train.losses.structure.MSSSIMLoss",
        "loss.ms_ssim.function.levels": None,
    },
    "fft": {
        **{f"loss.fft.{name}": value for name, value in TERM.items()},
        "loss.fft.weight": 0.1,
        "loss.fft.function._target_": "esrgan_train.losses.frequency.SpectrumLoss",
    },
    "default_start": {"training.init": "default"},
    "small_crops": {"data.gt_size": 48, "data.batch_size": 64},
    "large_crops": {"data.gt_size": 192, "data.batch_size": 4},
    "three_sizes": {"data.scales": [1, 0.75, 0.5]},
    "no_ema": {"training.ema_decay": 0},
    "never_clean": {"degradation.clean_prob": 0},
    "plain": {"generator._target_": "esrgan_train.archs.srvgg_arch.SRVGGNetCompact"},
    "larger": {"generator.num_feat": 48},
    "teacher": {
        "teacher": f"{RUNS}/larger-0/checkpoints/last.ckpt",
        **{f"loss.teacher.{name}": value for name, value in TERM.items()},
        "loss.teacher.target": "hr",
        "loss.teacher.weight": 1.0,
        "loss.teacher.function._target_": "esrgan_train.losses.distillation.TeacherLoss",
        **{f"loss.teacher_features.{name}": value for name, value in TERM.items()},
        "loss.teacher_features.target": "hr",
        "loss.teacher_features.weight": 0.01,
        "loss.teacher_features.function._target_": "esrgan_train.losses.distillation.TeacherFeaturesLoss",
    },
}


def settings_of(name: str) -> dict[str, Any]:
    """The composed configuration of a row, values by their dotted keys, without the folder of its run."""
    job = job_of(COMPARISON, COMPARISON.choices[name], 0, SETTINGS, RUNS)
    composed = OmegaConf.to_container(with_upscale(compose_config(list(job.overrides))), resolve=True)
    return {key: value for key, value in flat(composed).items() if value != str(job.folder)}


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {prefix.removesuffix("."): node}
    return {key: value for name, each in node.items() for key, value in flat(each, f"{prefix}{name}.").items()}


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return settings_of(BASE)


@pytest.mark.parametrize("name", COMPARISON.choices)
def test_a_row_differs_from_the_base_in_what_it_names_alone(name: str, base: dict[str, Any]):
    row = settings_of(name)
    assert base.keys() - row.keys() == ({"generator.branch_ratio"} if name == "plain" else set())
    assert {key: value for key, value in row.items() if key not in base or base[key] != value} == CHANGES[name]


def test_the_base_is_the_pixel_stage_alone_as_its_row_says(base: dict[str, Any]):
    expected = {
        "loss.pixel.function._target_": "torch.nn.L1Loss",
        "loss.pixel.weight": 1.0,
        "loss.perceptual.weight": 0,
        "loss.adversarial.weight": 0,
        "training.init": "bilinear",
        "training.ema_decay": 0.999,
        "degradation.clean_prob": 0.3,
        "data.gt_size": 96,
        "data.batch_size": 16,
        "generator._target_": "esrgan_train.archs.repsr_arch.RepSR",
        "generator.num_feat": 24,
        "generator.num_conv": 8,
        "upscale": 2,
        "teacher": None,
        "trainer.max_steps": 4000,
        "trainer.val_check_interval": 1000,
        "data.num_workers": 0,
        "ckpt_path": "auto",
    }
    assert {key: base[key] for key in expected} == expected


def test_crops_of_any_size_hold_equally_many_pixels(base: dict[str, Any]):
    rows = [base, settings_of("small_crops"), settings_of("large_crops")]
    assert {row["data.gt_size"] ** 2 * row["data.batch_size"] for row in rows} == {147_456}


def test_rows_that_are_asked_for_bring_the_base_and_the_model_that_they_need():
    assert [choice.name for choice in COMPARISON.named(["teacher"])] == ["base", "larger", "teacher"]
    assert [choice.name for choice in COMPARISON.named(())] == [*COMPARISON.choices]
    with pytest.raises(UserError, match=r"--rows teachers is not in rows\.yaml: give base, charbonnier"):
        COMPARISON.named(["teachers"])


def test_a_model_that_is_needed_and_gone_is_trained_again(tmp_path: Path):
    jobs = jobs_of(COMPARISON, COMPARISON.named(["teacher"]), (0, 1), SETTINGS, tmp_path)
    missing = [job for job in jobs if job.name in ("teacher-0", "teacher-1")]
    there = tmp_path / "larger-1" / MODEL
    there.parent.mkdir(parents=True)
    there.touch()
    assert [job.name for job in with_models(missing, jobs)] == ["larger-0", "teacher-0", "teacher-1"]


# Side by side


class Pretended:
    """Processes that end after so many looks, with a status each."""

    def __init__(self, log: list[str], name: str, status: int = 0, looks: int = 2) -> None:
        self.log, self.name, self.status, self.looks = log, name, status, looks
        log.append(f"+{name}")

    def wait(self, seconds: float) -> int | None:
        self.looks -= 1
        return None if self.looks > 0 else self.status

    def stop(self) -> None:
        self.log.append(f"stop {self.name}")

    def kill(self) -> None:
        self.log.append(f"kill {self.name}")

    def reason(self) -> str:
        return "no photos"


def few_jobs(*names: str) -> list[Job]:
    return [job_of(COMPARISON, COMPARISON.choices[name], 0, SETTINGS, RUNS) for name in names]


def test_two_run_at_a_time_and_a_row_waits_for_the_model_that_it_needs():
    log: list[str] = []

    def start(job: Job) -> Pretended:
        return Pretended(log, job.choice.name, looks=5 if job.choice.name == "larger" else 2)

    failed = run_side_by_side(
        few_jobs("base", "larger", "teacher", "fft"),
        at_once=2,
        start=start,
        finish=lambda job: log.append(f"-{job.choice.name}"),
    )
    assert failed == {}
    assert log.index("-larger") < log.index("+teacher")
    assert log.index("+fft") < log.index("+teacher")  # it does not keep others waiting
    running = [sum({"+": 1, "-": -1}[entry[0]] for entry in log[: n + 1]) for n in range(len(log))]
    assert max(running) == 2
    assert running[-1] == 0


def test_a_run_that_fails_takes_those_that_need_it_along_and_the_others_go_on():
    log: list[str] = []
    failed = run_side_by_side(
        few_jobs("larger", "teacher", "fft"),
        at_once=1,
        start=lambda job: Pretended(log, job.choice.name, status=int(job.choice.name == "larger")),
        finish=lambda job: log.append(f"-{job.choice.name}"),
    )
    assert failed == {"larger-0": "no photos", "teacher-0": "it needs larger-0, which failed"}
    assert log == ["+larger", "+fft", "-fft"]


@pytest.mark.parametrize(("looks", "ends"), [(1, ["stop fft"]), (9, ["stop fft", "kill fft"])])
def test_running_processes_are_asked_to_save_whatever_happens(looks: int, ends: list[str]):
    log: list[str] = []

    def fail(job: Job) -> None:
        raise RunError(f"{job.name} cannot be scored")

    with pytest.raises(RunError, match="base-0 cannot be scored"):
        run_side_by_side(
            few_jobs("base", "fft"),
            at_once=2,
            start=lambda job: Pretended(log, job.choice.name, looks=1 if job.choice.name == "base" else looks),
            finish=fail,
        )
    assert log == ["+base", "+fft", *ends]


# The file and the page


def record(choice: str, seed: int, *, psnr_y: float, psnr_clean: float, seconds: float = 0.25) -> Record:
    figures = {"psnr_y": psnr_y, "psnr_clean": psnr_clean, "psnr_y_bicubic": 28.0, "psnr_clean_bicubic": 30.0}
    machine = {"cpu": "A Processor", "versions": {"torch": "9.9"}}
    return Record(
        choice=choice,
        seed=seed,
        seconds_per_iteration=seconds,
        side_by_side=2,
        precision="bf16",
        figures=figures,
        command="python -m esrgan_train",
        machine=machine,
    )


SMALL = Comparison(
    (),
    {
        "base": Choice(name="base", what="as it comes", options=()),
        "fft": Choice(name="fft", what="frequencies", options=("loss/terms=[fft]",)),
        "larger": Choice(name="larger", what="more features", options=("generator.num_feat=48",)),
        "teacher": Choice(name="teacher", what="learns", options=("teacher={model}",), needs="larger"),
    },
)
MEASURED = Measured(
    SETTINGS,
    (
        record("base", 0, psnr_y=29.0, psnr_clean=31.0),
        record("base", 1, psnr_y=29.2, psnr_clean=31.1),
        record("fft", 1, psnr_y=29.1, psnr_clean=31.4, seconds=0.3),
        record("fft", 0, psnr_y=28.8, psnr_clean=31.4, seconds=0.2),
        record("teacher", 0, psnr_y=29.5, psnr_clean=31.25, seconds=0.5),
    ),
)


def test_gains_are_taken_seed_by_seed_and_rows_that_are_missing_are_named():
    minus = "\N{MINUS SIGN}"
    assert section_of(MEASURED, SMALL).splitlines()[2:] == [
        "| bicubic enlargement | | | 28.00 | | 30.00 | |",
        "| `base`: as it comes | | 0.250 | 29.10 ± 0.10 | | 31.05 ± 0.05 | |",
        f"| `fft`: frequencies | `loss/terms=[fft]` | 0.250 | 28.95 ± 0.15 | {minus}0.15 ± 0.05 "
        "| 31.40 ± 0.00 | +0.35 ± 0.05 |",
        "| `teacher`: learns | `teacher=the model of larger` | 0.500 | 29.50 | +0.50 | 31.25 | +0.25 |",
        "",
        "4,000 iterations each; seeds 0, 1; 1 thread of A Processor; at most 2 at a time; precision bf16; "
        "torch 9.9.",
        "",
        "Not measured yet: `larger`.",
    ]


def test_without_a_base_there_is_nothing_to_compare_with():
    assert section_of(Measured(SETTINGS, MEASURED.records[2:]), SMALL) == "No row is measured yet."


def test_the_page_holds_what_the_file_says():
    page = (ROOT / command.SECTION.page).read_text(encoding="utf-8")
    expected = section_of(read(ROOT / command.FILE), COMPARISON)
    assert command.SECTION.within(page) == expected, "run python -m benchmarks.choices, which writes the page"
    assert command.SECTION.put_into(page, expected) == page


def test_a_file_comes_back_as_it_was_written_and_is_not_continued_with_other_settings(tmp_path: Path):
    file = tmp_path / "choices.json"
    assert read(file) is None
    write(file, MEASURED)
    assert read_or_begin(file, SETTINGS) == MEASURED
    message = r"holds runs of --iterations 4000, --threads 1, not of --iterations 8, --threads 1, upscale=3: "
    with pytest.raises(UserError, match=message):
        read_or_begin(file, Settings(8, 1, ("upscale=3",)))
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"is no file of python -m benchmarks\.choices"):
        read(file)


def test_a_run_that_is_measured_again_replaces_the_earlier_one():
    again = MEASURED.with_record(record("base", 1, psnr_y=30.0, psnr_clean=32.0))
    assert len(again.records) == len(MEASURED.records)
    assert again.of("base")[1].figures["psnr_y"] == 30.0


def test_seconds_are_the_median_of_what_was_logged(tmp_path: Path):
    rows = ["step,train/samples_per_second,val/psnr", "10,8,", "20,80,", "20,,30.1", "30,32,"]
    (tmp_path / "metrics.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert seconds_per_iteration(tmp_path, 16) == 0.5


def test_the_benchmark_of_speed_does_not_take_this_file_for_its_newest(tmp_path: Path):
    for name in ("2026-01-01_2x-cpu.json", "2026-01-02_2x-cpu.json", command.FILE.name):
        (tmp_path / name).touch()
    assert newest(tmp_path) == tmp_path / "2026-01-02_2x-cpu.json"


# The whole command


def photos(folder: Path, name: str) -> Path:
    """A folder with one smooth photograph."""
    place = folder / name
    place.mkdir()
    drawn = np.random.default_rng(len(name))
    coarse = Image.fromarray(drawn.integers(0, 256, (24, 24, 3), np.uint8))
    coarse.resize((192, 192), Image.Resampling.BICUBIC).save(place / "one.png")
    return place


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that the command starts, by name."""
    names: list[str] = []
    start: Callable[..., Any] = command._start

    def note(job: Job, threads: int) -> Any:
        names.append(job.name)
        return start(job, threads)

    monkeypatch.setattr(command, "_start", note)
    return names


@pytest.mark.slow
def test_the_command_trains_scores_all_alike_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]
):
    monkeypatch.chdir(tmp_path)
    overrides = [f"data.train_dir={photos(tmp_path, 'train')}", f"data.val_dir={photos(tmp_path, 'held_out')}"]
    words: Sequence[str] = ("--quick", "--side-by-side", "2", "trainer.limit_val_batches=null", *overrides)
    assert command.main(words) == 0
    assert started == ["base-0", "small_crops-0"]
    content = json.loads(Path("runs/choices-quick.json").read_text(encoding="utf-8"))
    runs = {run["choice"]: run for run in content["records"]}
    assert runs.keys() == {"base", "small_crops"}
    for name, run in runs.items():
        last = read_rows(Path(f"runs/choices-quick-8/{name}-0/metrics.csv"))[-1]
        assert last["step"] == "8"
        for figure, value in run["figures"].items():  # the run's own validation saw the same, with this seed
            assert value == pytest.approx(float(last[f"val/{figure}"]), abs=2e-3)
        assert run["seconds_per_iteration"] > 0
        assert f"run_dir=runs/choices-quick-8/{name}-0" in run["command"].split()
    assert runs["base"]["figures"]["psnr_y_bicubic"] == runs["small_crops"]["figures"]["psnr_y_bicubic"]
    assert command.main(words) == 0
    assert len(started) == 2
