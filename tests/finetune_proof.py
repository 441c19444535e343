"""Fine-tune published weights for minutes and compare: ``python -m tests.finetune_proof [ITERATIONS]``.

The published weights for animated films (realesr-animevideov3, ×4) are adapted to photographs with the pixel
loss alone, and so is a network from nothing, for as many iterations. All are measured on the held-out sample
photographs, degraded as in training. Exit status 0: fine-tuned, they gain 2 dB on the weights they started from
and 1 dB on bicubic, and beat the network from nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from esrgan_train.archs.weights import save_pth
from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.inference.models import load_network
from esrgan_train.metrics.image_quality import psnr
from tests.archs.test_published_weights import MODELS, read_ncnn

ITERATIONS = 1000  # about five minutes on two cores


def main(steps: int) -> int:
    """Train twice, print a table; the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        published = folder / "animevideo.pth"
        save_pth(published, read_ncnn(MODELS / "realesr-animevideov3-x4"), {})
        start = [f"init_from={published}"]
        rows = {"bicubic": held_out(bicubic), "published weights": held_out(load_network(published))}
        for label, more in {"fine-tuned": start, "from nothing": []}.items():
            seconds = train(folder / label.split()[0], steps, *more)
            (model,) = (folder / label.split()[0] / "model").glob("*.safetensors")
            rows[label] = held_out(load_network(model))
            print(f"{label}: {steps} iterations in {seconds:.0f} s, {rows[label]:.2f} dB", flush=True)
    for label, value in rows.items():
        print(f"{label:20s} {value:6.2f} dB")
    reached = rows["fine-tuned"] - max(rows["published weights"] + 2, rows["bicubic"] + 1, rows["from nothing"])
    return 0 if reached > 0 else 1


def train(run_dir: Path, steps: int, *more: str) -> float:
    """Seconds that the pixel stage takes; the held-out photographs are looked at once, at the end."""
    given = ["experiment=x4_net", "data=sample", f"run_dir={run_dir}", "logger=csv", f"trainer.max_steps={steps}"]
    quick = [
        f"trainer.val_check_interval={steps}",
        "trainer.num_sanity_val_steps=0",
        "trainer.log_every_n_steps=50",
    ]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "esrgan_train", *given, *quick, *more], check=True, stdout=sys.stderr)
    return time.perf_counter() - started


def held_out(enlarge: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Mean PSNR in dB on the held-out photographs."""
    photos = build_datamodule(compose_config(["experiment=x4_net", "data=sample"])).validation_photos()
    values = []
    with torch.inference_mode():
        for index in range(len(photos)):
            lr, hr = photos[index]["lr"][None], photos[index]["hr"][None]
            values.append(float(psnr(enlarge(lr), hr, 4)))
    return sum(values) / len(values)


def bicubic(lr: torch.Tensor) -> torch.Tensor:
    return F.interpolate(lr, scale_factor=4.0, mode="bicubic")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ITERATIONS))
