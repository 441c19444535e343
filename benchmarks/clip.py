"""Whether the memory of upscaling a clip grows with its length."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.child import result_of, start_child
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import spread
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.pyav import av
from esrgan_train.resident import forget_peak, held_memory, peak_memory
from esrgan_train.video.job import Job
from esrgan_train.video.writer import Encoding

_SIZE = (64, 48)  # width and height
_TIMES_LONGER = 10
_RATE = 25
_MORE = 1.05  # of memory, that does not count as growth


def clip_row(sizes: Sizes) -> Row:
    """The peak of a long clip, next to that of one a tenth as long."""
    lengths = {"ours": sizes.clip_frames, "peer": sizes.clip_frames // _TIMES_LONGER}
    found = {
        side: result_of(start_child(measure_clip, frames), f"clip of {frames} frames")
        for side, frames in lengths.items()
    }
    peaks = {side: spread([result["peak"]], scale=2**-20) for side, result in found.items()}
    before = ", ".join(f"{result['before'] / 2**20:.0f} ({lengths[side]:,})" for side, result in found.items())
    return Row(
        key="clip_memory",
        name=f"peak memory of upscaling {lengths['ours']:,} frames of {_SIZE[0]} × {_SIZE[1]}, H.264 to H.264",
        sizes={"frames": lengths["ours"], "width": _SIZE[0], "height": _SIZE[1]},
        unit="MiB",
        ours=peaks["ours"],
        peer=peaks["peer"],
        peer_name=f"{lengths['peer']:,} frames",
        goal=Goal("share", _MORE),
        note=f"of the whole process (VmHWM); held before the first frame: {before}",
    )


def measure_clip(frames: int) -> dict[str, int]:
    """Bytes held before, and at most while a clip of that many frames is upscaled."""
    keep_freed_memory()  # as the command does
    network = SRVGGNetCompact(num_feat=24, num_conv=8, upscale=4).eval()
    upscaler = Upscaler(network, device=torch.device("cpu"), precision="32", tile=None)
    with TemporaryDirectory() as folder:
        source, target = (Path(folder) / name for name in ("in.mkv", "out.mkv"))
        write_clip(source, frames)
        forget_peak()
        before = held_memory()
        Job([str(source)], target, Encoding(), None, "png", None).run(upscaler)
    return {"before": before, "peak": peak_memory()}


def write_clip(path: Path, frames: int) -> None:
    """A gradient that moves."""
    width, height = _SIZE
    ramp = np.indices((height, width)).sum(0)
    with av().open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=_RATE)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            shades = ((ramp + number) * 2 % 256).astype(np.uint8)
            rgb = np.stack([shades, shades[::-1], shades[:, ::-1]], -1)
            frame = av().VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode())
