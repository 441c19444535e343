"""The training command: ``python -m esrgan_train [experiment=NAME] [group=choice ...] [key=value ...]``."""

from __future__ import annotations

import os
import sys

import hydra
from omegaconf import DictConfig

from esrgan_train.cli import DONE, MISTAKES, complain, run_command
from esrgan_train.config import config_dir, register
from esrgan_train.errors import StopRequestedError
from esrgan_train.launch import started_by_first_process
from esrgan_train.train import train


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong options or data."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1" and not started_by_first_process():
        launch([])
        sys.exit(DONE)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises its errors, instead of printing them its own way
    sys.exit(run_command(lambda: launch([*MISTAKES, Exception])))


def launch(told: list[type[BaseException]]) -> int:
    """Let Hydra compose and run the jobs; the worst exit status of them.

    A job that fails with one of ``told`` is reported, and the next job of a sweep goes on.
    """
    worst = DONE

    def job(cfg: DictConfig) -> float | None:
        nonlocal worst
        try:
            return train(cfg)
        except StopRequestedError as stop:
            if stop.signal_number or not told:
                raise  # a sweep ends too
            worst = max(worst, complain(stop))
            return None
        except tuple(told) as error:
            worst = max(worst, complain(error))
            return None

    register()
    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(job)()
    return worst


if __name__ == "__main__":
    main()
