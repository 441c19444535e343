"""What is said of a clip before it is enlarged."""

from __future__ import annotations

from esrgan_train.video.clip import Clip
from esrgan_train.video.colours import hdr_of


def cautions(clip: Clip, *, into_clip: bool, deinterlace: bool) -> list[str]:
    """Lines about what will look otherwise than expected.

    Args:
        into_clip: whether a clip is written; else pictures are.
        deinterlace: whether it is deinterlaced.
    """
    said = []
    if clip.interlaced and not deinterlace:
        said.append("is interlaced: give --deinterlace, or its combs are enlarged")
    if deinterlace and not clip.interlaced:
        said.append("says that it is not interlaced: --deinterlace takes some of its sharpness")
    if (hdr := hdr_of(clip.colours)) is not None:
        kept = "so is the enlarged clip, without mastering data" if into_clip else "pictures of it look flat"
        said.append(f"is HDR ({hdr}): {kept}; most models were trained on SDR")
    if clip.has_alpha and into_clip:
        said.append("is transparent, and the enlarged clip is not: -o FOLDER, .apng or .webp keep it")
    elif clip.video.metadata.get("alpha_mode") == "1" and not clip.has_alpha:
        said.append("is transparent, which FFmpeg's decoder does not read: it is left out")
    return [f"{clip.path} {line}" for line in said]
