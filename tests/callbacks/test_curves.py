from __future__ import annotations

from esrgan_train.callbacks.curves import draw_curves, points, stretches
from esrgan_train.callbacks.health import Health, Sign

ROWS = [
    {"step": "10", "train/pixel": "0.1", "train/d_real": "", "val/psnr": ""},
    {"step": "20", "train/pixel": "0.08", "train/d_real": "", "val/psnr": "22.0"},
    {"step": "30", "train/pixel": "0.07", "train/d_real": "0.7", "val/psnr": ""},
]


def test_points_skip_the_rows_without_a_value() -> None:
    assert points(ROWS, "train/pixel") == ([10, 20, 30], [0.1, 0.08, 0.07])
    assert points(ROWS, "val/psnr") == ([20], [22.0])
    assert points(ROWS, "val/ssim") == ([], [])


def test_only_panels_with_data_are_drawn_and_the_switch_is_marked() -> None:
    figure = draw_curves(ROWS, switch=20)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title().split(",")[0] for axis in shown] == [
        "PSNR on held-out photos (dB)",
        "generator losses",
        "discriminator losses",
    ]
    for axis in shown:
        assert "GAN stage starts" in [text.get_text() for text in axis.get_legend().get_texts()]
    pixel = next(line for line in shown[1].lines if line.get_label() == "train/pixel")
    assert list(pixel.get_ydata()) == [0.1, 0.08, 0.07]


def test_a_switch_that_has_not_come_is_not_drawn() -> None:
    (axis, *_) = draw_curves(ROWS, switch=1000).axes
    assert "GAN stage starts" not in [text.get_text() for text in axis.get_legend().get_texts()]


def test_a_stretch_with_a_warning_sign_is_shaded_in_its_own_panel_once_in_the_legend() -> None:
    accuracies = [0.5, 0.99, 0.99, 0.99, 0.5, 0.99, 0.99, 0.99]
    rows = [
        {"step": str(10 * n), "train/d_accuracy": str(a), "train/pixel": "1"} for n, a in enumerate(accuracies)
    ]
    (sign,) = Health(signs={"d_accuracy": {"limit": 0.95, "patience": 20}}).signs
    shown = {axis.get_title(): axis for axis in draw_curves(rows, None, [sign]).axes if axis.get_visible()}
    ill = shown["discriminator: share of pixels judged rightly"]
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ill.patches] == [(10, 30), (50, 70)]
    assert [text.get_text() for text in ill.get_legend().get_texts()].count("discriminator wins") == 1
    assert not shown["generator losses, without weights"].patches


def test_only_stretches_that_last_count() -> None:
    steps = [10, 20, 30, 40, 50, 60, 70]
    values = [0.9, 0.1, 0.9, 0.9, 0.9, float("nan"), 0.9]

    def found(limit: float, patience: int) -> list[tuple[int, int]]:
        sign = Sign(value="", limit=limit, patience=patience, label="", problem="", advice="")
        return list(stretches(sign, steps, values))

    assert found(0.5, 20) == [(30, 50)]
    assert found(0.5, 0) == [(10, 10), (30, 50), (70, 70)]
    assert found(0.9, 0) == []
