"""What takes milliseconds on one core: repeats in turns, and their spread."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from benchmarks.sizes import Sizes
from benchmarks.threads import one_thread
from benchmarks.timing import Spread, interleaved, spread

PER_TURN = 10  # repeats whose mean is one figure: a single degradation varies with its draw
NOTE = f"ours: mean of {PER_TURN} per repeat; that both draw alike is tested, see tests/degradation"


def milliseconds(
    sides: Mapping[str, Callable[[], object]], sizes: Sizes, *, once: Container[str] = ("peer",)
) -> dict[str, Spread]:
    """The spread of each side in ms, each figure the mean of ``PER_TURN`` repeats, of those in ``once`` of one."""
    repeats = {name: 1 if name in once else PER_TURN for name in sides}

    def turn(name: str) -> Callable[[], None]:
        def run() -> None:
            for _ in range(repeats[name]):
                sides[name]()

        return run

    with one_thread():
        for name in sides:
            if name not in once:
                turn(name)()  # fills tables that are made once per process
        seconds = interleaved(
            {name: turn(name) for name in sides},
            rounds=sizes.image_rounds,
            warm_up=min(1, sizes.image_rounds - 1),
            budget_seconds=sizes.budget_seconds,
        )
    return {name: spread(each, scale=1000 / repeats[name]) for name, each in seconds.items()}
