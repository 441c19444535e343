from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.config import check, compose_config
from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.mixed import Mixed, mixed_photos, turns_of_share
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Sources
from esrgan_train.data.stream import RankStridedSampler, photo_index
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable
from esrgan_train.train import train
from tests.data.small import noisy_mean, packed, stream_options, training_set
from tests.tiny import tiny

UPSCALE = 2


def write(path: Path, pixels: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def noise(side: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def write_pair(root: Path, name: str, side: int, seed: int, upscale: int = UPSCALE) -> None:
    """LR has nothing to do with HR: it cannot have been made from it."""
    write(root / "lr" / name, noise(side, seed))
    write(root / "hr" / name, noise(side * upscale, 1000 + seed))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(5):
        write(tmp_path / "photos" / f"{number}.png", noise(100, 100 + number))
    for number in range(4):
        write_pair(tmp_path, f"{number}.png", 24, number)
    return tmp_path


def mixed(root: Path, **changed: Any) -> Sources:
    options: dict[str, Any] = {
        "train_dir": root / "photos",
        "pairs_dir": root / "hr",
        "pairs_lr_dir": root / "lr",
        "pairs_val_dir": None,
        "pairs_val_lr_dir": None,
        "pairs_share": 0.3,
        "val_fraction": 0.05,
        "max_val_photos": 32,
        "upscale": UPSCALE,
    }
    return mixed_photos(**(options | changed))


def module(root: Path, *, degradation: Any = noisy_mean, target_noise: Any = None, **changed: Any) -> DataModule:
    return compose(mixed(root), stream_options(**changed), degradation=degradation, target_noise=target_noise)


def is_pair(source: Any, n: int, seed: int = 0) -> bool:
    return bool(source.photo_of(seed, n) >= len(source.kinds[0]))


# which photo


@pytest.mark.parametrize("share", [0.3, 0.5, 0.05, 0.999])
def test_the_share_is_exact_in_every_block_and_drawn_inside(root: Path, share: float) -> None:
    source = mixed(root, pairs_share=share).training
    photos, pairs = turns_of_share(share)
    block = photos + pairs
    drawn = [is_pair(source, n) for n in range(4 * block)]
    for start in range(0, 4 * block, block):
        assert sum(drawn[start : start + block]) == round(share * block) == pairs
    if share == 0.3:
        assert len({tuple(drawn[start : start + block]) for start in range(0, 4 * block, block)}) > 1


def test_photos_and_pairs_come_in_the_order_that_they_have_by_themselves(root: Path) -> None:
    source = mixed(root).training
    photos, pairs = (len(kind) for kind in source.kinds)
    assert (photos, pairs) == (5, 3)
    taken = [source.photo_of(7, n) for n in range(100)]
    assert [index for index in taken if index < photos] == [photo_index(7, n, photos) for n in range(70)]
    assert [index - photos for index in taken if index >= photos] == [photo_index(7, n, pairs) for n in range(30)]


def test_weighted_folders_keep_their_ratio_among_the_photos(root: Path) -> None:
    write(root / "more" / "a.png", noise(60, 0))
    source = mixed(root, train_dir={root / "photos": 3, root / "more": 1}, pairs_share=0.5).training
    counts = Counter(source.name(source.photo_of(0, n)).split("/")[0].split(" ")[0] for n in range(800))
    assert counts == {"photos": 300, "more": 100, "pair": 400}
    # The two draws have nothing to do with each other: kinds and folders meet in every combination.
    kinds = [is_pair(source, n) for n in range(0, 800, 2)]
    assert 150 < sum(kinds) < 250


def test_what_a_sample_is_depends_on_seed_and_number_alone(root: Path) -> None:
    one, other = (training_set(mixed(root).training) for _ in range(2))
    forwards = [one[n] for n in range(20)]
    for n in reversed(range(20)):
        again = other[n]
        assert all(torch.equal(forwards[n][name], again[name]) for name in ("lr", "hr", "hr_target"))
    seeds = [[mixed(root).training.photo_of(seed, n) for n in range(20)] for seed in (0, 1)]
    assert seeds[0] != seeds[1]


# what is made of it


def test_lr_of_a_pair_is_a_part_of_its_file_and_hr_lies_over_it(root: Path) -> None:
    dataset = training_set(mixed(root).training)
    numbers = [n for n in range(40) if is_pair(dataset.source, n)]
    assert len(numbers) == 12
    for n in numbers:
        sample = dataset.sample(n)
        assert sample.name.startswith("pair ")
        lr, hr = (np.asarray(Image.open(root / side / sample.name[5:])) for side in ("lr", "hr"))
        assert placed(np.rint(sample.lr * 255), lr, 1) & placed(np.rint(sample.hr * 255), hr, UPSCALE)


def placed(crop: Any, whole: Any, step: int) -> set[tuple[int, int, bool]]:
    """Where in LR pixels the crop lies in the whole, and whether it is flipped."""
    height, width = crop.shape[:2]
    return {
        (y, x, flipped)
        for y in range((whole.shape[0] - height) // step + 1)
        for x in range((whole.shape[1] - width) // step + 1)
        for flipped in (False, True)
        if np.array_equal(
            whole[y * step : y * step + height, x * step : x * step + width], crop[:, ::-1] if flipped else crop
        )
    }


@pytest.mark.parametrize("usm", [False, True])
def test_photos_are_used_as_a_folder_alone_uses_them(root: Path, usm: bool) -> None:
    source = mixed(root).training

    class SamePhotos(Photos):
        """The folder, which shows for each number the photo that is mixed in there."""

        def photo_of(self, seed: int, n: int) -> int:
            return source.photo_of(seed, n)

    alone = SamePhotos(PathTable(root / "photos", [f"{number}.png" for number in range(5)]))
    folder, both = (training_set(each, usm=usm) for each in (alone, source))
    numbers = [n for n in range(40) if not is_pair(source, n)]
    assert len(numbers) == 28
    for n in numbers:
        for name in ("lr", "hr", "hr_target"):
            assert torch.equal(folder[n][name], both[n][name])


def test_sharpening_and_noise_leave_lr_and_hr_of_pairs_alone(root: Path) -> None:
    def grain(hr: Any, rng: np.random.Generator) -> Any:
        return rng.normal(0, 0.1, hr.shape).astype(np.float32)

    plain, other = module(root).training, module(root, target_noise=grain, usm=True).training
    for n in range(20):
        before, after = plain[n], other[n]
        assert torch.equal(before["hr"], after["hr"]) == is_pair(plain.source, n)
        if is_pair(plain.source, n):
            assert torch.equal(before["lr"], after["lr"])
            assert not torch.equal(after["hr_target"], after["hr"])
    validation = module(root, target_noise=grain).validation
    assert torch.equal(validation[0]["hr"], module(root).validation[0]["hr"])


def test_pairs_alone_are_held_out_and_measured(root: Path) -> None:
    datamodule = module(root)
    held_out = datamodule.validation
    assert held_out.source.paired
    assert len(held_out) == 1
    assert np.array_equal(
        (held_out[0]["lr"] * 255).round().byte().permute(1, 2, 0).numpy(),
        np.asarray(Image.open(root / "lr" / held_out[0]["name"])),
    )
    share = "(7 of 10 samples)", "(3 of 10 samples)"
    assert datamodule.describe() == (
        f"5 photos and 3 pairs from {root / 'photos'} {share[0]} and {root / 'hr'} with {root / 'lr'} {share[1]}, "
        "1 pair held out"
    )
    write_pair(root, "val/0.png", 30, 8)
    val = {f"pairs_val{side}_dir": root / name / "val" for side, name in (("", "hr"), ("_lr", "lr"))}
    with pytest.raises(UserError, match="overlap"):
        mixed(root, **val)
    val = {name: folder.rename(root / name) for name, folder in val.items()}
    sources = mixed(root, **val)
    assert (len(sources.training), len(sources.validation)) == (9, 1)


# where LR is made


def test_the_workers_make_the_images_and_say_why(root: Path) -> None:
    def site(device: Any) -> Any:
        degradation = RealESRGANDegradation(device=device, upscale=UPSCALE)
        return compose(mixed(root), stream_options(), degradation=degradation, trains_on="cuda").site

    why = "pairs bring LR photos, which the workers cut"
    assert str(site("auto")) == f"LR is made by the workers, on the CPU: {why}"
    with pytest.raises(
        UserError, match=rf"^degradation\.device=cuda: {why}; give degradation\.device=auto or cpu$"
    ):
        site("cuda")
    with pytest.raises(UserError, match="photos need a degradation"):
        module(root, degradation=None)


# files that do not fit, or change


def test_an_unreadable_pair_is_replaced_by_a_pair(root: Path) -> None:
    source = mixed(root).training
    good = [training_set(source)[n] for n in range(40)]
    (root / "lr" / source.kinds[1].name(1)).write_bytes(b"")
    dataset = training_set(source)
    for n in range(40):
        sample = dataset.sample(n)
        assert sample.name.startswith("pair ") == is_pair(source, n)
        same = np.array_equal(sample.hr, good[n]["hr"].permute(1, 2, 0).numpy())
        assert same == (source.photo_of(0, n) != 6)


def test_each_kind_has_its_own_limit_of_unreadable_files(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = mixed(root).training
    for number in range(2):
        Image.new("RGB", (9, 9)).save(root / "lr" / source.kinds[1].name(number))
    dataset = training_set(source, max_bad_fraction=0.5)
    with caplog.at_level(logging.WARNING), pytest.raises(UserError, match="2 of 3 training photos cannot be read"):
        [dataset[n] for n in range(40)]
    for number in range(3):
        (root / "lr" / source.kinds[1].name(number)).write_bytes(b"")
    with pytest.raises(UserError, match="none of the 3 training photos can be read"):
        module(root)


def test_a_run_notices_other_photos_and_other_pairs(root: Path) -> None:
    first = module(root).fingerprint()
    assert module(root).fingerprint() == first
    write_pair(root, "2.png", 30, 2)
    changed = module(root).fingerprint()
    assert {name for name in first if first[name] != changed[name]} == {"photo sizes"}
    (root / "photos" / "0.png").rename(root / "photos" / "x.png")
    assert module(root).fingerprint()["photo names"] != first["photo names"]


def test_packed_sets_give_the_same_samples(root: Path) -> None:
    plain = mixed(root)
    folders = {"train_dir": packed(root / "photos"), "pairs_dir": packed(root / "hr", upscale=UPSCALE)}
    held = mixed(root, **folders, pairs_lr_dir=None)
    one, other = (training_set(sources.training) for sources in (plain, held))
    for n in range(20):
        assert all(torch.equal(one[n][name], other[n][name]) for name in ("lr", "hr", "hr_target"))
    assert plain.training.packing == (str(root / "photos"),)
    assert held.training.packing == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"pairs_share": 0},
            r"pairs_share=0: give a number between 0 and 1 such as 0\.3, or data=folder for photos",
        ),
        ({"pairs_share": 1}, r"pairs_share=1: .*data=paired for pairs alone"),
        ({"pairs_share": -0.1}, r"pairs_share=-0\.1: give a number"),
        ({"pairs_share": 0.123456}, r"data\.pairs_share=0\.123456 is exact only after 15,625 samples"),
        ({"pairs_dir": "gone"}, r"data\.pairs_dir=gone does not exist"),
        ({"train_dir": "empty"}, r"data\.train_dir=.*empty"),
        ({"pairs_lr_dir": "empty"}, r"data\.pairs_lr_dir=.*empty"),
        ({"pairs_lr_dir": None}, r"data\.pairs_dir=.*hr is given without data\.pairs_lr_dir"),
        ({"pairs_val_dir": "hr"}, r"data\.pairs_val_dir=hr is given without data\.pairs_val_lr_dir"),
        ({"pairs_val_lr_dir": "lr"}, r"data\.pairs_val_lr_dir is given without data\.pairs_val_dir"),
        ({"train_dir": "hr"}, r"data\.train_dir=hr and data\.pairs_dir=.*hr overlap"),
        ({"pairs_dir": ["hr", "lr"]}, r"pairs_dir=\[hr,lr\]: give one folder"),
    ],
)
def test_folders_and_shares_that_do_not_fit_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(root)
    (root / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        mixed(root, **changed)


def test_pairs_of_another_scale_and_packed_sets_of_the_other_kind_are_refused(root: Path) -> None:
    with pytest.raises(UserError, match=r"is 48 × 48, but upscale=4 times its LR .* give upscale=2"):
        compose(mixed(root, upscale=4), stream_options(upscale=4), degradation=noisy_mean)
    with pytest.raises(UserError, match=r"data\.pairs_dir=.* is a packed set without LR photos"):
        mixed(root, pairs_dir=packed(root / "photos"), pairs_lr_dir=None)
    with pytest.raises(UserError, match=r"data\.train_dir=.* is a packed set of pairs: .*data\.pairs_dir"):
        mixed(root, train_dir=packed(root / "hr", upscale=UPSCALE))


# a whole configuration


def overrides(root: Path, *more: str) -> list[str]:
    folders = (f"data.train_dir={root / 'photos'}", f"data.pairs_dir={root / 'hr'}")
    return ["data=mixed", *folders, f"data.pairs_lr_dir={root / 'lr'}", f"upscale={UPSCALE}", *more]


def test_the_configuration_builds_it(root: Path) -> None:
    cfg = compose_config(tiny(root / "run", *overrides(root, "data.pairs_share=0.25")))
    check(cfg)
    source = build_datamodule(cfg).training.source
    assert isinstance(source, Mixed)
    assert source.turns == (3, 1)
    with pytest.raises(UserError, match=r"^data\.pairs_share=1: give a number between 0 and 1"):
        check(compose_config(tiny(root / "run", *overrides(root, "data.pairs_share=1"))))


@pytest.mark.slow
@pytest.mark.run
def test_both_stages_train_on_photos_and_pairs_and_resume(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="esrgan_train")
    short = (*overrides(root, "recipe.start_step=2", "recipe.final_factor=1"), "recipe.val_check_interval=2")
    train(compose_config(tiny(root / "run", *short, "trainer.max_steps=4")))
    train(compose_config(tiny(root / "half", *short, "trainer.max_steps=3")))
    train(compose_config(tiny(root / "half", *short, "trainer.max_steps=4", "ckpt_path=last")))
    assert "not as it would have" not in caplog.text
    assert "rendering     LR is made by the workers" in caplog.text
    one, other = (
        torch.load(root / run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in ("run", "half")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_take_what_one_takes(root: Path) -> None:
    dataset: TrainingSet = training_set(mixed(root).training)

    def first(rank: int, world_size: int, count: int) -> list[int]:
        numbers = iter(RankStridedSampler(start=0, rank=rank, world_size=world_size))
        return [int(dataset[next(numbers)]["index"]) for _ in range(count)]

    assert sorted(first(0, 2, 10) + first(1, 2, 10)) == first(0, 1, 20)
