from __future__ import annotations

import cv2

from benchmarks.degradation import time_degradation


def test_times_are_in_order_and_threads_are_restored():
    threads = cv2.getNumThreads()
    times = time_degradation(size=64, repeats=20)
    assert cv2.getNumThreads() == threads
    for prefix in ("", "usm_"):
        assert 0 < times[f"{prefix}median_ms"] <= times[f"{prefix}p95_ms"]
        assert times[f"{prefix}mean_ms"] > 0
    assert times["mean_ms"] < times["usm_mean_ms"]
