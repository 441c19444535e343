from __future__ import annotations

import hashlib
import json
import re
import shlex
import textwrap
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
import yaml
from markdown_it import MarkdownIt
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import describe
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main
from esrgan_train.export.card.facts import Facts
from esrgan_train.export.card.licences import on_hub, spdx
from esrgan_train.export.card.openmodeldb import model_id
from esrgan_train.export.card.run import read_run
from esrgan_train.export.card.stated import Stated
from esrgan_train.identity import CROPS, config_hash
from esrgan_train.images.sheet import labelled_sheet, pictures_of
from esrgan_train.modelfiles.weights import load_weights, save_model
from tests.export.networks import NETWORKS

SCHEMA = json.loads((Path(__file__).parent / "openmodeldb.schema.json").read_text(encoding="utf-8"))
OPTIONS = {"num_feat": 8, "num_conv": 2, "upscale": 4, "act_type": "prelu"}
SAID = {
    "arch": "srvgg",
    "options": OPTIONS,
    "iterations": 400,
    "experiment": "x4_prelu",
    "data_fingerprint": {"photos": 1234},
}
CONFIG = """
init_from: C:\\home\\someone\\x4_old.pth
degradation: {_target_: esrgan_train.degradation.RealESRGANDegradation}
data:
  _target_: esrgan_train.data.folders.folder_photos
  train_dir: {/home/someone/holiday_photos/: 3, /home/someone/|pipes|: 1}
  gt_size: 96
  batch_size: 3
training: {accumulate: 2}
trainer: {devices: 2, num_nodes: 1}
"""
METRICS = "step,val/psnr,val/psnr_bicubic,val/lpips\n200,20,19.5,0.5\n400,25.126,24.5,0.25\n600,1,1,1\n"
STATED = (
    "--author 'Jane Doe' R2-D2 --licence cc-by-4.0 --tags Photo denoise --dataset LSDIR_crops jane/holiday "
    "--pretrained 4x-Old-Model jane/old --url https://example.org/models/"
)


def picture(value: int, side: int) -> Any:
    ramp = np.arange(side, dtype=np.uint8)
    return np.stack([np.full((side, side), value, np.uint8), *np.broadcast_arrays(ramp, ramp[:, None])], axis=-1)


pytestmark = pytest.mark.run


@pytest.fixture(autouse=True)
def _hear_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as far as a card reads it, with previews of iterations 200, 400 and 600."""
    folder = tmp_path / "run"
    (folder / "previews").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "metrics.csv").write_text(METRICS, encoding="utf-8")
    for step in (0, 200, 400, 600):
        rows = [[(kind, picture(step // 5 + n, 130 + photo)) for n, kind in enumerate("abcd")] for photo in (0, 9)]
        Image.fromarray(labelled_sheet(rows, title="x")).save(folder / f"previews/step_{step:08}.png")
    write_model(folder / "model/x4_mine.pth", SAID)
    return folder


def write_model(path: Path, said: dict[str, Any]) -> Path:
    torch.manual_seed(0)
    path.parent.mkdir(exist_ok=True)
    save_model(path, SRVGGNetCompact(**OPTIONS).state_dict(), said)
    return path


def export(model: Path, out: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """The page, and the entry for the database."""
    assert main([str(model), "-o", str(out), "--format", "pth", "safetensors", *options]) == 0
    (listed,) = (out / "openmodeldb").iterdir()
    return (out / "README.md").read_text(encoding="utf-8"), json.loads(listed.read_text(encoding="utf-8"))


def failures(entry: dict[str, Any]) -> set[str]:
    """The places in an entry that break the database's rules; a missing field by its name."""
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(entry))
    missing = {error.message.split("'")[1] for error in errors if error.validator == "required"}
    return missing | {"/".join(map(str, e.absolute_path)) for e in errors if e.validator != "required"}


