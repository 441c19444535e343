from __future__ import annotations

import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.interpolate import main
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights, save_model


def model(path, **changed):
    options = {"num_feat": 8, "num_conv": 2, "upscale": 2, "act_type": "prelu", **changed}
    network = SRVGGNetCompact(**options)
    save_model(path, network.state_dict(), {"arch": "srvgg", "options": options, "iterations": 3})
    return network


def test_every_weight_is_mixed(tmp_path):
    a, b = model(tmp_path / "a.pth"), model(tmp_path / "b.safetensors")
    main(
        [
            str(tmp_path / "a.pth"),
            str(tmp_path / "b.safetensors"),
            "--weight",
            "0.3",
            "-o",
            str(tmp_path / "c.pth"),
        ]
    )
    mixed = load_weights(tmp_path / "c.pth")
    assert set(mixed.state_dict) == set(a.state_dict())
    for name, tensor in mixed.state_dict.items():
        torch.testing.assert_close(tensor, torch.lerp(b.state_dict()[name], a.state_dict()[name], 0.3))
    parts = mixed.metadata["mixed_from"]
    assert [(part["weight"], part["file"], part["iterations"]) for part in parts] == [
        (0.3, "a.pth", 3),
        (0.7, "b.safetensors", 3),
    ]
    rebuild_generator(mixed)


def test_several_weights_make_several_files_and_the_ends_are_the_models(tmp_path):
    a, b = model(tmp_path / "a.pth"), model(tmp_path / "b.pth")
    paths = [str(tmp_path / name) for name in ("a.pth", "b.pth")]
    main([*paths, "--weight", "0", "0.5", "1", "-o", str(tmp_path / "c.safetensors")])
    for name, network in (("c_1.safetensors", a), ("c_0.safetensors", b)):
        state = load_weights(tmp_path / name).state_dict
        assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    assert (tmp_path / "c_0.5.safetensors").exists()


def test_a_checkpoint_with_relu_mixes_with_prelu(tmp_path):
    options = {"num_feat": 8, "num_conv": 2, "upscale": 2, "act_type": "relu"}
    state = {f"generator.{key}": value for key, value in SRVGGNetCompact(**options).state_dict().items()}
    torch.save(
        {"state_dict": state, "global_step": 1, "esrgan_train": {"arch": "srvgg", "options": options}},
        tmp_path / "a.ckpt",
    )
    model(tmp_path / "b.pth")
    main([str(tmp_path / "a.ckpt"), str(tmp_path / "b.pth"), "--weight", "0.5", "-o", str(tmp_path / "c.pth")])
    slopes = load_weights(tmp_path / "c.pth").state_dict["body.1.weight"]
    torch.testing.assert_close(slopes, torch.full((8,), 0.125))  # half of 0 and of PReLU's first 0.25


@pytest.mark.parametrize(
    ("changed", "arguments", "words"),
    [
        ({"num_feat": 16}, ["--weight", "0.5", "-o", "c.pth"], "num_feat 8 and 16"),
        ({}, ["--weight", "0.5", "0.5", "-o", "c.pth"], "given twice"),
        ({}, ["--weight", "0.5", "-o", "c.ckpt"], r"must end in \.pth or \.safetensors"),
        ({}, ["--weight", "0.5", "-o", "a.pth"], "would replace"),
    ],
)
def test_what_cannot_be_mixed_is_refused(tmp_path, monkeypatch, changed, arguments, words):
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "a.pth")
    model(tmp_path / "b.pth", **changed)
    with pytest.raises(UserError, match=words):
        main(["a.pth", "b.pth", *arguments])


@pytest.mark.parametrize("weight", ["1.5", "nan", "half"])
def test_a_weight_outside_0_and_1_is_refused(capsys, weight):
    with pytest.raises(SystemExit):
        main(["a.pth", "b.pth", "--weight", weight, "-o", "c.pth"])
    assert f"argument --weight: {weight}: give a number from 0 to 1" in capsys.readouterr().err


def test_other_names_are_listed(tmp_path):
    save_model(tmp_path / "a.pth", {"x": torch.zeros(1), "y": torch.zeros(1)}, {})
    save_model(tmp_path / "b.pth", {"x": torch.zeros(2), "z": torch.zeros(1)}, {})
    with pytest.raises(UserError, match=r"y only in the first, z only in the second, x \(1,\) and \(2,\)"):
        main([*(str(tmp_path / name) for name in ("a.pth", "b.pth")), "--weight", "0", "-o", "c.pth"])


def test_a_model_that_diverged_is_not_mixed(tmp_path):
    model(tmp_path / "a.pth")
    broken = model(tmp_path / "b.pth").state_dict()
    broken["body.2.weight"][0, 0, 0, 0] = float("nan")
    options = load_weights(tmp_path / "a.pth").options
    save_model(tmp_path / "b.pth", broken, {"arch": "srvgg", "options": options})
    with pytest.raises(UserError, match=r"b\.pth holds NaN or infinity \(in body\.2\.weight\)"):
        main([str(tmp_path / "a.pth"), str(tmp_path / "b.pth"), "--weight", "0.5", "-o", str(tmp_path / "c.pth")])
    assert not (tmp_path / "c.pth").exists()
