from __future__ import annotations

from collections.abc import Callable

import numpy as np

from esrgan_train.data.sheet import pairs_sheet
from esrgan_train.images.encode import to_uint8
from esrgan_train.images.find import PathTable
from tests.data.small import training_set


def test_the_sheet_holds_hr_and_enlarged_lr_of_each_sample(make_photos: Callable[..., PathTable]) -> None:
    dataset = training_set(make_photos((100, 90)), gt_size=128)
    sheet = pairs_sheet(dataset, [4, 9, 2])
    places = np.lib.stride_tricks.sliding_window_view(sheet, (1, 128, 3))[:, :, 0]
    for n in (4, 9, 2):
        sample = dataset.sample(n)
        hr, lr = to_uint8(sample.hr), to_uint8(sample.lr)
        for first_row in (hr[:1], lr[:1].repeat(2, axis=1)):
            assert (places == first_row).all(axis=(2, 3, 4)).any()
