from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import HydraException
from rich.console import Console

from benchmarks import results
from benchmarks.costs import Cost
from benchmarks.gpu import report
from benchmarks.gpu.figure import Figure
from benchmarks.held import Live
from benchmarks.iterations import costs_of
from benchmarks.plan.__main__ import main
from benchmarks.plan.check import checks
from benchmarks.plan.gpus import GPUS, Gpu, gpus_named, sold_as
from benchmarks.plan.predict import (
    COMPUTE_EFFICIENCY,
    FP32_EFFICIENCY,
    KERNEL_SECONDS,
    MEMORY_EFFICIENCY,
    Prediction,
    days,
    predict,
    rendering_seconds,
)
from benchmarks.plan.recipe import published
from benchmarks.rendering import Rendering, rendering_cost
from benchmarks.row import Row
from benchmarks.timing import Spread
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError

pytestmark = pytest.mark.run

SLOW = Gpu(
    "slow", flops=1e12 / COMPUTE_EFFICIENCY, bytes=1e9 / MEMORY_EFFICIENCY, gb=8, fp32=1e12
)  # of which 1e12 and 1e9 are reached
FLOOR = {"memory_gb_per_second": 10.0}
COSTS = [Cost(10**10, 5 * 10**6, 500), Cost(10**10, 0, 500)]


def predicted(gpus: int = 1, **changes: Any) -> Prediction:
    options: dict[str, Any] = {"batch": 12, "iterations": 1000, "loading": 0.01}
    return predict(COSTS, SLOW, gpus=gpus, **{**options, **changes})


def test_a_stage_takes_its_operations_and_bytes_over_the_rates_reached():
    stage = predicted()
    assert stage.compute == pytest.approx(12 * 2e10 / 1e12)
    assert stage.memory == pytest.approx(12 * 1e7 / 1e9)
    assert stage.exchange == 0
    assert stage.loading == pytest.approx(0.12)
    assert stage.seconds == pytest.approx(0.24 + 0.12)
    assert stage.loader_share == pytest.approx(0.12 / 0.36)
    assert stage.saturated == "compute"


def test_slow_loading_holds_the_stage_back_and_is_named():
    stage = predicted(loading=0.1)
    assert stage.seconds == pytest.approx(1.2)
    assert stage.saturated == "loader"


def test_more_gpus_exchange_gradients():
    one, eight, many = predicted(1), predicted(8), predicted(64)
    assert one.compute == eight.compute == many.compute
    assert one.exchange == 0
    assert eight.exchange == pytest.approx(2 * 7 / 8 * 4 * 1000 / 20e9 + 2 * 3 * 5e-6)
    assert many.exchange == pytest.approx(2 * 63 / 64 * 4 * 1000 / 10e9 + 2 * 6 * 15e-6)  # between nodes
    assert eight.exchange_share == pytest.approx(eight.exchange / eight.seconds)


def test_gpus_are_chosen_by_name():
    assert [gpu.name for gpu in gpus_named(["H100 SXM", "T4"])] == ["H100 SXM", "T4"]
    assert gpus_named([]) == GPUS
    with pytest.raises(UserError, match=r"^--gpu 'RTX 4091': not known; give one of T4, 'RTX 3060', "):
        gpus_named(["RTX 4091"])


def test_days_are_those_of_all_stages():
    stage = predicted()
    assert days([stage, stage]) == pytest.approx(2 * 1000 * 0.36 / 86400)


def test_the_recipe_is_that_of_the_configuration():
    cfg = compose_config(["recipe=published"])
    recipe = published()
    assert (recipe.batch_size, recipe.gt_size) == (cfg.data.batch_size, cfg.data.gt_size)
    assert recipe.iterations["pixel"] == cfg.loss.adversarial.start_step == 1_000_000
    assert sum(recipe.iterations.values()) == cfg.trainer.max_steps
    assert recipe.perceptual


def test_an_experiment_without_a_gan_stage_has_one_stage():
    assert published(["experiment=x4_net"]).iterations == {"pixel": 1_000_000}


# Dense bf16 or fp16 with float32 sums, as NVIDIA's papers on the three architectures print it.
PRINTED = {
    "RTX 3080": 59.5e12,
    "RTX 3090": 71.2e12,
    "RTX 4080": 97.5e12,
    "RTX 4090": 165.2e12,
    "RTX 5090": 209.5e12,
}


def test_the_rates_of_consumer_cards_are_those_of_their_maker():
    rates = {gpu.name: gpu.flops for gpu in GPUS}
    assert {name: rates[name] for name in PRINTED} == pytest.approx(PRINTED, rel=2e-3)
    series = {name[4:6] for name in rates if name.startswith("RTX")}
    assert series == {"30", "40", "50"}
    assert {"RTX 3060", "RTX 3070", "RTX 4060", "RTX 4070", "RTX 5070"} <= rates.keys()


@pytest.mark.slow
def test_the_gan_stage_costs_more_and_a_faster_gpu_less():
    slow, fast = (published().predict(gpu, gpus=8, loading=0) for gpu in (GPUS[0], GPUS[-1]))
    assert slow["pixel"].compute < slow["gan"].compute / 20
    assert days(slow.values()) > 3 * days(fast.values())


