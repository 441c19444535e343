"""Interlaced frames as whole ones, by FFmpeg's bwdif."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from esrgan_train.pyav import av

if TYPE_CHECKING:
    from av import VideoFrame

_ONE_EACH = "mode=send_frame:deint=all"  # as many frames as before, at the same times


class Deinterlacer:
    """Takes frames in order, and gives each back once it has seen the next.

    Source: FFmpeg's filter bwdif, which joins w3fdif (BBC R&D) and yadif.
    """

    def __init__(self) -> None:
        self._graph: Any = None
        self._kind: tuple[Any, ...] = ()  # of the frames that the graph takes

    def __call__(self, frames: Iterable[VideoFrame], unit: Fraction) -> Iterator[VideoFrame]:
        """The frames that are complete with these; ``unit`` is that of their times, in seconds."""
        for frame in frames:
            kind = (frame.width, frame.height, frame.format.name)
            if kind != self._kind:
                yield from self.rest()
                self._graph, self._kind = _graph_for(frame, unit), kind
            self._graph.push(frame)
            yield from self._ready()

    def rest(self) -> Iterator[VideoFrame]:
        """What is left in the end."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()
            self._graph, self._kind = None, ()

    def _ready(self) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av().error.BlockingIOError, av().error.EOFError):
                return
            yield frame


def _graph_for(frame: VideoFrame, unit: Fraction) -> Any:
    graph = av().filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=unit)
    bwdif, sink = graph.add("bwdif", _ONE_EACH), graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    return graph
