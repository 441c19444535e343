"""The JSON Schema takes every configuration of this project, and refuses what training would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from omegaconf import OmegaConf

from esrgan_train.config import compose_config, config_dir
from esrgan_train.editor.choices import read
from esrgan_train.editor.command import write_schema
from esrgan_train.editor.document import as_text, document
from esrgan_train.errors import UserError

FILES = sorted(config_dir().rglob("*.yaml"))
EXPERIMENTS = sorted(file.stem for file in (config_dir() / "experiment").glob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(as_text(document([config_dir()])))


def mistakes(schema: dict[str, Any], content: Any, group: str = "root") -> list[str]:
    """What the validator says of a file of a group, or of one that is merged into the root."""
    part = {"allOf": [{"$ref": f"#/definitions/{group}"}], "definitions": schema["definitions"]}
    found = [best(error) for error in jsonschema.Draft7Validator(part).iter_errors(content)]
    return sorted({f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found})


def best(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Of several alternatives, what is wrong inside the one that comes nearest."""
    return jsonschema.exceptions.best_match([error])


def yaml_of(text: str) -> Any:
    return OmegaConf.to_container(OmegaConf.create(text))


def test_it_is_a_schema_and_ascii(schema: dict[str, Any]):
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert as_text(schema).isascii()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(config_dir()).as_posix())
def test_every_file_fits_its_part(file: Path, schema: dict[str, Any]):
    choice = read(file, config_dir())
    group = choice.group.replace("/", ".") if choice.place else "root"
    assert mistakes(schema, OmegaConf.to_container(OmegaConf.load(file)), group) == []


@pytest.mark.run
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_composed_experiment_fits(experiment: str, schema: dict[str, Any]):
    cfg = OmegaConf.to_container(compose_config([f"experiment={experiment}"]))
    assert mistakes(schema, cfg) == []
    jsonschema.Draft7Validator(schema).validate(cfg)  # as an editor does, from the root


# ruff: noqa: E501 — one mistake a line
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("model: 3", "'model' was unexpected"),
        ("trainer.max_steps: 3", "'trainer.max_steps' was unexpected"),
        ("trainer: {max_stepz: 3}", "'max_stepz' was unexpected"),
        ("trainer: {logger: true}", "'logger' was unexpected"),  # which the training decides itself
        ("trainer: {max_steps: 0}", "0 is less than the minimum of 1"),
        ("trainer: {precision: 8}", "8 is not valid"),
        ("upscale: 4.5", "4.5 is not of type"),
        ("upscale: 17", "17 is greater than the maximum of 16"),
        ("seed: true", "True is not of type"),
        ("training: {ema_decay: 1}", "1 is greater than or equal to the maximum of 1"),
        ("training: {emadecay: 0.9}", "'emadecay' was unexpected"),
        ("data: {batch_sise: 3}", "'batch_sise' was unexpected"),
        ("data: {_target_: my.photos, batch_size: 0}", "0 is less than the minimum of 1"),
        ("generator: ultracompact", "'ultracompact' does not match"),  # a choice stands in defaults
        ("generator: {num_faet: 24}", "'num_faet' was unexpected"),
        ("generator: {num_feat: 0}", "0 is less than the minimum of 1"),
        ("generator: {act_type: tanh}", "'tanh'"),
        ("generator: {_target_: esrgan_train.archs.srvgg_arch.SRVGGNetCompact, num_block: 3}", "'num_block' was unexpected"),
        ("generator: {defaults: [srvgg]}", "False schema"),
        ("loss: {pixel: {weigth: 1}}", "'weigth' was unexpected"),
        ("loss: {perceptaul: {weight: 0}}", "'function' is a required property"),
        ("loss: {pixel: {stages: [gam]}}", "'gam'"),
        ("optimizer: {lr: 0}", "0 is less than or equal to the minimum of 0"),
        ("optimizer: {learning_rate: 1}", "'learning_rate' was unexpected"),
        ("callbacks: {previewz: {max_photos: 2}}", "'_target_' is a required property"),
        ("callbacks: {previews: {max_photos: -2}}", "-2 is less than the minimum of 0"),
        ("degradation: {steps: {blur: {prob: 1.5}}}", "1.5 is greater than the maximum of 1"),
        ("degradation: {first: {kernel: {sigma: [0.2]}}}", "[0.2] is too short"),
        ("recipe: {max_steps: 0}", "0 is less than the minimum of 1"),  # as trainer.max_steps, which refers to it
        ("defaults: [{override /generator: ultracompakt}]", "'ultracompakt'} is not valid"),
        ("defaults: [{override /generatr: ultracompact}]", "'override /generatr' does not match"),
        ("defaults: [{override /augmentation: [mixupp]}]", "['mixupp']} is not valid"),
    ],
)  # fmt: skip
def test_a_typing_error_is_refused(wrong: str, told: str, schema: dict[str, Any]):
    found = mistakes(schema, yaml_of(wrong))
    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize(
    "right",
    [
        "trainer: {max_steps: '${recipe.start_step}', devices: [0, 1], precision: 16, limit_val_batches: 0.5}",
        "data: {train_dir: '???', num_workers: auto, scales: [1, '${x}']}",
        "generator: {_target_: spandrel.architectures.RCAN.RCAN, n_feats: 64}",
        "generator: {act_type: leakyrelu}",
        "loss: {root: {weight: 0.5, function: {_target_: mine.Loss, eps: 1.0e-6}}}",
        "callbacks: {lpips: null, mine: {_target_: mine.Callback, anything: 1}}",
        "optimizer: {generator: {_target_: mine.Optimizer, anything: 1}}",
        "recipe: {max_steps: 5, mine: text}",
        "target_noise: null",
        "defaults: [_self_, x4_prelu, {override /generator: ultracompact}, {override /augmentation: [mixup, cutmix]}]",
        "defaults: [{override /hydra/sweeper: optuna}, {optional override /recipe@recipe: demo}, {override /debug: null}]",
        "hydra: {sweep: {dir: runs}}",
    ],
)
def test_what_training_takes_is_taken(right: str, schema: dict[str, Any]):
    assert mistakes(schema, yaml_of(right)) == []


