from __future__ import annotations

import os
import threading

from esrgan_train.loggers.background import Background


def test_calls_wait_for_the_start_and_keep_their_order():
    background, done = Background(), []
    for number in range(5):
        background.add(lambda number=number: done.append(number))
    assert done == []
    background.finish()
    assert done == [0, 1, 2, 3, 4]


def test_it_can_be_used_again_after_the_end():
    background, done = Background(), []
    background.finish()
    background.add(lambda: done.append(1))
    background.finish()
    assert done == [1]


def test_the_caller_goes_on_while_a_call_runs():
    background, gate = Background(), threading.Event()
    waited = []
    background.add(lambda: waited.append(gate.wait(10)))
    background.start()
    assert waited == []
    gate.set()
    background.finish()
    assert waited == [True]
    assert "background" not in [thread.name for thread in threading.enumerate()]


def test_no_process_is_forked_in_the_middle_of_a_call():
    background, begun, gate = Background(), threading.Event(), threading.Event()
    ended = []

    def call() -> None:
        begun.set()
        gate.wait(10)
        ended.append(True)

    background.add(call)
    background.start()
    begun.wait(10)
    threading.Timer(0.2, gate.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if ended else 1)
    _, status = os.waitpid(child, 0)
    background.finish()
    assert os.waitstatus_to_exitcode(status) == 0
