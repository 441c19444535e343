"""The command that checks a run before it: ``python -m esrgan_train.doctor [key=value ...]``."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from esrgan_train.build import kernels_of
from esrgan_train.checks.flags import overrides_of
from esrgan_train.cli import report_error, run_command
from esrgan_train.commands import program
from esrgan_train.config import compose_config, with_upscale
from esrgan_train.doctor.consultation import consult
from esrgan_train.doctor.examination import MOST
from esrgan_train.doctor.finding import Finding
from esrgan_train.doctor.report import closing_line, exit_status, print_finding
from esrgan_train.errors import StopRequestedError
from esrgan_train.logs import show


def main(arguments: list[str] | None = None) -> int:
    """Print each finding as soon as it is there; the exit status is 0 if there is no problem."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    overrides = overrides_of(parser, words)
    options, _ = parser.parse_known_args(words)
    started = time.monotonic()
    found: list[Finding] = []
    try:
        cfg = with_upscale(compose_config(overrides))
        with kernels_of(cfg):
            for finding in consult(cfg, overrides, every=options.all, quick=options.quick):
                print_finding(finding)
                found.append(finding)
    except KeyboardInterrupt:
        return report_error(StopRequestedError("stopped by SIGINT; nothing was written", signal.SIGINT))
    show(closing_line(found, time.monotonic() - started), highlight=False)
    return exit_status(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.doctor"),
        description="Check what usually fails hours into a run, and say what to do. Nothing is written.",
        epilog="Give the options that the training will get, such as data=folder data.train_dir=my/photos; "
        f"{program('esrgan_train')} --help lists them. Exit status: 0 no problem, 2 a problem of options or data, "
        "1 a check failed.",
        allow_abbrev=False,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="options of the training")
    parser.add_argument("--all", action="store_true", help=f"decode every photo, not only {MOST:,} of each kind")
    parser.add_argument("--quick", action="store_true", help="no rehearsal of iterations, and no timing")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
