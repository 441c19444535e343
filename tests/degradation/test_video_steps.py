"""The steps codec, interlace and chroma: what they draw, and what they make of pictures."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import hydra
import numpy as np
import pytest
from lr_statistics import crop
from test_degradation_config import compose

from esrgan_train.degradation.chain import Canvas
from esrgan_train.degradation.motion import moved
from esrgan_train.degradation.planes import Layout
from esrgan_train.degradation.steps import codec as codec_step
from esrgan_train.degradation.steps.chroma import Colours, ColourTrip
from esrgan_train.degradation.steps.codec import Coding
from esrgan_train.degradation.steps.interlace import Interlacing
from esrgan_train.degradation.video import CODECS
from esrgan_train.errors import UserError

STEPS = ("codec", "interlace", "chroma")
CANVAS = Canvas((64, 64), (64, 64))
CLEAN = Colours("bt709", full_range=False, siting="left")


def choice(name: str, *overrides: str) -> Any:
    config = compose("chain", f"degradation/steps=[{name}]", *overrides)
    return hydra.utils.instantiate(config.degradation.steps[name])


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one.astype(float) - other) ** 2)))


@pytest.mark.parametrize("name", STEPS)
def test_what_is_drawn_renders_any_size_to_the_same_bytes(name: str):
    steps = choice(name)
    image = crop(0, 72) * 1.2 - 0.1  # beyond [0,1] too
    for seed in range(8):
        step = steps.draw(CANVAS, np.random.default_rng(seed))
        assert step == steps.draw(CANVAS, np.random.default_rng(seed)) == pickle.loads(pickle.dumps(step))
        for height, width in ((1, 1), (1, 6), (5, 1), (33, 71)):
            part = np.ascontiguousarray(image[:height, :width])
            kept = part.copy()
            rendered = step.render(part)
            assert (rendered.shape, rendered.dtype) == ((height, width, 3), np.float32)
            assert not np.shares_memory(rendered, part)
            np.testing.assert_array_equal(rendered, step.render(part))
            np.testing.assert_array_equal(part, kept)


def test_codecs_are_drawn_by_their_odds_and_within_their_ranges():
    steps = choice("codec", "degradation.steps.codec.codecs.vp9=0", "degradation.steps.codec.frames=[2,4]")
    drawn = [steps.draw(CANVAS, np.random.default_rng(seed)) for seed in range(400)]
    assert {step.codec for step in drawn} == set(CODECS) - {"vp9"}
    assert {step.quality for step in drawn if step.codec == "mpeg2"} <= set(range(2, 15))
    assert {(step.frames, step.shown) for step in drawn} == {(n, k) for n in (2, 3, 4) for k in range(n)}


def test_a_format_goes_only_to_codecs_that_take_it():
    steps = choice("codec", "degradation.steps.codec.formats={yuv420p:1,yuv422p:1,yuv444p:1}")
    drawn = [steps.draw(CANVAS, np.random.default_rng(seed)) for seed in range(400)]
    assert {step.layout.format for step in drawn if step.codec == "mpeg4"} == {"yuv420p"}
    assert {step.layout.format for step in drawn if step.codec == "h264"} == {"yuv420p", "yuv422p", "yuv444p"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("formats={yuv420p:0,yuv444p:1}", "formats: mpeg2 takes yuv420p, yuv422p alone"),
        ("codecs={h264:0,h265:0,mpeg2:0,mpeg4:0,vp9:0,av1:0}", "codecs: all odds are 0"),
        ("h264_crf=[18,60]", "h264_crf=\\[18,60\\]"),
    ],
)
def test_what_a_codec_does_not_take_is_named(override: str, message: str):
    with pytest.raises(hydra.errors.InstantiationException, match=message):
        choice("codec", f"degradation.steps.codec.{override}")


def test_without_pyav_the_choice_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    steps = choice("codec")
    given = {field.name: getattr(steps, field.name) for field in dataclasses.fields(steps)}
    monkeypatch.setattr(codec_step, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"PyAV: pip install 'esrgan-train\[video\]'"):
        codec_step.Codec(**given)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shown", [0, 2])
def test_the_shown_frame_is_where_the_picture_was(codec: str, shown: int):
    layout = Layout("yuv420p", "left")
    step = Coding(codec, 4, "bt709", False, layout, False, frames=3, shown=shown, motion=(2.5, -3.25))
    image = crop(0, 96)
    rendered = step.render(image)
    assert psnr(rendered, image) > 28
    assert psnr(rendered, image) > 3 + psnr(rendered, moved(image, (0.0, 1.0)))


def test_weaving_leaves_the_lines_of_both_fields():
    image = crop(0, 32)
    later = moved(image, (0.0, 3.0))
    top, bottom = (Interlacing(first, (0.0, 3.0), "weave").render(image) for first in (True, False))
    np.testing.assert_array_equal(top[::2], image[::2])
    np.testing.assert_array_equal(top[1::2], later[1::2])
    np.testing.assert_array_equal(bottom[1::2], image[1::2])
    np.testing.assert_array_equal(bottom[::2], later[::2])


def test_ways_of_removal():
    image = np.repeat(np.arange(5, dtype=np.float32)[:, None, None] ** 2, 3, 2)  # lines of 0, 1, 4, 9 and 16

    def lines(removal: str, *, top_first: bool) -> list[float]:
        return Interlacing(top_first, (0.0, 0.0), removal).render(image)[:, 0, 0].tolist()

    assert lines("double", top_first=True) == [0, 0, 4, 4, 16]
    assert lines("double", top_first=False) == [1, 1, 9, 9, 9]
    assert lines("interpolate", top_first=True) == [0, 2, 4, 10, 16]
    assert lines("interpolate", top_first=False) == [1, 1, 5, 9, 9]
    assert lines("weave", top_first=True) == [0, 1, 4, 9, 16]
    assert lines("blend", top_first=True) == [0.25, 1.5, 4.5, 9.5, 14.25]


def test_colours_read_as_written_come_back():
    image = crop(0, 64)
    full = ColourTrip("yuv444p", CLEAN, CLEAN, nearest_chroma=False, delay=0.0).render(image)
    np.testing.assert_allclose(full, image, atol=2.5 / 255)
    halved = ColourTrip("yuv420p", CLEAN, CLEAN, nearest_chroma=False, delay=0.0).render(image)
    assert 25 < psnr(halved, image) < psnr(full, image)


def test_wrong_rules_make_the_known_mistakes():
    def read(colour: list[float], written: Colours, read: Colours) -> np.ndarray:
        trip = ColourTrip("yuv420p", written, read, nearest_chroma=False, delay=0.0)
        return trip.render(np.full((4, 4, 3), colour, dtype=np.float32))[0, 0] * 255

    full = dataclasses.replace(CLEAN, full_range=True)
    np.testing.assert_allclose(read([0, 0, 0], CLEAN, full), 16, atol=0.1)  # gray blacks
    np.testing.assert_allclose(read([1, 1, 1], CLEAN, full), 235, atol=0.1)
    np.testing.assert_allclose(read([16 / 255] * 3, full, CLEAN), 0, atol=0.1)  # crushed ones
    sd = dataclasses.replace(CLEAN, matrix="bt601")
    green = read([0, 0.5, 0], sd, CLEAN)
    assert abs(green[1] - 127.5) > 5
    gray = read([0.5, 0.5, 0.5], sd, CLEAN)
    np.testing.assert_allclose(gray, 127.5, atol=1)  # a matrix leaves gray as it is


def test_delayed_colours_lie_to_the_right_and_luma_stays():
    image = np.full((8, 32, 3), 0.5, dtype=np.float32)
    image[:, 16:] = [0.7, 0.4159, 0.5]  # of about the same luma in BT.709
    delayed = ColourTrip("yuv444p", CLEAN, CLEAN, nearest_chroma=False, delay=4.0).render(image)
    np.testing.assert_allclose(delayed[4, 17:19, 0], 0.5, atol=0.03)
    np.testing.assert_allclose(delayed[4, 21:, 0], 0.7, atol=0.03)
