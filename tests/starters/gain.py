"""What fine-tuning a starter model brings: ``python -m tests.starters.gain [CASE] [MINUTES] [key=value…]``.

Fine-tunes the model that ships for ×2 on photographs that it has never seen, those inside scikit-image in place of
a person's own (or ``data=folder data.train_dir=my/photos``), and prints the scores of held-out ones before and
after; start-up and validations count among the minutes (5). Exit status 0: PSNR-Y has gained.

Cases: ``finetune``, all losses, as ``experiment=finetune`` has them; ``pixel``, the pixel loss alone; ``bad``, the
pixel loss alone, for pictures that are worse than those which the model was trained for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from esrgan_train.callbacks.summary import score_lines

SMALL = ("generator=superultracompact", "upscale=2", "recipe=starter", "init_from=starter", "logger=csv")
PIXEL = ("experiment=x4_net", "optimizer.pixel_lr=3e-4")  # trained weights need no more
CASES = {
    "finetune": ("experiment=finetune", "degradation=everyday"),
    "pixel": (*PIXEL, "degradation=everyday"),
    "bad": (*PIXEL, "degradation=realesrgan"),
}


def main(words: Sequence[str]) -> int:
    """Train, print the table; the exit status."""
    overrides = [word for word in words if "=" in word]
    case, *more = [word for word in words if "=" not in word and word in CASES] or ["finetune"]
    minutes = [float(word) for word in words if "=" not in word and word not in CASES] or [5.0]
    if more or len(minutes) > 1:
        raise SystemExit(f"give one of {', '.join(CASES)}, and minutes")
    with tempfile.TemporaryDirectory() as folder:
        given = ["data=sample", *CASES[case], *SMALL, f"recipe.hours={minutes[0] / 60:g}", *overrides]
        command = [sys.executable, "-m", "esrgan_train", *given, f"run_dir={folder}/run"]
        print(*["python", *command[1:-1]])
        if failed := subprocess.run(command, stdout=sys.stderr).returncode:
            return failed
        summary = json.loads((Path(folder) / "run" / "summary.json").read_text(encoding="utf-8"))
    start, stages = summary["start"], summary["stages"]
    for line in score_lines(start, stages):
        print("  ".join(f"{cell:<30}" if number == 0 else f"{cell:>10}" for number, cell in enumerate(line)))
    gains = {name: summary["val"][name] - start[name] for name in ("psnr", "ssim", "psnr_y", "ssim_y")}
    told = ", ".join(f"{name} {gain:+.4f}" for name, gain in gains.items())
    print(f"{summary['iterations']} iterations, {summary['seconds']:.0f} s: {told}")
    return 0 if gains["psnr_y"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