def test_an_entry_with_all_that_can_be_stated_is_what_the_database_takes(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    _, entry = export(run / "model/x4_mine.pth", tmp_path / "out", *shlex.split(STATED))
    assert failures(entry) == set()
    assert "OpenModelDB also asks" not in caplog.text
    assert (tmp_path / "out/openmodeldb/4x-mine.json").is_file()
    resources = entry.pop("resources")
    assert {name: value for name, value in entry.items() if name not in ("date", "description", "images")} == {
        "name": "x4_mine",
        "author": ["jane-doe", "r2-d2"],
        "license": "CC-BY-4.0",
        "tags": ["photo", "denoise"],
        "architecture": "compact",
        "size": ["8nf", "2nc"],
        "scale": 4,
        "inputChannels": 3,
        "outputChannels": 3,
        "trainingIterations": 400,
        "trainingBatchSize": 12,  # 3 crops × 2 parts × 2 processes
        "trainingHRSize": 96,
        "trainingOTF": True,
        "dataset": r"LSDIR\_crops, jane/holiday",
        "datasetSize": 1234,
        "pretrainedModelG": "4x-Old-Model",
    }
    for resource, name in zip(resources, ("x4_mine.pth", "x4_mine.safetensors"), strict=True):
        content = (tmp_path / "out" / name).read_bytes()
        assert (resource["size"], resource["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert resource["urls"] == [f"https://example.org/models/{name}"]
    assert entry["images"][1]["SR"] == "https://example.org/models/pictures/2_sr.png"


def test_what_nobody_stated_is_missing_and_told_in_one_line(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    page, entry = export(run / "model/x4_mine.pth", tmp_path / "out")
    assert failures(entry) == {"author", "tags", "resources/0/urls", "resources/1/urls"}
    assert (entry["license"], entry["images"]) == (None, [])
    told = "asks for author (--author), license (--licence), tags (--tags), urls and images (--url)"
    assert [record.message for record in caplog.records if "OpenModelDB" in record.message] == [
        f"not stated    OpenModelDB also {told}"
    ]
    assert "| author | not stated |\n| licence | not stated |" in page
    assert "holiday\\_photos, \\|pipes\\|, 1,234 photos" in page
    assert "| started from | x4\\_old.pth |" in page  # the rest of the path tells of someone's disk
    assert "someone" not in page + json.dumps(entry)


def test_front_matter_is_what_the_hub_reads(run: Path, tmp_path: Path):
    page, _ = export(run / "model/x4_mine.pth", tmp_path / "out", *shlex.split(STATED))
    assert yaml.safe_load(page.split("---\n")[1]) == {
        "license": "cc-by-4.0",
        "library_name": "pytorch",
        "pipeline_tag": "image-to-image",
        "tags": ["super-resolution", "4x", "compact", "Photo", "denoise"],
        "base_model": ["jane/old"],
        "datasets": ["jane/holiday"],
    }


def test_before_and_after_are_those_of_the_exported_weights(run: Path, tmp_path: Path):
    page, _ = export(run / "model/x4_mine.pth", tmp_path / "out")
    assert "after 400 iterations" in page
    for photo, side in ((1, 130), (2, 139)):
        for n, kind in enumerate(("lr", "bicubic", "sr", "hr")):
            assert f'<img src="pictures/{photo}_{kind}.png" alt="photo {photo}, ' in page
            written = np.asarray(Image.open(tmp_path / f"out/pictures/{photo}_{kind}.png"))
            np.testing.assert_array_equal(written, picture(80 + n, side))
    assert "| PSNR | 25.13 dB | 24.50 dB |\n| LPIPS | 0.2500 |  |" in page


def test_a_file_without_a_run_says_what_it_says(tmp_path: Path):
    torch.manual_seed(0)
    torch.save({"params": SRVGGNetCompact(**OPTIONS).state_dict()}, tmp_path / "bare.pth")
    page, entry = export(tmp_path / "bare.pth", tmp_path / "out")
    for name in ("author", "licence", "trained on", "iterations", "started from"):
        assert f"| {name} | not stated |" in page
    assert (entry["architecture"], entry["scale"], entry["size"]) == ("compact", 4, ["8nf", "2nc"])
    assert not [name for name in entry if name.startswith(("training", "dataset", "pretrained"))]
    assert not (tmp_path / "out/pictures").exists()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            """
            degradation: null
            data: {_target_: esrgan_train.data.pairs.paired_photos, train_dir: '/a/scans/', gt_size: 64}
            trainer: {devices: auto}
            """,
            {"on_the_fly": False, "photos": ("scans",), "hr_side": 64, "batch": None, "start": None},
        ),
        (
            """
            degradation: {_target_: a.b}
            teacher: /models/big.pth
            data: {_target_: esrgan_train.data.mixed.mixed_photos, train_dir: [/a/one, /a/two], pairs_dir: pairs}
            trainer: {}
            """,
            {"on_the_fly": True, "photos": ("one", "two", "pairs"), "teacher": "big.pth"},
        ),
        (
            "data: {_target_: esrgan_train.data.sample_photos.sample_photos}\ntrainer: {}",
            {"photos": ("the sample photographs of esrgan_train",), "scores": {}},
        ),
    ],
)
def test_a_run_says_what_it_was_trained_on(tmp_path: Path, config: str, expected: dict[str, Any]):
    (tmp_path / "config.yaml").write_text(textwrap.dedent(config), encoding="utf-8")
    run = read_run(tmp_path, 5)
    assert {name: getattr(run, name) for name in expected} == expected


def test_what_the_runs_configuration_states_counts_where_no_option_says_otherwise(run: Path, tmp_path: Path):
    card = (
        "card: {author: [A B], licence: MIT, tags: [photo, text], description: For scans., dataset: [], url: null}"
    )
    with (run / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(card)
    page, entry = export(run / "model/x4_mine.pth", tmp_path / "out", "--tags", "manga")
    stated = {name: entry[name] for name in ("author", "license", "tags", "description")}
    assert stated == {"author": "a-b", "license": "MIT", "tags": ["manga"], "description": "For scans."}
    assert "holiday\\_photos" in page


def test_training_writes_author_and_licence_into_its_models():
    cfg = compose_config(["card.author=[Jane Doe]", "card.licence=CC0-1.0", "card.tags=[photo]"])
    check(cfg)
    said = describe(SRVGGNetCompact(**OPTIONS), cfg)
    assert (said["author"], said["licence"]) == (["Jane Doe"], "CC0-1.0")
    assert not {"author", "licence"} & describe(SRVGGNetCompact(**OPTIONS), compose_config([])).keys()
    assert said["config_hash"] == config_hash(compose_config([]))
    with pytest.raises(UserError, match=r"card.tags=\[ \]: give a list, each item text"):
        check(compose_config(["card.tags=[' ']"]))


def test_the_batch_is_that_of_all_processes_as_the_run_kept_it(run: Path):
    (run / "checkpoints").mkdir()
    kept = {"state_dict": {}, "global_step": 400, "settings": {CROPS: 48}}
    torch.save(kept, run / "checkpoints/last.ckpt")
    assert read_run(run, 400).batch == 48


def test_a_configuration_that_cannot_be_read_is_told(run: Path, tmp_path: Path):
    (run / "config.yaml").write_text("data: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"config.yaml cannot be read \(.*\): --no-card does without it"):
        main([str(run / "model/x4_mine.pth"), "-o", str(tmp_path / "out")])


def test_networks_have_the_names_of_the_database():
    known = {
        name: facts.architecture[0] if facts.architecture else None
        for name, facts in ((name, facts_of(cls, options)) for name, (cls, options) in NETWORKS.items())
    }
    names = {"srvgg": "compact", "realcugan": "real-cugan", "safmn": None, "fdat": None}
    assert known == {name: names.get(name.split()[0], name.split()[0]) for name in NETWORKS}
    dysample = {"dysample": True}
    assert facts_of(NETWORKS["realplksr x2"][0], dysample).architecture == (
        "realplksr-dysample",
        "RealPLKSR_dysample",
    )


def facts_of(cls: type[torch.nn.Module], options: dict[str, Any]) -> Facts:
    told = {"name": "x", "scale": 2, "channels": 3, "stated": Stated(), "day": date(2026, 1, 2)}
    return Facts(network=cls.__name__, metadata={"options": options}, **told)


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [("x4_prelu", 4, "4x-prelu"), ("2x-My_Model 写", 2, "2x-My-Model"), ("写真", 1, "1x-unnamed")],
)
def test_an_id_is_letters_digits_and_hyphens_after_the_scale(name: str, scale: int, expected: str):
    facts = replace(facts_of(SRVGGNetCompact, OPTIONS), name=name, scale=scale)
    assert model_id(facts) == expected
    assert re.fullmatch(SCHEMA["$defs"]["model"]["pattern"], expected)


@pytest.mark.parametrize(
    ("text", "identifier", "on_the_hub"),
    [
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("GPL-3.0-only", "GPL-3.0-only", {"license": "gpl-3.0"}),
        ("mit or apache-2.0", "MIT OR Apache-2.0", {"license": "other", "license_name": "mit-or-apache-2.0"}),
        ("Ask me (写)!", None, {"license": "other", "license_name": "ask-me"}),
    ],
)
def test_licences_are_named_as_each_site_names_them(text: str, identifier: str | None, on_the_hub: dict[str, str]):
    assert spdx(text) == identifier
    assert on_hub(text) == on_the_hub


def test_what_a_mixture_was_made_of_is_told(tmp_path: Path):
    mixed = [{"weight": 0.25, "file": "a_1.pth"}, {"weight": 0.75, "file": "b.pth"}]
    page, _ = export(write_model(tmp_path / "m.pth", {**SAID, "mixed_from": mixed}), tmp_path / "out")
    assert "| started from | 0.25 × a\\_1.pth + 0.75 × b.pth |" in page


def test_author_and_licence_stay_in_the_files_and_are_read_from_them(run: Path, tmp_path: Path):
    export(run / "model/x4_mine.pth", tmp_path / "first", "--author", "Jane Doe", "--licence", "MIT")
    said = load_weights(tmp_path / "first/x4_mine.safetensors").metadata
    assert (said["author"], said["licence"]) == (["Jane Doe"], "MIT")
    _, entry = export(tmp_path / "first/x4_mine.safetensors", tmp_path / "second")
    assert (entry["author"], entry["license"]) == ("jane-doe", "MIT")


def test_names_are_text_and_never_markup(tmp_path: Path):
    name = "a_b_c*d* [e](f) <b>g</b> `h` | &amp; $i$"
    model = write_model(tmp_path / "m.pth", {**SAID, "experiment": name})
    page, _ = export(model, tmp_path / "out", "--author", name, "--dataset", name, "--licence", name)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page.partition("---\n\n")[2])
    cells = [token for token in tokens if token.type == "inline" and "a\\_b\\_c" in token.content]
    assert len(cells) == 4
    for cell in cells:
        shown = "".join(child.content for child in cell.children or ())
        assert shown.removesuffix(", 1,234 photos") == name
        assert {child.type for child in cell.children or ()} <= {"text", "text_special"}


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--licence=ask me", "license (it does not know 'ask me'"),
        ("--licence=CC0", "license (it does not know 'CC0'"),
        ("--tags=fotos", "tags (it does not know fotos)"),
        ("--author=写真", "author (--author, in Latin letters)"),
    ],
)
def test_what_the_database_does_not_know_is_told(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, option: str, told: str
):
    export(run / "model/x4_mine.pth", tmp_path / "out", option)
    assert told in caplog.text


