"""A clip, numbered pictures or an animation, enlarged into another."""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from esrgan_train.errors import RunError, StopRequestedError, UserError
from esrgan_train.files import replacing
from esrgan_train.images.formats import SUFFIXES, UNSUPPORTED
from esrgan_train.images.photo import Photo
from esrgan_train.inference.targets import expand
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.video.cautions import cautions
from esrgan_train.video.clip import Clip
from esrgan_train.video.enlarger import Enlarger, gathered
from esrgan_train.video.ffmpeg import CLIPS, is_clip
from esrgan_train.video.frames import ANIMATIONS, animated, count_of, is_animation, numbered
from esrgan_train.video.progress import progress
from esrgan_train.video.shot import Shot
from esrgan_train.video.sinks import AnimationWriter, NumberedWriter, Sink
from esrgan_train.video.writer import ClipWriter, Encoding

log = logging.getLogger(__name__)

PICTURES = SUFFIXES | UNSUPPORTED  # of which the reader of photographs says what it thinks


def is_moving(inputs: list[str], output: Path) -> bool:
    """Whether a command line is about a clip: it reads one, or writes a clip or an animation."""
    return output.suffix.lower() in CLIPS | ANIMATIONS or any(is_clip(Path(one)) for one in inputs)


@dataclass
class Job:
    """What is read and written.

    Attributes:
        inputs: a clip, an animation, or pictures: files, folders or patterns.
        output: a clip, an animation, or a folder for numbered pictures.
        encoding: of a clip that is written.
        rate: frames per second of pictures.
        format: of numbered pictures.
        scale: the final enlargement, by resizing; None keeps the upscaler's.
        batch: pictures enlarged at a time; None chooses by device, size and memory.
        deinterlace: whether interlaced frames are made whole.
    """

    inputs: list[str]
    output: Path
    encoding: Encoding
    rate: Fraction | None
    format: str
    scale: float | None
    batch: int | None = None
    deinterlace: bool = False

    def run(self, upscaler: Upscaler) -> None:
        """Enlarge every picture.

        Raises:
            UserError: something cannot be read or written.
            StopRequestedError: Ctrl-C; the output is not there, or as it was before.
        """
        with ExitStack() as stack:
            clip = None
            if self._reads_clip:
                clip = stack.enter_context(Clip(Path(self.inputs[0]), deinterlace=self.deinterlace))
            contents, count = self._contents(clip)
            sink = self._sink(stack, clip)
            enlarger = Enlarger(
                upscaler,
                self.inputs[0],
                batch=self.batch,
                scale=self.scale,
                for_clip=self._writes_clip,
                of_one_size=not isinstance(sink, NumberedWriter),
            )
            started, done = time.perf_counter(), 0
            try:
                for number in self._enlarged(contents, count, enlarger, sink):
                    done = number
            except KeyboardInterrupt as error:
                what = f"stopped after {done} pictures"
                left = f"those in {self.output} stay" if isinstance(sink, NumberedWriter) else "none is written"
                raise StopRequestedError(f"{self.output}: {what}; {left}", signal.SIGINT) from error
            if not done:
                raise RunError(f"{self.inputs[0]}: no picture could be decoded")
        seconds = time.perf_counter() - started
        log.info("%s: %d pictures in %.1f s, %.2f a second", self.output, done, seconds, done / seconds)
        if clip is not None and clip.damaged:
            log.warning("%d of them are damaged in %s: the one before was taken", clip.damaged, clip.path)

    @property
    def _reads_clip(self) -> bool:
        return is_clip(Path(self.inputs[0]))

    @property
    def _writes_clip(self) -> bool:
        return is_clip(self.output)

    def check(self) -> None:
        """``UserError`` for what does not go together."""
        if len(self.inputs) > 1 and any(is_clip(Path(one)) or is_animation(Path(one)) for one in self.inputs):
            raise UserError(f"{', '.join(self.inputs)}: give one clip at a time")
        if Path(self.inputs[0]).resolve() == self.output.resolve():
            raise UserError(f"{self.output} would be overwritten: give another file with -o")
        if not self._writes_clip and self.encoding != Encoding():
            raise UserError(f"--codec, --crf and --pix-fmt have no effect on {self.output}: leave them out")
        if self.deinterlace and not self._reads_clip:
            raise UserError(f"--deinterlace has no effect on {self.inputs[0]}: leave it out")
        self._check_names()
        if self.rate is not None and self._is_timed:
            raise UserError(f"--fps {float(self.rate):g} has no effect: {self.inputs[0]} says its own times")

    def _check_names(self) -> None:
        first, suffix = Path(self.inputs[0]), self.output.suffix.lower()
        if first.is_file() and first.suffix.lower() not in CLIPS | ANIMATIONS | PICTURES and first.suffix:
            what = f"{first.suffix} is the suffix of no picture or clip"
            raise UserError(f"{first}: {what}: rename it, to .mkv if it is a clip")
        if not self._is_named_folder:
            return
        if suffix in PICTURES or (re.fullmatch(r"\.[a-z][a-z0-9]{1,4}", suffix) and self._reads_clip):
            raise UserError(f"{self.output}: {suffix} is no clip's suffix: give .mkv, .mp4, .webp or a folder")

    @property
    def _is_named_folder(self) -> bool:
        """Whether numbered pictures are written into a folder that is not there yet."""
        return not self._writes_clip and self.output.suffix.lower() not in ANIMATIONS and not self.output.is_dir()

    @property
    def _is_timed(self) -> bool:
        return self._reads_clip or is_animation(Path(self.inputs[0]))

    def _contents(self, clip: Clip | None) -> tuple[Iterator[Any], int | None]:
        """Shots, with packets of sound and subtitles between them, and how many shots there are."""
        if clip is not None:
            for line in cautions(clip, into_clip=self._writes_clip, deinterlace=self.deinterlace):
                log.warning("%s", line)
            return (clip.contents() if self._writes_clip else clip.upright()), clip.frames
        first = Path(self.inputs[0])
        if is_animation(first):
            return animated(first), count_of(first)
        photos = [path for given in self.inputs for path, _ in expand(given)]
        return numbered(photos, self.rate or Fraction(24)), len(photos)

    def _sink(self, stack: ExitStack, clip: Clip | None) -> Sink:
        if not self._writes_clip and self.output.suffix.lower() not in ANIMATIONS:
            return NumberedWriter(self.output, self.format)
        partial = stack.enter_context(replacing(self.output))
        if not self._writes_clip:
            return stack.enter_context(AnimationWriter(partial, self.output))
        rate = clip.rate if clip is not None else self.rate or Fraction(24)
        base = Fraction(1, 1000) if self._is_timed and clip is None else None
        return stack.enter_context(
            ClipWriter(partial, self.output, self.encoding, like=clip, rate=rate, base=base)
        )

    def _enlarged(
        self, contents: Iterator[Any], count: int | None, enlarger: Enlarger, sink: Sink
    ) -> Iterator[int]:
        """Enlarge, while the next pictures are read and the last ones written; the number done so far."""
        done = 0
        groups = gathered(_begun(contents, enlarger, sink), enlarger.batch_for)
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer, progress() as bars:
            bar = bars.add_task(self.output.name, total=count)
            reading: Future[Any] = reader.submit(next, groups, None)
            writing: Future[None] | None = None
            while (found := reading.result()) is not None:
                reading = reader.submit(next, groups, None)
                enlarged = enlarger(found)
                if writing is not None:
                    writing.result()
                writing = writer.submit(_write, sink, found, enlarged)
                new = sum(one is not None for one in enlarged)
                done += new
                bars.advance(bar, new)
                yield done
            if writing is not None:
                writing.result()


def _begun(contents: Iterator[Any], enlarger: Enlarger, sink: Sink) -> Iterator[Any]:
    """The same, once the sink knows the size, which the first picture tells; sound before it waits."""
    waiting = []
    for found in contents:
        waiting.append(found)
        if isinstance(found, Shot):
            sink.begin(enlarger.size_of(found.photo), deep=found.photo.rgb.dtype == np.uint16)
            break
    yield from waiting
    yield from contents


def _write(sink: Sink, found: Sequence[Any], enlarged: Sequence[Photo | None]) -> None:
    for one, photo in zip(found, enlarged, strict=True):
        if photo is None:
            sink.copy(one)
        else:
            sink.write(photo, one)
