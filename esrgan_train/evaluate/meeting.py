"""The shots of several clips that are shown at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from esrgan_train.errors import RunError
from esrgan_train.video.reel import Reel
from esrgan_train.video.shot import Shot

_LEAST_TOLERANCE = Fraction(
    2, 1000
)  # seconds: a container of milliseconds rounds both the first time and this one
_ASTRAY = 12  # shots of each clip without a partner, one after the other, which no cut and no lost frame explains
_FEW = 24  # shots after which it shows whether most have a partner


@dataclass
class Alone:
    """Shots of a clip that have no partner."""

    count: int = 0
    first: Fraction | None = None  # its time in the file, in seconds


class Meeting:
    """Clips gone through together; one shot of each is in memory.

    Times count from each clip's first shot, since containers begin at different times. Where one of them has no
    times of its own, shots meet in their order.

    Attributes:
        reels: what meets.
        alone: how many shots of each have no partner, so far.
    """

    def __init__(self, reels: Sequence[Reel]) -> None:
        self.reels, self.alone, self.met = reels, [Alone() for _ in reels], 0
        self._since = [0 for _ in reels]  # shots that were left since some met
        units = [reel.unit for reel in reels]
        self._timed = None not in units
        self._tolerance = (
            max(_LEAST_TOLERANCE, sum(unit for unit in units if unit is not None)) if self._timed else 0
        )
        self._starts = [Fraction(0) for _ in reels]

    def __iter__(self) -> Iterator[tuple[int, tuple[Shot, ...]]]:
        """Shots that meet, in the reels' order, after the number of the first one's among its reel's, from 1.

        Raises:
            RunError: hardly any have a partner.
        """
        shots = [iter(reel.shots) for reel in self.reels]
        heads = [next(each, None) for each in shots]
        self._starts = [head.start if head is not None else Fraction(0) for head in heads]
        while (present := [head for head in heads if head is not None]) and len(present) == len(heads):
            times = [
                head.start - start if self._timed else Fraction(0)
                for head, start in zip(present, self._starts, strict=True)
            ]
            latest = max(times)
            early = [n for n, time in enumerate(times) if latest - time > self._tolerance]
            if not early:
                self.met, self._since = self.met + 1, [0 for _ in self.reels]
                yield self.met + self.alone[0].count, tuple(present)
            for n in early:
                self._leave(n, present[n])
            for n in early or range(len(heads)):
                heads[n] = next(shots[n], None)
        for n, head in enumerate(heads):
            while head is not None:
                self._leave(n, head)
                head = next(shots[n], None)

    @property
    def remarks(self) -> list[str]:
        """What is to be said in the end of shots without a partner, and of clips that begin at different times."""
        said = []
        if left := [self._of(n) for n, each in enumerate(self.alone) if each.count]:
            said.append(f"without a partner, and not scored: {', '.join(left)}")
        if self._timed and max(self._starts) - min(self._starts) > self._tolerance:
            begin = ", ".join(
                f"{reel.path} at {float(s):.3f} s" for reel, s in zip(self.reels, self._starts, strict=True)
            )
            said.append(f"times count from each first frame: {begin}")
        return said

    def _leave(self, n: int, shot: Shot) -> None:
        alone = self.alone[n]
        alone.count += 1
        alone.first = shot.start if alone.first is None else alone.first
        self._since[n] += 1
        seen = min(each.count + self.met for each in self.alone)
        if self._timed and (min(self._since) >= _ASTRAY or (seen >= _FEW and 2 * self.met < seen)):
            raise RunError(
                f"frames are not shown at the same times: {self.met} of the first {seen} are; "
                f"{', '.join(map(self._rate, self.reels))}: give clips of one rate, or folders of pictures"
            )

    def _of(self, n: int) -> str:
        alone, path = self.alone[n], self.reels[n].path
        at = f" (the first at {float(alone.first):.3f} s)" if self._timed and alone.first is not None else ""
        return f"{alone.count} of {path}{at}"

    @staticmethod
    def _rate(reel: Reel) -> str:
        return f"{reel.path} has {float(reel.rate or 0):.6g} a second"
