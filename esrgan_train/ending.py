"""How a run ends early: what train.log and the console say, and the command that resumes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig

from esrgan_train.checks.paths import path_override
from esrgan_train.commands import command
from esrgan_train.data.datamodule import DataModule
from esrgan_train.errors import RunError, StopRequestedError, UserError
from esrgan_train.files import take_failing
from esrgan_train.given import arguments_given
from esrgan_train.launch import rank, tell_children
from esrgan_train.logs import add_log_file, remove_log_file
from esrgan_train.resume import has_checkpoint

log = logging.getLogger(__name__)


@contextmanager
def reporting_end(cfg: DictConfig, trainer: Trainer, datamodule: DataModule) -> Iterator[None]:
    """Keep train.log while a run lasts; an exception is written there, and leaves with the way to resume.

    Only the first process keeps the file. What could not be written is listed at the end.
    """
    take_failing()  # of an earlier run in this process
    handler = add_log_file(Path(cfg.run_dir) / "train.log") if rank() == 0 else None
    try:
        yield
    except StopRequestedError as stop:
        told = StopRequestedError(f"{stop}; {way_on(cfg, trainer.global_step)}", stop.signal_number)
        log.info("%s", told, extra={"to_file_only": True})
        raise told from None
    except (UserError, RunError) as error:
        if rank() == 0 and (isinstance(error, RunError) or error is datamodule.failure):
            kind = RunError if isinstance(error, RunError) else UserError
            error = kind(f"{error}; {way_on(cfg, trainer.global_step)}")
        log.error("%s", error, extra={"to_file_only": True})
        raise error
    except Exception:
        log.exception("training failed", extra={"to_file_only": True})
        if rank() == 0 and has_checkpoint(Path(cfg.run_dir)):
            log.warning("the run has failed; %s", way_on(cfg, trainer.global_step))
        raise
    finally:
        tell_children(None)
        if failing := take_failing():
            names = ", ".join(f"{what} ({reason})" for what, reason in failing.items())
            log.warning("not up to date, since the last attempt to write failed: %s", names)
        if handler is not None:
            remove_log_file(handler)


def way_on(cfg: DictConfig, done: int) -> str:
    """How to continue a run that ended early after ``done`` iterations, by what it has left behind."""
    if not has_checkpoint(Path(cfg.run_dir)):
        again = command("esrgan_train", *arguments_given())
        return f"there is no checkpoint yet, so start again with: {again}"
    if done >= cfg.trainer.max_steps:
        return f"no iteration is left to do, and {Path(cfg.run_dir) / 'model'} holds what they made"
    return f"resume with: {resume_command(cfg)}"


def resume_command(cfg: DictConfig) -> str:
    """The command line that resumes this run, to be pasted into a shell."""
    replaced = ("ckpt_path", "run_dir")
    given = [a for a in arguments_given() if a.lstrip("+").partition("=")[0] not in replaced]
    return command("esrgan_train", *given, path_override("run_dir", cfg.run_dir), "ckpt_path=last")
