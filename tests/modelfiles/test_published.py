from __future__ import annotations

import pytest
import torch
from realesrgan.archs.srvgg_arch import SRVGGNetCompact as Published

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles.published import from_published, srvgg_options, to_published


@pytest.mark.parametrize("upscale", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("num_conv", [0, 1, 5])
@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (1, 3), (4, 4), (6, 6)])
def test_options_are_read_from_the_weights(upscale, num_conv, channels):
    if channels == (1, 3) and upscale == 1:
        channels = (3, 3)  # 3 = 3·1² alone: nothing to confuse
    options = {
        "num_in_ch": channels[0],
        "num_out_ch": channels[1],
        "num_feat": 5,
        "num_conv": num_conv,
        "upscale": upscale,
        "act_type": "prelu",
    }
    assert srvgg_options(Published(**options).state_dict()) == options


@pytest.mark.parametrize("act_type", ["relu", "leakyrelu"])
def test_an_activation_without_slopes_stays_unknown(act_type):
    options = srvgg_options(SRVGGNetCompact(num_feat=8, num_conv=2, act_type=act_type).state_dict())
    assert options == {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 8, "num_conv": 2, "upscale": 4}


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"conv.weight": torch.zeros(3, 3, 3, 3)},
        {"body.0.weight": torch.zeros(8, 3, 3, 3)},
        {"body.0.weight": torch.zeros(8, 0, 3, 3), "body.2.weight": torch.zeros(48, 8, 3, 3)},
        {"body.0.weight": torch.zeros(8, 3, 3, 3), "body.2.weight": torch.zeros(48, 9, 3, 3)},
        {"body.0.weight": torch.zeros(8, 3, 3, 3), "body.2.weight": torch.zeros(47, 8, 3, 3)},
        {"body.0.weight": torch.zeros(8, 3, 3, 3), "body.3.weight": torch.zeros(48, 8, 3, 3)},
    ],
)
def test_other_weights_are_no_compact_model(state):
    assert srvgg_options(state) is None


@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
@pytest.mark.parametrize("num_conv", [0, 3])
def test_the_published_network_computes_the_same_from_the_published_form(act_type, num_conv):
    ours = SRVGGNetCompact(num_feat=8, num_conv=num_conv, act_type=act_type)
    theirs = Published(num_feat=8, num_conv=num_conv, act_type="prelu")
    state = to_published(ours.state_dict(), act_type=act_type)
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict(state, strict=True)
    lr = torch.rand(2, 3, 9, 9)
    assert torch.equal(theirs(lr), ours(lr))


@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
def test_the_way_back(act_type):
    state = SRVGGNetCompact(num_feat=8, num_conv=1, act_type=act_type).state_dict()
    back = from_published(to_published(state, act_type=act_type), act_type=act_type)
    assert list(back) == list(state)


def test_learnt_slopes_are_not_dropped():
    state = SRVGGNetCompact(num_feat=8, num_conv=1).state_dict()
    assert list(from_published(state, act_type="relu")) == list(state)
