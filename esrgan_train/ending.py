"""How a run ends early: what train.log and the console report, and the command that resumes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig

from esrgan_train.causes import foreseen
from esrgan_train.data.datamodule import DataModule
from esrgan_train.errors import LostProcessError, RunError, StopRequestedError, UserError
from esrgan_train.files import take_failing
from esrgan_train.launch import Launch
from esrgan_train.logs import add_log_file, remove_log_file
from esrgan_train.lost_process import farewell
from esrgan_train.ranks import pass_to_children, rank
from esrgan_train.runs.checkpoints import checkpoints_of

log = logging.getLogger(__name__)


@contextmanager
def reporting_end(cfg: DictConfig, launch: Launch, trainer: Trainer, datamodule: DataModule) -> Iterator[None]:
    """Keep train.log while a run lasts; an exception is written there, and leaves with the way to resume.

    Only the first process keeps the file. What could not be written is listed at the end.
    """
    take_failing()  # of an earlier run in this process
    handler = add_log_file(Path(cfg.run_dir) / "train.log") if rank() == 0 else None
    try:
        with farewell.of_run(), _explaining(cfg, trainer):
            yield
    except StopRequestedError as stop:
        stopped = StopRequestedError(f"{stop}; {how_to_resume(cfg, launch, trainer)}", stop.signal_number)
        log.info("%s", stopped, extra={"to_file_only": True})
        raise stopped from None
    except (UserError, RunError) as error:
        if rank() == 0 and (isinstance(error, RunError) or error is datamodule.failure):
            kind = RunError if isinstance(error, RunError) else UserError
            what = "the run has ended" if isinstance(error, LostProcessError) and error.said else error
            error = kind(f"{what}; {how_to_resume(cfg, launch, trainer)}")
        log.error("%s", error, extra={"to_file_only": True})
        raise error
    except Exception:
        log.exception("training failed", extra={"to_file_only": True})
        if rank() == 0 and checkpoints_of(Path(cfg.run_dir)):
            log.warning("the run has failed; %s", how_to_resume(cfg, launch, trainer))
        raise
    finally:
        pass_to_children(None)
        if failing := take_failing():
            names = ", ".join(f"{what} ({reason})" for what, reason in failing.items())
            log.warning("not up to date, since the last attempt to write failed: %s", names)
        if handler is not None:
            remove_log_file(handler)


@contextmanager
def _explaining(cfg: DictConfig, trainer: Trainer) -> Iterator[None]:
    """Turn an error of torch that has a remedy into one line; train.log keeps where it was raised."""
    try:
        yield
    except Exception as error:
        told = isinstance(error, (UserError, RunError, StopRequestedError))
        if told or (cause := foreseen(error, cfg, str(trainer.strategy.root_device))) is None:
            raise
        log.error("training failed", exc_info=error, extra={"to_file_only": True})
        raise cause from error


def how_to_resume(cfg: DictConfig, launch: Launch, trainer: Trainer) -> str:
    """How to continue a run that ended early, by what it has left behind."""
    if not checkpoints_of(Path(cfg.run_dir)):
        return f"there is no checkpoint yet, so start again with: {launch.restart_command()}"
    if trainer.global_step >= cfg.trainer.max_steps:
        return f"no iteration is left to do, and {Path(cfg.run_dir) / 'model'} holds the model"
    return f"resume with: {launch.resume_command(cfg.run_dir)}"
