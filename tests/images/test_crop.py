from __future__ import annotations

import pytest

from esrgan_train.images.crop import middle, reduced


@pytest.mark.parametrize("length", [1, 3, 63, 64, 65, 100, 191])
@pytest.mark.parametrize("most", [None, 1, 64, 65])
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_the_middle_is_as_much_as_fits_in_whole_steps(length: int, most: int | None, step: int) -> None:
    part = middle(length, most=most, step=step)
    kept = part.stop - part.start
    allowed = length if most is None else min(length, max(most, step))
    assert kept % step == part.start % step == 0
    assert 0 <= part.start <= part.stop <= length
    assert allowed - step < kept <= allowed
    assert 0 <= (length - kept) / 2 - part.start < step
    small = reduced(part, step)
    assert (small.start * step, small.stop * step) == (part.start, part.stop)


def test_a_side_that_is_not_larger_is_taken_from_its_edge() -> None:
    assert middle(67, most=67, step=4) == middle(67, most=None, step=4) == slice(0, 64)
