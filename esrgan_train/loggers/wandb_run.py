"""Weights & Biases: the run's curves, settings, previews and model, offline unless there is a login."""

from __future__ import annotations

import logging
import netrc
import os
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from omegaconf import OmegaConf

from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.loggers.attempts import OptionalLogger
from esrgan_train.loggers.quiet import quiet_log
from esrgan_train.modelfiles.weights import load_weights, save_model
from esrgan_train.training.checkpoint_io import best_file
from esrgan_train.training.stages import StageName

log = logging.getLogger(__name__)

MODES = ("auto", "online", "offline", "disabled")
_CONNECT_SECONDS = 20.0
_UPLOAD_SECONDS = 300.0  # at the end; what is not sent by then stays on disk for `wandb sync`


class WandbRun(OptionalLogger):
    """Writes to ``<run_dir>/wandb``, and goes on with the same W&B run when the run is resumed.

    The library is imported at the first reading, and never asks anything.

    Args:
        run_dir: the run folder.
        project: W&B's project.
        name: the experiment.
        mode: ``auto`` (see ``choose_mode``), ``online``, ``offline`` or ``disabled``.
        log_model: send the model at the end: the last one, and the best of its stage.

    Raises:
        UserError: an unknown mode.
    """

    def __init__(self, *, run_dir: str, project: str, name: str, mode: str, log_model: bool) -> None:
        super().__init__(run_dir=run_dir, title="Weights & Biases")
        if mode not in MODES:
            raise UserError(f"logger.wandb.mode={mode} is not known: give {', '.join(MODES)}")
        self.project = project
        self.experiment_name = name
        self.mode = mode
        self.log_model = log_model
        self._run: Any = None

    @property
    def name(self) -> str:
        """The logger's name among others."""
        return "wandb"

    def send_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Log one reading; ``step`` is a value of its own, as W&B refuses steps that go back on a resume."""
        self.run().log({**metrics, "step": step})

    def send_picture(self, name: str, path: Path, step: int) -> None:
        """Log a picture."""
        import wandb

        self.run().log({name: wandb.Image(str(path)), "step": step})

    def close(self, status: str) -> None:
        """Send the models and end the W&B run."""
        if self._run is None:
            return
        run, self._run = self._run, None
        try:
            if self.log_model:
                self._send_models(run)
        finally:
            run.finish(exit_code=0 if status == "success" else 1)

    def abandon(self) -> None:
        """End the library's helper process now: left to the exit, it would print a traceback after the table.

        A next job of the same sweep then starts with a fresh one.
        """
        self._run = None
        wandb = sys.modules.get("wandb")
        try:
            if wandb is not None:
                wandb.teardown(exit_code=1)
        except Exception as error:  # noqa: BLE001 — it was warned about; there is nothing left to save
            log.debug("Weights & Biases could not be ended: %s", one_line(error))

    def run(self) -> Any:
        """W&B's run, started at the first call."""
        if self._run is None:
            self._run = self._start()
        return self._run

    def _start(self) -> Any:
        # The library reads these when it is imported. Nothing of a run may land in the current folder or at home.
        os.environ["WANDB_SILENT"] = "true"
        folder = self.run_dir.resolve() / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        for variable in ("WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
            os.environ[variable] = str(folder)
        import wandb

        mode = self.mode if self.mode != "auto" else choose_mode(os.environ)
        if mode == "online" and not has_login(os.environ):
            log.warning("Weights & Biases has no login, so this run is kept offline: log in with `wandb login`")
            mode = "offline"
        try:
            run = self._init(wandb, mode)
        except (wandb.errors.Error, OSError, TimeoutError) as error:
            if mode != "online":
                raise
            log.warning("Weights & Biases cannot be reached (%s); this run is kept offline", one_line(error))
            run = self._init(wandb, "offline")
        quiet_log("wandb")
        run.define_metric("step", hidden=True)
        run.define_metric("*", step_metric="step")
        return run

    def _init(self, wandb: Any, mode: str) -> Any:
        config_file = self.run_dir / "config.yaml"
        config = OmegaConf.to_container(OmegaConf.load(config_file)) if config_file.exists() else {}
        return wandb.init(
            project=self.project,
            name=f"{self.experiment_name} {self.version}",
            group=self.experiment_name,
            dir=str(self.run_dir.resolve()),
            id=run_id(self.run_dir),
            resume="allow" if mode == "online" else None,
            mode=mode,
            config=config,
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=_CONNECT_SECONDS,
                finish_timeout=_UPLOAD_SECONDS,  # without it a lost network holds the finished run for ever
                finish_timeout_raises=True,
                disable_code=True,
                disable_git=True,
            ),
        )

    def _send_models(self, run: Any) -> None:
        import wandb

        models = sorted((self.run_dir / "model").glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
        best = best_of_last_stage(self.run_dir)
        if models:
            artifact = wandb.Artifact(f"{self.experiment_name}-{run.id}", type="model")
            artifact.add_file(str(models[-1]))
            run.log_artifact(artifact, aliases=["latest", "last"])
        if best is not None:
            with tempfile.TemporaryDirectory(dir=self.run_dir / "wandb") as folder:
                path = Path(folder) / f"{self.experiment_name}.safetensors"
                found = load_weights(best)
                save_model(path, found.state_dict, found.metadata)
                artifact = wandb.Artifact(f"{self.experiment_name}-{run.id}-best", type="model")
                artifact.add_file(str(path))
                run.log_artifact(artifact, aliases=["latest", "best"])


def best_of_last_stage(run_dir: Path) -> Path | None:
    """The best checkpoint of the GAN stage, or of the pixel stage where there was no other; None without any."""
    stages: tuple[StageName, ...] = ("gan", "pixel")
    files = [run_dir / "checkpoints" / best_file(stage) for stage in stages]
    return next((file for file in files if file.exists()), None)


def run_id(run_dir: Path) -> str:
    """W&B's name of this run folder's run: kept in it, so that a resumed or moved run goes on under it."""
    file = run_dir / "wandb" / "run_id.txt"
    if not file.exists():
        with replacing(file) as partial:
            partial.write_text(uuid.uuid4().hex[:12] + "\n")
    return file.read_text().strip()


def choose_mode(environment: Mapping[str, str]) -> str:
    """``WANDB_MODE`` if it is set; else online where there is a login, offline where there is none."""
    if environment.get("WANDB_DISABLED", "").lower() in ("true", "1"):
        return "disabled"
    given = environment.get("WANDB_MODE", "").lower()
    if given in ("dryrun", "offline"):
        return "offline"
    if given in ("online", "disabled"):
        return given
    return "online" if has_login(environment) else "offline"


def has_login(environment: Mapping[str, str]) -> bool:
    """Whether W&B finds a key without asking: in the environment, or in the netrc file of ``wandb login``."""
    if environment.get("WANDB_API_KEY") or environment.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlparse(environment.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    given = environment.get("NETRC")
    for file in [Path(given)] if given else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            return netrc.netrc(file).hosts.get(host) is not None
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def one_line(error: BaseException) -> str:
    """The message without line breaks."""
    return " ".join(str(error).split())
