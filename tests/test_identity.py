"""What makes two runs the same run, and what a resumed run reports."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.identity import (
    CROPS,
    EXCEPTIONS,
    changed_settings,
    changes,
    config_hash,
    crops_per_iteration,
    differing,
    identity_of,
    settings_of,
)
from tests.golden.test_golden_run import HERE, OVERRIDES, TINY


def identity(*overrides: str, processes: int = 1) -> Any:
    return identity_of(compose_config(overrides), processes=processes, photos={"photos": 3}, held_out="0123")


def changed(before: list[str], now: list[str]) -> list[str]:
    return differing(identity(*before).settings, identity(*now).settings)


@pytest.mark.parametrize("name", ["pixel_stage", "gan_stage"])
def test_an_older_checkpoint_resumes_without_a_false_warning(name: str) -> None:
    checkpoint = torch.load(HERE / f"{name}.ckpt", weights_only=True)
    before, measured = checkpoint["settings"], checkpoint["measured"]
    photos = {key: value for key, value in before.items() if key.startswith("photo")}
    cfg = compose_config([*OVERRIDES, *TINY, "data.val_draws=1"])  # of which the demo takes more now
    now = identity_of(cfg, processes=1, photos=photos, held_out=measured["held-out photos"])
    assert changes(before, now.settings) == changes(measured, now.measured) == []


def test_a_class_that_only_moved_is_no_change() -> None:
    name, old = "degradation._target_", "esrgan_train.degradation.pipeline.RealESRGANDegradation"
    now = identity().settings
    assert now[name] == "esrgan_train.degradation.RealESRGANDegradation"
    assert differing({**now, name: old}, now) == []
    assert differing({**now, name: "mine.RealESRGANDegradation"}, now) == [name]


def test_settings_of_earlier_versions_are_left_out() -> None:
    before = {"data.accumulate": 1, "data.split._target_": "a.b", "data.gt_size": 64, "trainer.max_steps": 8}
    now = {"data.gt_size": 32, "trainer.max_steps": 12, CROPS: 16}
    assert changed_settings(before, now) == ["data.gt_size=32 (was 64)", "trainer.max_steps=12 (was 8)"]


@pytest.mark.run
def test_another_class_stands_for_all_of_its_options() -> None:
    before, now = identity().settings, identity("degradation=bicubic").settings
    assert "degradation.first.blur_prob" in differing(before, now)
    assert changes(before, now) == ["degradation._target_"]


@pytest.mark.slow
def test_the_effective_batch_is_one_value() -> None:
    one = identity("data.batch_size=4", "training.accumulate=2", processes=2)
    assert one.settings[CROPS] == 16
    assert one.settings == identity("data.batch_size=16").settings
    assert changed(["data.batch_size=4"], ["data.batch_size=8"]) == [CROPS]
    assert crops_per_iteration(compose_config(["data.batch_size=3"]), 5) == 15


@pytest.mark.slow
def test_a_longer_run_is_a_change_only_where_the_learning_rate_falls_towards_its_end() -> None:
    before, now = ["trainer.max_steps=8"], ["trainer.max_steps=9"]
    assert changed([*before, "scheduler=constant"], [*now, "scheduler=constant"]) == []
    assert changed([*before, "scheduler=cosine"], [*now, "scheduler=cosine"]) == ["trainer.max_steps"]


@pytest.mark.slow
@pytest.mark.run
def test_validations_compare_while_data_and_degradation_stay() -> None:
    published = "degradation=realesrgan"  # the demo takes another, and more draws than data=folder
    plain = identity("data.val_draws=1", published).measured
    for alike in ("optimizer.lr=1e-5", "generator.num_feat=8", "data.val_fraction=0.2", "data.gt_size=32"):
        assert changes(plain, identity("data=folder", "data.train_dir=a", alike).measured) == []
    assert changes(plain, identity(published).measured) == ["data.val_draws"]
    plain = identity().measured
    assert changes(plain, identity("data.val_max_size=512").measured) == ["data.val_max_size"]
    assert changes(plain, identity("degradation=bicubic").measured) == ["degradation._target_"]
    assert changes(plain, identity("seed=1", "trainer.limit_val_batches=2").measured) == [
        "seed",
        "trainer.limit_val_batches",
    ]


@pytest.mark.slow
@pytest.mark.run
def test_the_hash_is_shared_by_runs_that_are_configured_alike() -> None:
    photos = ("data=folder", "data.train_dir=a")
    plain = config_hash(compose_config(photos))
    for alike in ("data.train_dir=b", "run_dir=c", "data.num_workers=1", "trainer.accelerator=cpu", "logger=csv"):
        assert config_hash(compose_config([*photos, alike])) == plain
    for other in ("seed=1", "trainer.max_steps=9", "data.batch_size=3", "generator.num_feat=8"):
        assert config_hash(compose_config([*photos, other])) != plain


@pytest.mark.run
def test_the_photos_are_compared_and_not_how_they_are_found() -> None:
    assert "data._target_" not in settings_of(compose_config([]))
    assert identity().settings["photos"] == 3


def test_each_exception_has_a_reason_and_stands_once() -> None:
    options = [option for options, _, _ in EXCEPTIONS for option in options.split()]
    assert len(options) == len(set(options))
    assert all(reason for _, _, reason in EXCEPTIONS)


def test_the_same_photos_in_another_folder_or_packed_are_no_change() -> None:
    digests = {"photos": 3, "photo names": "0a", "photo sizes": "0b"}
    before = digests | {"data.train_dir": "photos", "data.val_dir": "held_out"}
    now = before | {"data.train_dir": "packed", "data.val_dir": "elsewhere"}
    assert differing(before, now) == []
    assert differing(before, now | {"photo sizes": "0c"}) == ["data.train_dir", "data.val_dir", "photo sizes"]
    weighted = digests | {"data.train_dir.photos": 3, "data.val_dir": "held_out"}
    assert differing(weighted, now) == ["data.train_dir.photos"]
