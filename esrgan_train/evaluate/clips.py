"""Clips scored frame by frame, as they stream through."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from esrgan_train.errors import RunError, StopRequestedError, UserError
from esrgan_train.evaluate.meeting import Meeting
from esrgan_train.evaluate.scores import Degrade, Measure, Scored, compared, cut, degraded, in_8_bits
from esrgan_train.evaluate.tally import Tally
from esrgan_train.inference.failures import naming
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.video.progress import progress
from esrgan_train.video.reel import Reel, is_reel, opened_reel
from esrgan_train.video.shot import Shot

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClipScoring:
    """What is scored, and how.

    Attributes:
        truth, results, inputs: clips, animations or folders of pictures: ground truth, enlarged ones, and ones to
            be enlarged.
        scale: how much; a border of as many pixels is not counted.
        upscaler: makes the results where there are none.
        degrade: makes the inputs of an upscaler that has none.
        seed: of ``degrade``, with the number of the frame.
        measures: by name.
    """

    truth: Path
    results: Path | None
    inputs: Path | None
    scale: int
    upscaler: Upscaler | None
    degrade: Degrade | None
    seed: int
    measures: Mapping[str, Measure]

    def run(self, folder: Path) -> None:
        """Score all frames that meet, print the means and the lowest, and write them into ``folder``.

        Raises:
            UserError: the sizes do not fit.
            RunError: hardly any frames meet.
            StopRequestedError: Ctrl-C; nothing is written.
        """
        with ExitStack() as stack:
            given = {"--gt": self.truth, "--results": self.results, "--lr": self.inputs}
            reels = {
                option: stack.enter_context(opened_reel(path))
                for option, path in given.items()
                if path is not None
            }
            self._check(reels)
            baseline = self.inputs is not None or self.upscaler is not None
            tally = stack.enter_context(Tally([*self.measures], ("frame", "time"), baseline=baseline))
            meeting = Meeting([*reels.values()])
            try:
                for scored in self._scored(meeting, [*reels]):
                    tally.add(scored)
            except KeyboardInterrupt as error:
                what = f"{self.truth}: stopped after {tally.count} frames; nothing is written"
                raise StopRequestedError(what, signal.SIGINT) from error
            if not tally.count:
                raise RunError(f"{', '.join(str(reel.path) for reel in reels.values())}: no frames to compare")
            tally.report(folder, "frames")
        for remark in meeting.remarks:
            log.warning("%s", remark)
        lowest = ", ".join(f"{one.name} ({one.values['psnr_y']:.2f} dB)" for one in tally.worst)
        log.info("lowest PSNR-Y: %s", lowest)

    def _check(self, reels: Mapping[str, Reel]) -> None:
        truth = reels["--gt"]
        width, height = (side // self.scale * self.scale for side in truth.size)
        for option, reel in reels.items():
            if option == "--gt":
                continue
            factor = self.scale if option == "--lr" else 1
            if tuple(side * factor for side in reel.size) != (width, height):
                found, wanted = (f"{w} × {h}" for w, h in (reel.size, (width // factor, height // factor)))
                raise UserError(
                    f"{option} {reel.path} is {found}; --gt {truth.path} at ×{self.scale} needs {wanted}"
                )
            if reel.colours != truth.colours and None not in (reel.colours, truth.colours):
                words = f"{truth.path} ({truth.colours}) and {reel.path} ({reel.colours})"
                log.warning("%s differ in colour: each is read by its own matrix and range, and no more", words)

    def _scored(self, meeting: Meeting, options: list[str]) -> Iterator[Scored]:
        truth = meeting.reels[0]
        with progress() as bars:
            bar = bars.add_task(truth.path.name, total=truth.count)
            for number, shots in meeting:
                yield self._score(number, dict(zip(options, shots, strict=True)))
                bars.update(bar, completed=number)

    def _score(self, number: int, shots: Mapping[str, Shot]) -> Scored:
        shot = shots["--gt"]
        hr, place = (
            cut(in_8_bits(shot.photo.rgb), self.scale),
            {"frame": number, "time": f"{float(shot.start):.3f}"},
        )
        name = f"frame {number} at {place['time']} s"
        lr = shots["--lr"].photo.rgb if "--lr" in shots else None
        if self.upscaler is None:
            sr = in_8_bits(shots["--results"].photo.rgb)
        else:
            if lr is None:
                assert self.degrade is not None
                lr = degraded(hr, self.degrade, [self.seed, number])
            with naming(f"{self.truth}, {name}", "enlarging", self.upscaler.memory_remedy):
                sr = in_8_bits(self.upscaler(lr))
        if sr.shape != hr.shape:
            raise UserError(f"{self.truth}: {name} has another size than its partner: give clips of one size")
        small = None if lr is None else in_8_bits(lr)
        values, crops = compared(small, sr, hr, scale=self.scale, measures=self.measures)
        return Scored(name, values, crops, place)


def are_clips(*paths: Path | None) -> bool:
    """Whether moving pictures are to be scored."""
    return any(path is not None and is_reel(path) for path in paths)
