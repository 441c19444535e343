from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest

from esrgan_train.loggers.background import Background


class Recorder:
    """Stands in for a logger of Lightning; calls ``hook`` with each name."""

    def __init__(self, hook: Any = lambda _: None) -> None:
        self.hook, self.calls = hook, []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.hook("log_metrics")
        self.calls.append(("log_metrics", metrics, step))

    def log_image(self, key: str, images: list[str], step: int) -> None:
        self.hook("log_image")
        self.calls.append(("log_image", key, images, step))

    def finalize(self, status: str) -> None:
        self.hook("finalize")
        self.calls.append(("finalize", status))


def background(make: Any, **more: Any) -> Background:
    return Background(name="recorder", title="A recorder", make=make, **more)


def names(recorder: Recorder) -> list[str]:
    return [call[0] for call in recorder.calls]


def test_calls_wait_for_the_first_iteration_and_keep_their_order() -> None:
    recorder, made = Recorder(), []
    logger = background(lambda step: made.append(step) or recorder)
    logger.log_metrics({"val/psnr": 20.0}, 0)
    logger.log_image("previews", ["a.png"], 0)
    assert not made
    logger.log_metrics({"train/pixel": 1.0}, 2)
    logger.finalize("success")
    assert made == [0]
    assert names(recorder) == ["log_metrics", "log_image", "log_metrics", "finalize"]
    assert recorder.calls[2] == ("log_metrics", {"train/pixel": 1.0}, 2)
    assert "recorder" not in [thread.name for thread in threading.enumerate()]


def test_what_was_logged_before_the_first_iteration_is_kept_by_a_run_that_ends_there() -> None:
    recorder = Recorder()
    logger = background(lambda _: recorder)
    logger.log_metrics({"val/psnr": 20.0}, 0)
    logger.finalize("failed")
    assert names(recorder) == ["log_metrics", "finalize"]


def test_without_a_reading_nothing_is_opened_and_after_the_end_it_opens_again() -> None:
    recorder, made = Recorder(), []
    logger = background(lambda step: made.append(step) or recorder)
    logger.finalize("success")
    assert not made
    for step in (3, 5):
        logger.log_metrics({}, step)
        logger.finalize("success")
    assert made == [3, 5]


def test_the_caller_does_not_wait() -> None:
    gate = threading.Event()
    recorder = Recorder(lambda _: gate.wait(10))
    logger = background(lambda _: recorder)
    logger.log_metrics({}, 1)
    assert recorder.calls == []
    gate.set()
    logger.finalize("success")
    assert names(recorder) == ["log_metrics", "finalize"]


@pytest.mark.parametrize("where", ["make", "log_metrics", "log_image", "finalize"])
def test_the_first_failure_is_one_warning_and_ends_the_logger(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(method: str) -> None:
        if method == where:
            raise ConnectionError("no answer\nfor you")

    recorder, given_up = Recorder(fail), []
    logger = background(lambda _: fail("make") or recorder, give_up=lambda: given_up.append(1))
    with caplog.at_level(logging.WARNING):
        for step in (1, 2):
            logger.log_metrics({}, step)
            logger.log_image("previews", [], step)
        logger.finalize("success")
    (message,) = caplog.messages
    assert message.startswith("A recorder stopped working (ConnectionError: no answer for you)")
    assert (logger.failed, given_up) == (True, [1])


def test_no_process_is_forked_in_the_middle_of_a_call() -> None:
    begun, gate, ended = threading.Event(), threading.Event(), []

    def call(_: str) -> None:
        begun.set()
        gate.wait(10)
        ended.append(True)

    logger = background(lambda _: Recorder(call))
    logger.log_metrics({}, 1)
    begun.wait(10)
    threading.Timer(0.2, gate.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if ended else 1)
    _, status = os.waitpid(child, 0)
    logger.finalize("success")
    assert os.waitstatus_to_exitcode(status) == 0