def test_no_card_writes_the_model_alone(run: Path, tmp_path: Path):
    arguments = [str(run / "model/x4_mine.pth"), "-o", str(tmp_path / "out"), "--format", "pth", "--no-card"]
    assert main(arguments) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x4_mine.pth"]
    with pytest.raises(UserError, match="--tags has no effect with --no-card"):
        main([*arguments, "--tags", "photo"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--author", " "], "--author is empty"),
        (["--description", ""], "--description is empty"),
        (["--url", "example.org"], "--url 'example.org' is no address"),
        (["--url", "https://example.org/a b"], "--url 'https://example.org/a b' is no address"),
        (["--pretrained", "old.pth"], "--pretrained 'old.pth' is neither an id of OpenModelDB"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(run: Path, tmp_path: Path, options: list[str], told: str):
    with pytest.raises(UserError, match=told):
        main([str(run / "model/x4_mine.pth"), "-o", str(tmp_path / "out"), *options])
    assert not (tmp_path / "out").exists()


def test_a_page_or_an_entry_that_a_person_wrote_is_never_replaced(run: Path, tmp_path: Path):
    model, out = run / "model/x4_mine.pth", tmp_path / "out"
    for _ in range(2):  # its own are
        export(model, out)
    for file in (out / "README.md", out / "openmodeldb/4x-mine.json"):
        before = file.read_bytes()
        file.write_bytes(before + b"a line of mine\n")
        with pytest.raises(UserError, match=r"README.md was not written by this command, or was changed since"):
            main([str(model), "-o", str(out)])
        assert file.read_bytes() == before + b"a line of mine\n"
        file.write_bytes(before)
    (out / "README.md").unlink()
    with pytest.raises(UserError, match=r"4x-mine.json would be replaced"):
        main([str(model), "-o", str(out)])


def test_the_pictures_of_a_sheet_are_found_whatever_they_show():
    shapes = [[(30, 200), (50, 130)], [(60, 20)], [(3, 300), (40, 40), (1, 1)]]
    rng = np.random.default_rng(0)
    rows = [[rng.integers(0, 256, (*size, 3), np.uint8) for size in row] for row in shapes]
    rows[0][0][:] = (214, 214, 210)  # the frames' own colour
    sheet = labelled_sheet([[("label, gjpqy", one) for one in row] for row in rows], title="title")
    for drawn, found in zip(rows, pictures_of(sheet), strict=True):
        for mine, theirs in zip(drawn, found, strict=True):
            np.testing.assert_array_equal(mine, theirs)
