"""Whether the batch fits into the memory of the device."""

from __future__ import annotations

from collections.abc import Iterator

from esrgan_train.data.options import StreamOptions
from esrgan_train.doctor.finding import Finding
from esrgan_train.doctor.rehearsal import Batch, Forecast, Rehearsal
from esrgan_train.space import shown_bytes
from esrgan_train.training.stages import STAGE_NAMES

# Share of the memory above which a batch is tight. On a CPU it is not even tried: forecasts were 4 % below to 13 %
# above what three batches then took.
_TIGHT = 0.95


def memory_check(rehearsal: Rehearsal, batch: Batch, options: StreamOptions) -> Iterator[Finding]:
    """Rehearse an iteration of each stage.

    On a CPU the system kills a process that takes too much, and perhaps others before: two small batches tell
    first what the whole one would take.
    """
    size, device = options.batch_size, rehearsal.device.type
    forecast = None
    if device == "cpu" and rehearsal.measures_memory and size > 1:
        forecast = rehearsal.forecast(batch, size)
        if forecast is None or forecast.used(size) > _TIGHT * forecast.room:
            yield _too_large(options, device, forecast)
            return
    peak = rehearsal.run(batch, size)
    if peak is None:
        smaller = rehearsal.forecast(batch, size) if size > 1 else None
        yield _too_large(options, device, smaller)
        return
    stages = " and ".join(STAGE_NAMES[name] for name, *_ in rehearsal.coming())
    ran = f"one iteration of the {stages} with data.batch_size={size} on {rehearsal.device}"
    if not rehearsal.measures_memory or not peak.room:
        yield Finding("memory", "ok", f"{ran}: it fits; this system does not say how much it takes")
        return
    what = f"{ran}: {shown_bytes(peak.used)} of {shown_bytes(peak.room)} at most"
    if peak.used > _TIGHT * peak.room:
        yield Finding("memory", "note", f"{what}, nearly all", "close other programs, or give a smaller batch")
    else:
        yield Finding("memory", "ok", what)


def _too_large(options: StreamOptions, device: str, forecast: Forecast | None) -> Finding:
    size = options.batch_size
    what = (
        f"data.batch_size={size} with data.gt_size={options.gt_size} does not fit into the memory of the {device}"
    )
    if forecast is not None:
        what += f": about {shown_bytes(forecast.used(size))} of {shown_bytes(forecast.room)}"
    largest = 0 if forecast is None else min(forecast.largest, size - 1)
    if largest < 1:
        smaller = "give a smaller data.gt_size or network, or another device"
        return Finding("memory", "problem", what, smaller)
    parts = next(parts for parts in range(2, size + 1) if -(-size // parts) <= largest)
    per_part = -(-size // parts)
    whole = per_part * parts * options.accumulate
    remedy = (
        f"data.batch_size={per_part} training.accumulate={parts * options.accumulate} (a whole batch of {whole}, "
        f"now {size * options.accumulate}); up to {largest} should fit"
    )
    return Finding("memory", "problem", what, remedy)
