"""Whole drawings, rendered in a batch."""

from __future__ import annotations

import pickle
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from drawings import SIDE, drawings, stacked, tensors, windows, without_noise
from lr_statistics import measure
from test_published_statistics import COLOUR, distances, limit, made_as_published
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.degradation.batched import noise as noise_module
from esrgan_train.degradation.batched import parts as parts_module
from esrgan_train.degradation.batched.parts import Part, in_parts
from esrgan_train.degradation.batched.renderer import BatchRenderer, Drawable
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.degradation.drawing import Drawing, Resize
from esrgan_train.degradation.rendering import render
from tests.fake_cuda import fake_cuda

aten = torch.ops.aten
PUBLISHED = RealESRGANDegradation()


@pytest.fixture(scope="module")
def renderer() -> BatchRenderer:
    return BatchRenderer(PUBLISHED, (SIDE, SIDE))


def test_without_noise_it_is_the_cpus_picture(renderer: BatchRenderer):
    drawn = [without_noise(drawing) for drawing in drawings(40, PUBLISHED)]
    images = windows(40)
    found = renderer(tensors(images), stacked(renderer, drawn))
    expected = tensors([render(image, drawing) for image, drawing in zip(images, drawn, strict=True)])
    assert found.shape == expected.shape == (40, 3, 32, 32)
    error = (found - expected).square().mean(dim=(1, 2, 3))
    # Values that lie between two levels to the last digit are rounded apart, and JPEG spreads that over a block.
    psnr = -10 * torch.log10(error.clamp(min=1e-12))
    assert psnr.min() > 45, psnr
    assert psnr.mean() > 60
    levels = found * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("upscale", [2, 4])
def test_clean_samples_are_the_cpus(upscale: int):
    """Also beside others, whose kernels are smaller and which are all reduced further."""
    down = {"up_odds": 0, "keep_odds": 0, "down_range": (0.3, 0.6)}
    first = replace(PUBLISHED.first, kernel=replace(PUBLISHED.first.kernel, size=(7, 7)), **down)
    second = replace(PUBLISHED.second, **down)
    degrade = RealESRGANDegradation(upscale=upscale, clean_prob=0.5, first=first, second=second)
    drawn = [without_noise(drawing) for drawing in drawings(12, degrade)]
    assert len({sum(step is not None for step in drawing) == 2 for drawing in drawn}) == 2
    batched = BatchRenderer(degrade, (SIDE, SIDE))
    images = windows(12)
    found = batched(tensors(images), stacked(batched, drawn))
    for number, drawing in enumerate(drawn):
        if sum(step is not None for step in drawing) == 2:
            expected = tensors([render(images[number], drawing)])[0]
            assert (found[number] - expected).abs().max() < 1.01 / 255, number


def test_a_sample_depends_on_nothing_else_in_its_batch(renderer: BatchRenderer):
    drawn, images = drawings(7, PUBLISHED), tensors(windows(7))
    packed = stacked(renderer, drawn)
    together = renderer(images, packed)
    for number in range(7):
        alone = renderer(images[[number]], {name: value[[number]] for name, value in packed.items()})
        assert torch.equal(alone[0], together[number]), number
    order = torch.tensor([3, 6, 0, 1])
    others = renderer(images[order], {name: value[order] for name, value in packed.items()})
    assert torch.equal(others, together[order])
    with patch.object(parts_module, "_MOST_BYTES", 1):  # one at a time
        assert torch.equal(renderer(images, packed), together)


def test_the_same_drawing_is_rendered_the_same(renderer: BatchRenderer):
    images, packed = tensors(windows(3)), stacked(renderer, drawings(3, PUBLISHED))
    before = images.clone()
    first = renderer(images, packed)
    assert torch.equal(pickle.loads(pickle.dumps(renderer))(images, packed), first)
    assert torch.equal(images, before)


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_places_bound_every_drawing(upscale: int):
    degradation = RealESRGANDegradation(upscale=upscale, first=replace(PUBLISHED.first, up_range=(1.0, 2.5)))
    side = 12 * upscale
    places = degradation.places((side, side))
    assert isinstance(degradation, Drawable)
    for drawing in drawings(300, degradation, side):
        for step, place in zip(drawing, places, strict=True):
            assert step is None or type(step) is place.kind
            if isinstance(step, Resize):
                assert step.height <= place.height
                assert step.width <= place.width
    assert (places[-1].height, places[-1].width) == (12, 12)


