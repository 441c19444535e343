"""Pictures that are trained on and held out."""

from __future__ import annotations

from collections.abc import Iterator

from esrgan_train.doctor.examination import Examination
from esrgan_train.doctor.finding import Finding
from esrgan_train.screening.duplicates import matches_between


def overlap_check(examination: Examination) -> Iterator[Finding]:
    """Whether held-out photos are also trained on, by their perceptual hashes."""
    training, held_out = examination
    trained, measured = training.good, held_out.good
    if not trained or not measured:
        return
    found = matches_between([seen.fingerprint for seen in measured], [seen.fingerprint for seen in trained])
    compared = f"{len(measured):,} held-out with {len(trained):,} training photos compared"
    if len(training.photos) < len(training.source):
        compared += f" of {len(training.source):,} (--all compares all)"
    if not found:
        yield Finding("overlap", "ok", f"{compared}: none look alike")
        return
    names = tuple(
        f"{held_out.source.place(measured[match.index].index)} looks like "
        f"{training.source.place(trained[match.earlier].index)} ({match.bits} bits differ)"
        for match in found
    )
    yield Finding(
        "overlap",
        "problem",
        f"{compared}: {len(found):,} are trained on as well, or nearly so: val/psnr will look too good",
        "remove one of each two, or hold out photos of other scenes: data.val_dir=my/held_out, or with "
        "data=mixed data.pairs_val_dir=my/held_out",
        names,
    )
