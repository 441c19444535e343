from __future__ import annotations

import pytest

from esrgan_train.doctor.rehearsal import Stage
from esrgan_train.doctor.sampling import Drawn
from esrgan_train.doctor.speed import Loading, speed_check
from esrgan_train.hours.words import shown_duration

GPU = Loading(samples=10, seconds=0.1, cores=16, beside=False)
PACK = "decode the photos once with python -m esrgan_train.prepare my/photos -o PACKED"


def simulated_waiting(loading: Loading, training: float, workers: int) -> float:
    """Workers that take turns in making batches, and a training that takes them in order."""
    free, trained, waited = [0.0] * workers, 0.0, 0.0
    for iteration in range(2000):
        worker = iteration % workers
        free[worker] += loading.work
        waited += max(0.0, free[worker] - trained)
        trained = max(trained, free[worker]) + training
    return waited / trained


@pytest.mark.parametrize("workers", [1, 2, 5, 10, 16])
@pytest.mark.parametrize("training", [0.05, 0.2, 0.4])
def test_waiting_is_what_a_simulation_of_the_workers_gives(training: float, workers: int) -> None:
    assert GPU.waiting(training, workers) == pytest.approx(simulated_waiting(GPU, training, workers), abs=0.02)


def test_without_workers_loading_and_training_take_turns() -> None:
    assert GPU.iteration(1.0, workers=0) == pytest.approx(2.0)
    assert GPU.waiting(1.0, workers=0) == pytest.approx(0.5)


def test_beside_training_on_the_same_cores_workers_cost_time_but_training_does_not_wait() -> None:
    cpu = Loading(samples=10, seconds=0.1, cores=2, beside=True)
    assert cpu.iteration(10.0, workers=1) == pytest.approx(10.5)
    assert cpu.waiting(10.0, workers=1) == pytest.approx(0.0)


def check(
    training: float, workers: int, *, decoding: float = 0.08, pack: str | None = PACK, loading: Loading = GPU
):
    stages = [Stage("pixel", 1000, training), Stage("gan", 500, 4 * training)]
    return list(speed_check(stages, Drawn({}, loading.seconds, decoding), loading, workers=workers, pack=pack))


def test_a_loader_that_keeps_up_is_well() -> None:
    found, length = check(0.5, workers=4)
    assert (found.check, found.status) == ("loader", "ok")
    assert "100 ms of a core for a sample, 80% of it decoding" in found.what
    assert "waits for data 0% of its time; data.num_workers=3 is enough" in found.what
    assert length.what.startswith(
        "about 25.0 min, without validations (pixel stage 1,000 iterations of 500 ms: 8.3 min"
    )


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_a_loader_that_falls_behind_gets_the_workers_that_keep_up(workers: int) -> None:
    found, _ = check(0.2, workers=workers)
    assert found.status == "note"
    assert found.remedy == "give data.num_workers=6"
    assert not GPU.waiting(0.2, 6)


def test_where_all_cores_do_not_suffice_photos_are_packed_if_decoding_takes_the_time() -> None:
    found, _ = check(0.02, workers=4)
    assert found.status == "note"
    assert "55 workers would keep up, 16 cores are there" in found.remedy
    assert found.remedy.endswith(f"give data.num_workers=15, and {PACK}")
    for other in (check(0.02, workers=15, decoding=0.01), check(0.02, workers=15, pack=None)):
        assert "prepare" not in other[0].remedy
        assert "more cores" in other[0].remedy


def test_durations_are_told_in_the_unit_that_suits() -> None:
    told = [shown_duration(seconds) for seconds in (5, 300, 7500, 400_000)]
    assert told == ["5 s", "5.0 min", "2.1 h", "4.6 days"]