class Kernels(TorchDispatchMode):
    """Counts what is computed; views are not."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not any(each.alias_info is not None and not each.alias_info.is_write for each in func._schema.returns):
            self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


def counted(renderer: BatchRenderer, drawn: list[Drawing]) -> Counter[str]:
    packed = renderer.moved(stacked(renderer, drawn), torch.device("cpu"))
    with Kernels() as kernels:
        renderer(tensors(windows(len(drawn))), packed)
    return kernels.counts


def by_room(count: int) -> tuple[list[Drawing], list[Drawing]]:
    """Drawings that enlarge the window on the way, and drawings that do not."""
    kinds: tuple[list[Drawing], list[Drawing]] = [], []
    for drawing in drawings(100, PUBLISHED):
        sizes = [max(step.height, step.width) for step in drawing if isinstance(step, Resize)]
        kinds[max(sizes) <= SIDE].append(drawing)
    return kinds[0][:count], kinds[1][:count]


def test_the_number_of_kernels_does_not_grow_with_the_batch(renderer: BatchRenderer):
    larger, others = by_room(6)
    # One image alone is spared some copies.
    for few, many in ((larger[:2], larger), (others[:2], others), (larger[:2] + others[:2], larger + others)):
        grown = counted(renderer, many) - counted(renderer, few)
        assert set(grown) == {"aten.uniform_.default"}  # one for each noise
        assert grown.total() == 2 * (len(many) - len(few))


def test_images_that_are_not_enlarged_do_without_the_room(renderer: BatchRenderer):
    larger, others = by_room(4)
    mixed = [drawing for pair in zip(larger, others, strict=True) for drawing in pair]
    enlarges = [bool(renderer.pack(drawing)["enlarges"]) for drawing in mixed]
    assert enlarges == [True, False] * 4
    parts = in_parts(enlarges, renderer.rooms)
    assert [part.images for part in parts] == [[1, 3, 5, 7], [0, 2, 4, 6]]
    assert [max(place.height for place in part.places) for part in parts] == [SIDE, SIDE * 3 // 2]
    assert in_parts([False] * 8, renderer.rooms) == [Part(list(range(8)), renderer.rooms[False])]
    with patch.object(parts_module, "_MOST_BYTES", 1):
        assert [len(part.images) for part in in_parts(enlarges, renderer.rooms)] == [1] * 8
    packed, images = stacked(renderer, mixed), tensors(windows(8))
    alone = [renderer(images[[i]], {name: value[[i]] for name, value in packed.items()}) for i in range(8)]
    assert torch.equal(renderer(images, packed), torch.cat(alone))


class Held(TorchDispatchMode):
    """The most bytes that tensors made within hold at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.known:
                self.hold(tensor.untyped_storage())
        return made

    def hold(self, storage: torch.UntypedStorage) -> None:
        self.known.add(storage._cdata)
        self.now += storage.nbytes()
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self.leave, storage._cdata, storage.nbytes())

    def leave(self, storage: int, size: int) -> None:
        self.known.discard(storage)
        self.now -= size


@pytest.mark.parametrize("enlarged", [False, True])
def test_memory_is_what_parts_reckon_with(renderer: BatchRenderer, enlarged: bool):
    drawn = by_room(6)[not enlarged]
    packed, images = stacked(renderer, drawn), tensors(windows(len(drawn)))
    canvas = max(12 * place.height * place.width for place in renderer.rooms[enlarged])
    with Held() as held:
        renderer(images, packed)
    assert 0.6 * parts_module._COPIES < held.most / (canvas * len(drawn)) <= parts_module._COPIES


class Products(TorchDispatchMode):
    """Notes how each product of matrices would be computed on CUDA."""

    def __init__(self) -> None:
        super().__init__()
        self.in_tf32: set[bool] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in (aten.mm, aten.bmm):
            assert args[-1].dtype == torch.float32
            self.in_tf32.add(torch.backends.cuda.matmul.allow_tf32)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def tf32() -> Iterator[None]:
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = False  # the default


@pytest.mark.usefixtures("tf32")
def test_products_keep_all_digits_whatever_training_takes(renderer: BatchRenderer):
    images, packed = tensors(windows(4)), stacked(renderer, drawings(4, PUBLISHED))
    expected = renderer(images, packed)
    with Products() as products, torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(renderer(images, packed), expected)
        usm_sharpen_batch(images)
    assert products.in_tf32 == {False}
    assert torch.backends.cuda.matmul.allow_tf32


@pytest.mark.slow
def test_nothing_waits_for_the_device(renderer: BatchRenderer):
    larger, others = by_room(2)
    packed = stacked(renderer, larger + others)  # two parts
    packed = renderer.moved(packed, torch.device("cpu"))
    keys = {name: value for name, value in packed.items() if isinstance(value, list)}
    shapes = {name: (value.shape, value.dtype) for name, value in packed.items() if name not in keys}
    generator = torch.Generator()  # CUDA's needs a driver
    tables = (2304 * 512,), (2304 * 512,)  # the real ones are kept, and are no fake tensors
    with (
        patch.object(torch, "Generator", lambda _: generator),
        patch.object(noise_module, "poisson_tables", lambda: tuple(map(torch.zeros, tables))),
        fake_cuda() as copies,
    ):
        on_cuda = BatchRenderer(PUBLISHED, (SIDE, SIDE))
        made = {name: torch.zeros(shape, dtype=dtype) for name, (shape, dtype) in shapes.items()}
        result = on_cuda(torch.rand(4, 3, SIDE, SIDE), made | keys)
        assert result.device.type == "cuda"
    assert copies.found == []


@pytest.mark.slow
@pytest.mark.run
def test_inputs_look_like_the_published_ones_when_rendered_in_batches():
    renderer = BatchRenderer(PUBLISHED, (SIDE, SIDE))
    images = windows(300)
    ours = []
    for start in range(0, 300, 50):
        part = images[start : start + 50]
        drawn = [PUBLISHED.draw((SIDE, SIDE), np.random.default_rng([3, start + i])) for i in range(50)]
        for lr, hr in zip(renderer(tensors(part), stacked(renderer, drawn)), part, strict=True):
            ours.append(measure(np.ascontiguousarray(lr.permute(1, 2, 0).numpy()), hr))
    found = distances(ours, made_as_published(100, SIDE))
    within = limit(300, 100, 1e-4)
    assert {name for name, distance in found.items() if distance > within} <= {COLOUR}, found
    assert found[COLOUR] < within + 0.1, found