def write(file: Path) -> None:
    """Results of a sample and of two iterations, one of which has no floor."""
    sample = Row(key="sample", name="a sample", unit="ms", ours=Spread(50, 50, 50))
    sizes = {"gt_size": 64, "batch_size": 2}
    gan = Row(key="gan_iteration", name="an iteration", sizes=sizes, unit="s", ours=Spread(1, 1, 1), floor=0.5)
    perceptual = replace(gan, key="gan_perceptual_iteration", floor=None)
    file.parent.mkdir(parents=True)
    results.write(file, machine={}, floor=FLOOR, rows=[sample, gan, perceptual])


@pytest.mark.slow
def test_a_measured_iteration_is_found_by_its_key_and_predicted_from_its_floor_and_its_traffic(tmp_path: Path):
    write(tmp_path / "results" / "a.json")
    (check,) = checks(results.read(tmp_path / "results" / "a.json"))
    costs = costs_of("gan_iteration", gt_size=64, precision="32")
    expected = 0.5 + sum(2 * 4 * cost.numbers / 10e9 for cost in costs.values())
    assert check.predicted == pytest.approx(expected)
    assert check.error == pytest.approx(expected - 1)


@pytest.mark.slow
def test_the_newest_results_are_read_and_the_error_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    write(tmp_path / "benchmarks" / "results" / "2026-01-01_2x-cpu.json")
    monkeypatch.chdir(tmp_path)
    assert main(["experiment=x4_prelu", "--gpus", "1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "files 50" in out
    assert "check: an iteration: measured 1 s, predicted" in out


def row_of(out: str, gpu: str) -> list[str]:
    """The cells of a card's first line."""
    (line, *_) = (line for line in out.splitlines() if gpu in line)
    return [cell.strip() for cell in line.strip("│ \n").split("│")]


def test_each_way_of_loading_has_its_rates_its_days_and_the_cores_that_feed_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("rich.get_console", lambda: Console(width=600))  # the usual one keeps its width
    file = tmp_path / "a.json"
    rows = [
        Row(key=key, name=key, unit="ms", ours=Spread(ms, ms, ms))
        for key, ms in (("sample", 50.0), ("packed_sample", 10.0), ("packed_worker_sample", 2.0))
    ]
    results.write(file, machine={}, floor=FLOOR, rows=rows)
    assert main(["experiment=x4_prelu", "--gpus", "1", "--results", str(file)]) == 0
    out = capsys.readouterr().out
    assert "files 50, packed 10, device 2.0" in out
    assert "assumed too" not in out
    cells = row_of(out, "RTX 4090")
    assert cells[1] == "12"
    needed, has = cells[2].split(" of ")
    assert 0 < float(needed) < int(has) == 24
    files, packed, device = ([float(cores) for cores in cell.split(" / ")] for cell in cells[7:10])
    assert packed == pytest.approx([cores / 5 for cores in files], abs=1)
    assert device[0] < packed[0] / 5  # the GPU, which renders, is slower too
    assert len(cells[6].split(" / ")) == 3


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rich.get_console", lambda: Console(width=600))  # the usual one keeps its width
    assert main(["--gpus", "1", "--batch-size", "40"]) == 0
    out = capsys.readouterr().out
    most = int(re.findall(r"capacity: at most (\d+) samples", row_of(out, "RTX 3070")[-1])[0])
    assert "capacity" not in row_of(out, "H100")[-1]
    recipe = published([f"data.batch_size={most}"])
    assert recipe.needed_gb() <= 8 < published([f"data.batch_size={most + 1}"]).needed_gb()
    accumulated = published(["data.batch_size=40", "training.accumulate=4"])
    assert accumulated.needed_gb() == pytest.approx(published(["data.batch_size=10"]).needed_gb(), rel=0.1)


def test_rendering_takes_the_gpu_its_bytes_its_products_and_at_least_the_starts_of_its_kernels():
    rendering = Rendering(flops=1e9, bytes=1e6, kernels=1000)
    gpu = SLOW._replace(fp32=1e12 / FP32_EFFICIENCY)
    assert rendering_seconds(rendering, gpu, batch=12) == pytest.approx(12 * (1e6 / 1e9 + 1e9 / 1e12))
    assert rendering_seconds(rendering, gpu, batch=1) == pytest.approx(1000 * KERNEL_SECONDS)
    with_it, without = predicted(rendering=rendering), predicted()
    assert with_it.training == pytest.approx(without.training + rendering_seconds(rendering, SLOW, batch=12))


@pytest.mark.slow
def test_rendering_is_counted_on_the_renderer_itself():
    small, large = (rendering_cost(gt_size=size, upscale=4) for size in (64, 128))
    assert 1.5 * small.bytes < large.bytes < 4 * small.bytes
    assert small.kernels == pytest.approx(large.kernels, rel=0.05)


@pytest.mark.parametrize(
    ("driver", "gb", "name"),
    [
        ("NVIDIA GeForce RTX 4060 Ti", 16, "RTX 4060 Ti"),
        ("NVIDIA GeForce RTX 4060", 8, "RTX 4060"),
        ("NVIDIA GeForce RTX 4080 SUPER", 16, None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16, None),
        ("Tesla T4", 14.7, "T4"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "A100 40 GB"),
        ("NVIDIA A100-SXM4-80GB", 79.2, "A100 80 GB"),
        ("NVIDIA H100 80GB HBM3", 79.1, "H100 SXM"),
        ("NVIDIA H100 PCIe", 79.1, None),
        ("AMD Instinct MI300X", 192, None),
    ],
)
def test_a_card_is_found_by_its_drivers_name(driver: str, gb: float, name: str | None):
    gpu = sold_as(driver, memory_gb=gb)
    assert (gpu and gpu.name) == name


def kit_file(file: Path, *, card: str | None = "NVIDIA GeForce RTX 4090", **values: float) -> Path:
    """What the kit writes, with these figures."""
    machine = {"device": "cuda", "cores": 9, "card": card and {"name": card, "memory_gb": 23.6}}
    figures = [
        Figure(key=key, name=f"{key}, GT 128, batch 4", unit="samples/s", ours=value)
        for key, value in values.items()
    ]
    report.write(file, machine=machine, figures=[*figures, Figure(key="tests/a.py", name="a test")])
    return file


@pytest.mark.slow
def test_figures_of_the_kit_stand_beside_their_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    file = kit_file(tmp_path / "kit.json", step_gan=100.0, train_gan_packed_device=50.0, unknown=1.0)
    assert main(["--gpus", "1", "--measured", str(file)]) == 0
    found = re.findall(
        r"check: RTX 4090, (\w+), GT 128, batch 4: measured (\d+) samples/s, predicted (\S+), error ([+-]\d+)%",
        capsys.readouterr().out,
    )
    recipe = published(["data.gt_size=128", "data.batch_size=4"])
    gpu = next(gpu for gpu in GPUS if gpu.name == "RTX 4090")
    alone = 4 / recipe.predict(gpu, gpus=1, loading=0)["gan"].seconds
    assert [key for key, *_ in found] == ["step_gan", "train_gan_packed_device"]
    assert float(found[0][2]) == pytest.approx(alone, rel=1e-3)
    assert int(found[0][3]) == pytest.approx(100 * (alone / 100 - 1), abs=1)
    assert float(found[1][2]) < float(found[0][2])


@pytest.mark.parametrize(
    ("card", "said"), [(None, "the kit ran on a cuda"), ("NVIDIA GB10", "NVIDIA GB10 is not among the cards")]
)
def test_a_file_of_the_kit_without_a_known_card_says_so(
    card: str | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "benchmarks" / "results" / "gpu"
    folder.mkdir(parents=True)
    kit_file(folder / "2026-01-01_card.json", card=card, step_gan=1.0)
    assert main(["--gpus", "1"]) == 0
    assert f"check: {said}" in capsys.readouterr().out


def test_memory_is_that_of_all_live_tensors():
    with Live() as live:
        first = torch.zeros(1000)
        view = first[10:]
        second = first + 1
        del first
        assert live.now == 8000
        del view
        assert live.now == 4000
        del second
    assert (live.now, live.peak) == (0, 8000)


@pytest.mark.slow
def test_a_larger_crop_holds_more_of_each_sample_and_the_same_weights():
    small, large = (published([f"data.gt_size={size}"]).held("gan") for size in (64, 128))
    assert large.per_sample == pytest.approx(4 * small.per_sample, rel=0.05)
    assert large.fixed == pytest.approx(small.fixed, rel=0.05)


def test_without_results_the_loader_is_assumed_and_the_plan_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "loading is assumed too" in out
    assert "8 × H100 SXM" in out
    assert "12 samples per GPU" in out
    assert "x4_superultracompact" in out


@pytest.mark.slow
def test_any_generator_number_of_gpus_and_samples_is_as_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    assert (
        main(["generator=ultracompact", "upscale=2", "--gpus", "64", "--batch-size", "1", "--gt-size", "64"]) == 0
    )
    out = capsys.readouterr().out
    assert re.search(r"64 × RTX 4060 +│ +64 │", out)
    assert "1 × RTX" not in out
    assert "per sample and iteration, GT 64" in out
    parameters = 3 * 64 * 9 + 64 + 8 * (64 * 64 * 9 + 64) + 64 * 12 * 9 + 12 + 9 * 64
    assert f"{parameters:,}" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--gt-size", "100"], "data.gt_size=100"),
        (["--batch-size", "0"], "data.batch_size=0"),
        (["--cores-per-gpu", "0"], "--cores-per-gpu=0"),
        (["--gpus", "8", "0"], "--gpus=0"),
        (["--results", "missing.json"], "--results=missing.json"),
        (["--measured", "missing.json"], "--measured=missing.json"),
        (["generator.num_feats=8"], "num_feats"),
    ],
)
def test_wrong_options_are_named(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UserError, HydraException), match=re.escape(named)):
        main(arguments)
