"""The floor: what an iteration multiplies, timed by itself, and what happens when something is faster."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks.costs import Counted
from benchmarks.floor import BestTimes, Floor
from benchmarks.iteration_products import iteration_products
from benchmarks.products import Product
from benchmarks.row import Row
from benchmarks.timing import Spread
from esrgan_train.errors import RunError

ROW = Row(key="gan_iteration", name="iteration", unit="s", ours=Spread(1.0, 2.0, 3.0), floor_name="products alone")
SMALL = ("generator.num_feat=8", "generator.num_conv=2", "discriminator.num_feat=8", "trainer.max_steps=1000")


def recorded(function: Any) -> Counter[Product]:
    with Counted() as counted:
        function()
    return counted.products


def convolution(*, backward: bool, frozen: bool = False) -> Counter[Product]:
    image = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last).requires_grad_(not frozen)
    weight = torch.rand(5, 3, 3, 3).requires_grad_()

    def run() -> None:
        result = torch.nn.functional.conv2d(image, weight, padding=1)
        if backward:
            result.sum().backward()

    return recorded(run)


def test_a_convolution_and_its_gradients_are_two_calls_and_each_counts_its_operations():
    forward = 2 * 2 * 3 * 5 * 9 * 8 * 8
    assert [each.flops for each in convolution(backward=False)] == [forward]
    assert [each.flops for each in convolution(backward=True)] == [forward, 2 * forward]
    assert [each.flops for each in convolution(backward=True, frozen=True)] == [forward, forward]  # weights alone


def test_a_gradient_is_tried_whole_and_in_two_halves_and_each_call_in_both_orders():
    forward, backward = convolution(backward=True)
    assert [len(way) for way in forward.ways] == [1]
    assert [len(way) for way in backward.ways] == [1, 2]
    assert len(backward.orders) == 3  # as called: the image channels last, the weight not
    assert {layout.size for order in backward.orders for layout in order.layouts} == {
        layout.size for layout in backward.layouts
    }


def test_a_call_is_made_again_with_other_values():
    left, right = torch.rand(4, 5), torch.rand(5, 6)
    (product,) = recorded(lambda: torch.mm(left, right))
    given = iter([left, right])
    assert torch.equal(product.prepared(lambda _: next(given))(), left @ right)  # type: ignore[arg-type]


def test_what_a_call_writes_to_is_its_own():
    sums, left, right = torch.zeros(4, 6), torch.rand(4, 5), torch.rand(5, 6)
    in_place = recorded(lambda: sums.addmm_(left, right))
    into = recorded(lambda: torch.mm(left, right, out=torch.empty(4, 6)))
    sums.zero_()
    for (product,) in (in_place, into):
        assert product.flops == 2 * 4 * 5 * 6
        given = iter([left, right])
        assert torch.equal(product.prepared(lambda _, given=given: next(given))(), left @ right)  # type: ignore[arg-type]
    assert not sums.any()


def test_the_fastest_way_counts_and_as_often_as_it_runs():
    products = convolution(backward=True)
    forward, backward = products
    best = BestTimes(products)
    best.seconds = dict.fromkeys(best.seconds, 8.0)
    best.seconds[forward.orders[1]] = 1.0
    image, weight = backward.ways[1]
    assert best.of(backward) == 8.0
    best.seconds[image.orders[2]], best.seconds[weight.orders[0]] = 2.0, 3.0
    assert best.of(backward) == 5.0
    assert best.total(Counter({forward: 10, backward: 2})) == 10 * 1.0 + 2 * 5.0
    slow, fast = Counter({forward: 7}), Counter({backward: 1})
    assert best.seconds_of({"generator": [slow, fast], "discriminator": [slow]}) == 5.0 + 7.0


def test_a_product_is_timed_on_one_threads_own_time_shared_by_all_and_the_shortest_counts(
    monkeypatch: pytest.MonkeyPatch,
):
    spent = iter([0.0, 0.0, 8.0, 0.0, 0.0, 6.0, 0.0, 0.0, 7.0])
    monkeypatch.setattr(time, "thread_time", lambda: next(spent))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    (product,) = recorded(lambda: torch.mm(torch.rand(4, 5), torch.rand(5, 6)))
    best = BestTimes([product])
    found = []
    for _ in range(3):
        best()
        found.append(best.of(product))
    assert found == [4.0, 3.0, 3.0]


def test_hopeless_ways_are_left_out(monkeypatch: pytest.MonkeyPatch):
    (product,) = convolution(backward=False)
    best = BestTimes([product])
    timed: list[Product] = []
    seconds = count(1)
    monkeypatch.setattr(
        best, "_time", lambda each: (timed.append(each), best.seconds.update({each: next(seconds)}))
    )
    best()
    best()
    assert timed == [*product.orders, product.orders[0]]


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize(("precision", "ways"), [("32", 2), ("bf16", 1)])
def test_an_iteration_is_what_its_layers_multiply_without_gradients_that_training_leaves_out(
    precision: str, ways: int
):
    found = iteration_products(
        ("recipe=published", *SMALL), gt_size=32, batch_size=2, stage="gan", perceptual=False, precision=precision
    )
    assert {name: len(each) for name, each in found.items()} == {"generator": ways, "discriminator": ways}
    convolutions = {name: _convolutions(each[0]) for name, each in found.items()}
    assert convolutions["generator"].total() == 4
    assert convolutions["discriminator"].total() == 2 * 10  # generated and real
    dtypes = {product.arguments[0].dtype for products in convolutions.values() for product in products}
    assert dtypes == {torch.float32 if precision == "32" else torch.bfloat16}
    flops = {name: sum(n * product.flops for product, n in each[0].items()) for name, each in found.items()}
    first = 2 * 2 * 3 * 8 * 9 * 8 * 8
    others = 2 * 2 * (2 * 8 * 8 + 8 * 48) * 9 * 8 * 8
    assert flops["generator"] == 2 * first + 3 * others  # no gradient of the image


def _convolutions(products: Counter[Product]) -> Counter[Product]:
    convolution = torch.ops.aten.convolution.default
    return Counter({product: n for product, n in products.items() if product.operator is convolution})


@pytest.mark.run
def test_rates_are_operations_over_seconds_by_network_and_by_shape():
    products = convolution(backward=True)
    best = BestTimes(products)
    best.seconds = dict.fromkeys(best.seconds, 1e-6)
    floor = Floor()
    floor.add("32", {"generator": [products]}, best)
    forward = 2 * 2 * 3 * 5 * 9 * 8 * 8
    values = floor.as_dict()
    assert values["conv_gflops"]["32"]["generator"] == pytest.approx(3 * forward / 2e-6 / 1e9)
    assert values["conv_gflops_by_shape"]["32"] == {"3 → 5 channels, 3 × 3, from 8 × 8": forward / 1e-6 / 1e9}
    assert any("generator 52" in line for line in floor.in_words())


@pytest.mark.parametrize(("floor", "beaten"), [(None, False), (0.9, False), (1.04, False), (1.06, True)])
def test_a_floor_is_beaten_by_the_shortest_repeat_and_by_more_than_what_measurements_differ(
    floor: float | None, beaten: bool
):
    assert replace(ROW, floor=floor).beats_floor == beaten


def test_the_peer_beats_a_floor_too():
    assert replace(ROW, floor=0.9, peer=Spread(0.5, 2.0, 3.0)).beats_floor


def test_a_beaten_floor_fails_the_run_in_one_line_that_names_row_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    command.check_floors([replace(ROW, floor=1.0)])
    measured = [ROW, replace(ROW, key="pixel_iteration", floor=1.5)]
    monkeypatch.setattr(command, "bench", lambda *_, **__: measured)
    with pytest.raises(RunError) as raised:
        command.main(["--quick", "-o", str(tmp_path)])
    assert str(raised.value) == (
        "faster than the best possible: pixel_iteration took 1 s, its floor is 1.5 (products alone); "
        "the floor is measured wrongly, so no share of it is worth reading"
    )
