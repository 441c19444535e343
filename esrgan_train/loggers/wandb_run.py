"""Weights & Biases: the run's curves, settings, previews and models, offline unless there is a login."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import WandbLogger

from esrgan_train.bounds import bounded
from esrgan_train.errors import RunError
from esrgan_train.files import replacing
from esrgan_train.loggers.background import Background
from esrgan_train.modelfiles.weights import load_weights, save_model
from esrgan_train.remote.url import masked
from esrgan_train.training.checkpoint_io import LAST, best_file
from esrgan_train.training.stages import StageName

log = logging.getLogger(__name__)

Mode = Literal["auto", "online", "offline", "disabled"]
_CONNECT_SECONDS = 20.0
_UPLOAD_SECONDS = 300.0  # at the end; what is not sent by then stays on disk for `wandb sync`


@bounded
def wandb_logger(*, run_dir: str, project: str, name: str, mode: Mode, log_model: bool) -> Background:
    """A logger that writes to ``<run_dir>/wandb``; a resumed run continues the same W&B run.

    The library is imported at the first reading, and never asks anything.

    Args:
        run_dir: the run folder.
        project: W&B's project.
        name: the experiment.
        mode: ``auto`` is what ``WANDB_MODE`` says, else online with a login and offline without one.
        log_model: send the models at the end: the last one, and the best of its stage.
    """
    return Background(
        name="wandb",
        title="Weights & Biases",
        make=lambda _: _connect(Path(run_dir), project, name, mode, log_model),
        give_up=_end_helper,
    )


class _Wandb(WandbLogger):
    """Lightning's, which counts iterations, and ends W&B's run with the training, after ``send_models``."""

    def __init__(self, run: Any, send_models: Callable[[Any], None]) -> None:
        super().__init__(experiment=run)
        self._send_models = send_models
        run.define_metric("step", hidden=True)
        run.define_metric("*", step_metric="step")

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        readings: dict[str, Any] = {**metrics, "step": step}  # W&B's own step may not go back on a resume
        super().log_metrics(readings)

    def finalize(self, status: str) -> None:
        run = self.experiment
        try:
            self._send_models(run)
        finally:
            run.finish(exit_code=0 if status == "success" else 1)


def _connect(run_dir: Path, project: str, name: str, mode: Mode, log_model: bool) -> _Wandb:
    """Start W&B's run: online if that is wanted and possible. One warning says why an online run is offline."""
    folder = run_dir.resolve() / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    _keep_in(folder)
    import wandb

    def start(mode: str) -> _Wandb:
        run = wandb.init(project=project, group=name, name=f"{name} {run_dir.name}", **_options(run_dir, mode))
        for handler in logging.getLogger("wandb").handlers:  # its own log file, on a full disk
            handler.handleError = lambda record: None  # type: ignore[method-assign]  # noqa: ARG005
        return _Wandb(run, partial(_send_models, name=name, run_dir=run_dir) if log_model else lambda _: None)

    wanted = mode if mode != "auto" else mode_of_environment()
    if wanted in ("offline", "disabled"):
        return start(wanted)
    try:
        if _logged_in():
            return start("online")
        if wanted == "online":
            log.warning("Weights & Biases has no login, so this run is kept offline: log in with `wandb login`")
    except (wandb.errors.Error, OSError, TimeoutError) as error:
        log.warning(
            "Weights & Biases cannot be reached (%s); this run is kept offline", " ".join(str(error).split())
        )
        _end_helper()  # it holds the run's id
    return start("offline")


def has_login() -> bool:
    """Whether this machine holds a key for W&B, or another identity; the server is not asked, nothing is kept.

    Raises:
        RunError: the library cannot look for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        _keep_in(Path(folder))
        import wandb

        try:
            return _logged_in()
        except (wandb.errors.Error, OSError) as error:
            reason = " ".join(str(error).split())
            raise RunError(f"Weights & Biases cannot look for its login ({reason}): run `wandb login`") from error
        finally:
            _end_helper()


def _keep_in(folder: Path) -> None:
    """Let the library, which reads this when it is imported, write nothing into the current folder or at home."""
    os.environ["WANDB_SILENT"] = "true"
    for variable in ("WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ[variable] = str(folder)


def _logged_in() -> bool:
    import wandb

    return bool(wandb.login(prompt=False, verify=False))


def _options(run_dir: Path, mode: str) -> dict[str, Any]:
    import wandb
    from omegaconf import OmegaConf

    config_file = run_dir / "config.yaml"
    return {
        "mode": mode,
        "dir": str(run_dir.resolve()),
        "id": run_id(run_dir),
        "reinit": "create_new",  # never the run of an earlier job, or of the caller
        "resume": "allow" if mode == "online" else None,
        "config": OmegaConf.to_container(OmegaConf.load(config_file)) if config_file.exists() else {},
        "settings": wandb.Settings(
            silent=True,
            console="off",
            init_timeout=_CONNECT_SECONDS,
            finish_timeout=_UPLOAD_SECONDS,  # without it a lost network holds the finished run for ever
            finish_timeout_raises=True,
            disable_code=True,
            disable_git=True,
            x_disable_meta=any(masked(word) != word for word in sys.argv),  # it holds the command line
        ),
    }


def _end_helper() -> None:
    """End the library's helper process: left to the exit, it would print a traceback after the table."""
    if (wandb := sys.modules.get("wandb")) is not None:
        wandb.teardown(exit_code=1)


def _send_models(run: Any, *, name: str, run_dir: Path) -> None:
    last = run_dir / "checkpoints" / LAST
    files = {"last": (last if last.exists() else None, ""), "best": (best_of_last_stage(run_dir), "-best")}
    for alias, (file, end) in files.items():
        if file is None:
            continue
        with tempfile.TemporaryDirectory(dir=run_dir / "wandb") as folder:
            path = Path(folder) / f"{name}.safetensors"
            found = load_weights(file)
            save_model(path, found.state_dict, found.metadata)
            _send(run, f"{name}-{run.id}{end}", path, alias)


def _send(run: Any, name: str, file: Path, alias: str) -> None:
    import wandb

    artifact = wandb.Artifact(name, type="model")
    artifact.add_file(str(file))
    run.log_artifact(artifact, aliases=["latest", alias])


def best_of_last_stage(run_dir: Path) -> Path | None:
    """The best checkpoint of the GAN stage, else of the pixel stage; None without any."""
    stages: tuple[StageName, ...] = ("gan", "pixel")
    files = [run_dir / "checkpoints" / best_file(stage) for stage in stages]
    return next((file for file in files if file.exists()), None)


def run_id(run_dir: Path) -> str:
    """The id of the W&B run, kept in the run folder for a resumed or moved run."""
    file = run_dir / "wandb" / "run_id.txt"
    if not file.exists():
        with replacing(file) as partial:
            partial.write_text(uuid.uuid4().hex[:12] + "\n", encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def mode_of_environment() -> str | None:
    """What W&B's environment variables say; None where they leave it open."""
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1"):
        return "disabled"
    given = os.environ.get("WANDB_MODE", "").lower()
    return {"dryrun": "offline"}.get(given, given if given in ("online", "offline", "disabled") else None)
