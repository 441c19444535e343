from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.costs import IterationCost, iteration_costs
from benchmarks.plan import (
    COMPUTE_EFFICIENCY,
    GPUS,
    MEMORY_EFFICIENCY,
    VARIANTS,
    Gpu,
    Prediction,
    gpu_hours,
    main,
    newest_results,
    predict,
    predict_recipe,
    predicted_here,
    published_recipe,
    read_results,
)
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError

SLOW = Gpu(
    "slow", flops=1e12 / COMPUTE_EFFICIENCY, bytes=1e9 / MEMORY_EFFICIENCY
)  # of which 1e12 and 1e9 are reached
FLOOR = {"conv_gflops": {"32": {"generator": 100.0, "discriminator": 200.0}}, "memory_gb_per_second": 10.0}


def predicted(gpus: int = 1, **changes: Any) -> Prediction:
    options: dict[str, Any] = {
        "batch": 12,
        "iterations": 1000,
        "generator_parameters": 500,
        "discriminator_parameters": 500,
        "sample_seconds": 0.1,
        "cores_per_gpu": 10,
    }
    return predict(
        [IterationCost(10**10, 10**7), IterationCost(10**10, 0)], SLOW, gpus=gpus, **{**options, **changes}
    )


def test_a_stage_takes_its_operations_and_bytes_over_the_rates_reached():
    stage = predicted()
    assert stage.batch == 12
    assert stage.compute == pytest.approx(12 * 2e10 / 1e12)
    assert stage.memory == pytest.approx(12 * 1e7 / 1e9)
    assert stage.exchange == 0
    assert stage.loading == pytest.approx(0.12)
    assert stage.seconds == pytest.approx(0.24 + 0.12)
    assert stage.loader_cores == pytest.approx(0.12 / 0.36)
    assert stage.saturated == "compute"


def test_slow_loading_holds_the_stage_back_and_is_named():
    stage = predicted(sample_seconds=1.0)
    assert stage.seconds == pytest.approx(1.2)
    assert stage.saturated == "loader"


def test_more_gpus_take_more_samples_and_exchange_gradients():
    one, eight, many = predicted(1), predicted(8), predicted(64)
    assert one.iterations == eight.iterations == 1000
    assert one.compute == eight.compute == many.compute
    assert one.exchange == 0
    assert eight.exchange == pytest.approx(2 * 7 / 8 * 4 * 1000 / 20e9)
    assert many.exchange > 2 * eight.exchange  # between nodes


def test_the_recipe_is_that_of_the_configuration():
    cfg = compose_config(["recipe=published"])
    recipe = published_recipe()
    assert (recipe.batch_size, recipe.gt_size) == (cfg.data.batch_size, cfg.data.gt_size)
    assert recipe.iterations["pixel"] == cfg.loss.adversarial.start_step
    assert sum(recipe.iterations.values()) == cfg.trainer.max_steps


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


def test_gpu_hours_are_those_of_every_gpu():
    stage = predicted(8)
    assert gpu_hours([stage, stage], 8) == pytest.approx(8 * 2 * stage.iterations * stage.seconds / 3600)


def test_the_gan_stage_costs_more_and_a_faster_gpu_less():
    hours = []
    for gpu in (GPUS[0], GPUS[-1]):
        stages = predict_recipe(
            VARIANTS[0], gpu, gpus=8, batch=12, gt_size=256, sample_seconds=0.1, cores_per_gpu=float("inf")
        )
        assert stages["pixel"].compute < stages["gan"].compute / 20
        assert stages["pixel"].iterations == 1_000_000
        hours.append(gpu_hours(stages.values(), 8))
    assert hours[0] > 3 * hours[1]


@pytest.mark.parametrize(
    ("name", "gan", "shared"),
    [
        ("G + D iteration, GT 64, batch 2, fp32, shared_fake_forward=false", True, False),
        ("G + D iteration, GT 64, batch 2, defaults", True, True),
        ("pixel-stage iteration, GT 64, batch 2, defaults", False, True),
    ],
)
def test_a_measured_iteration_is_predicted_from_the_rates_of_its_own_file(name: str, gan: bool, shared: bool):
    costs = iteration_costs(
        gt_size=64, gan=gan, perceptual=False, shared_fake_forward=shared, taps_first=True, size=4
    )
    rates = {"generator": 100e9, "discriminator": 200e9}
    expected = sum(2 * (cost.flops / rates[part] + cost.bytes / 10e9) for part, cost in costs.items())
    assert predicted_here(name, FLOOR) == pytest.approx(expected)


def test_other_rows_are_not_predicted():
    assert predicted_here("degradation of a 400 × 400 image, one core", FLOOR) is None
    assert predicted_here("G + D + VGG19 iteration, GT 64, batch 2, defaults", FLOOR) is None  # no rate for VGG19


def write(file: Path) -> None:
    rows = [
        {"name": "one sample from a PNG", "ours": {"median": 50.0}},
        {"name": "G + D iteration, GT 64, batch 2, defaults", "ours": {"median": 1.0}},
    ]
    file.write_text(json.dumps({"machine": {}, "floor": FLOOR, "rows": rows}))


def test_the_newest_full_results_are_read_and_the_error_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    write(folder / "2026-01-01_2x-cpu.json")
    (folder / "2025-01-01_2x-cpu.json").write_text("{}")
    (folder / "2026-02-01_2x-cpu-quick.json").write_text("{}")
    assert newest_results(folder) == folder / "2026-01-01_2x-cpu.json"
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "loading 50 ms per sample" in out
    assert "check: G + D iteration, GT 64, batch 2, defaults: measured 1 s, predicted" in " ".join(out.split())


def test_without_results_the_loader_is_assumed_and_the_table_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "loading is assumed too" in out
    assert "8 × H100 SXM" in out
    assert "12 samples per GPU" in out


def test_numbers_of_gpus_and_samples_are_as_asked(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert main(["--gpus", "64", "--batch-size", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"64 × RTX 4060 +│ +64 │", out)
    assert "1 × RTX" not in out


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--gt-size", "100"], ["--gt-size", "0"], ["--cores-per-gpu", "0"], ["--results", "missing.json"]),
        *(["--batch-size", "0"], ["--gpus", "8", "0"]),
    ],
)
def test_wrong_options_are_told_in_one_line(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=arguments[0]):
        main(arguments)


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    file = tmp_path / "a.json"
    file.write_text('{"rows": []}')
    with pytest.raises(UserError, match="is no file of python -m benchmarks"):
        read_results(file)