@pytest.mark.parametrize(
    ("group", "wrong", "told"),
    [
        ("generator", "{defaults: [srvgg], num_konv: 8}", "'num_konv' was unexpected"),
        ("generator", "{defaults: [srvg], num_conv: 8}", "'srvg'"),
        ("loss.terms", "{weight: -1}", "-1 is less than the minimum of 0"),
        ("augmentation", "{prob: 2}", "2 is greater than the maximum of 1"),
        ("degradation", "{defaults: [{steps: [reduce, jpegs]}]}", "'jpegs'"),
        ("degradation.steps", "{_target_: esrgan_train.degradation.steps.jpeg.StoreJpeg, qualty: [1, 2]}", "'qualty' was unexpected"),
        ("recipe", "{gt_size: 4}", "4 is less than the minimum of 8"),
    ],
)  # fmt: skip
def test_a_file_of_a_group_has_a_schema_of_its_own(group: str, wrong: str, told: str, schema: dict[str, Any]):
    found = mistakes(schema, yaml_of(wrong), group)
    assert len(found) == 1, found
    assert told in found[0]


def test_a_part_replaces_what_stands_at_the_root(schema: dict[str, Any]):
    """yaml-language-server takes ``FILE#/definitions/generator`` with the root's keywords that the part lacks."""
    for group in ("generator", "loss.terms", "degradation.steps", "recipe", "experiment"):
        assert schema.keys() - {"$schema", "title", "definitions"} <= schema["definitions"][group].keys()


def test_an_option_has_its_comment_its_values_and_its_default(schema: dict[str, Any]):
    training = schema["definitions"]["training"]["properties"]
    assert training["accumulate"]["default"] == 1
    assert training["accumulate"]["description"] == (
        "batches per iteration, one after the other: less memory than a larger batch\n\nTakes a whole number from 1 on."
    )
    assert training["init"]["description"].startswith(
        "bilinear: start as bilinear enlargement, and learn at once; "
    )
    assert (
        "weights: those of init_from, which has to be given" in training["init"]["description"]
    )  # the second line
    generator = schema["definitions"]["generator"]["else"]["properties"]
    assert generator["num_feat"]["description"].startswith("channels of the hidden layers")


def test_a_choice_is_explained_by_the_head_of_its_file(schema: dict[str, Any]):
    (one, *_) = schema["definitions"]["recipe.choice"]["anyOf"]
    told = dict(zip(one["enum"], one["enumDescriptions"], strict=True))
    assert told["demo"].startswith("A first look: both stages in minutes")
    assert {"overnight", "community", "published"} < told.keys()


OWN = {
    "conf/experiment/x2_mine.yaml": "# @package _global_\n# Scans\ndefaults: [{override /generator: rcan}]\ngenerator: {n_feats: 8}\n",
    "conf/generator/rcan.yaml": "# RCAN\n_target_: spandrel.architectures.RCAN.RCAN\nn_feats: 64  # channels\n",
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for name, text in OWN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_of_ones_own_adds_its_choices(own: Path):
    file = own / "conf" / "schema.json"
    assert write_schema(["--schema", str(file), f"hydra.searchpath=[file://{own / 'conf'}]"]) == 0
    schema = json.loads(file.read_text(encoding="ascii"))
    assert mistakes(schema, yaml_of(OWN["conf/experiment/x2_mine.yaml"])) == []
    assert mistakes(schema, yaml_of("generator: {n_feets: 8}")) != []
    assert mistakes(schema, yaml_of("{_target_: spandrel.architectures.RCAN.RCAN, n_feets: 8}"), "generator") != []


def test_without_a_file_it_is_printed(capsys: pytest.CaptureFixture[str]):
    assert write_schema(["--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["definitions"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--schema", "a.json", "upscale=2"], "^upscale=2: --schema takes a file"),
        (["--schema", "a.json", "b.json"], "^a.json: --schema takes a file"),
        (["--schema", "-m"], "^-m: "),
        (["--schema", "hydra.searchpath=[file:///no/such]"], "there is no such folder"),
    ],
)
def test_other_words_beside_it_are_refused(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told):
        write_schema(words)
    assert not list(tmp_path.iterdir())


def test_a_broken_file_of_ones_own_is_named(own: Path):
    (own / "conf" / "generator" / "broken.yaml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(UserError, match=r"broken\.yaml is no YAML"):
        write_schema(["--schema", f"hydra.searchpath=[file://{own / 'conf'}]"])
