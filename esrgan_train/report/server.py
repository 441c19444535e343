"""The page of runs that are still training, from a server that only this machine reaches."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from esrgan_train.compare.runs import find_runs
from esrgan_train.errors import UserError
from esrgan_train.report.folder import read_folders
from esrgan_train.report.page import page_of

log = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
_WATCHED = ("config.yaml", "metrics.csv", "summary.json", "origin.json", "train.log", "previews/crops")


class Live:
    """The page of the runs in some folders, and a word that changes whenever they write something new."""

    def __init__(self, given: list[Path]) -> None:
        self.given = given
        self._made = ("", "")  # the last page, after its state
        self._making = threading.Lock()  # Hydra composes one configuration at a time

    def page(self) -> str:
        """The page of now; ``UserError`` if there is nothing to show."""
        with self._making:
            if self._made[0] != (state := self.state()):
                self._made = state, page_of(read_folders(find_runs(self.given)), live=state)
            return self._made[1]

    def state(self) -> str:
        """The same as long as nothing has changed."""
        files = [run / name for run in find_runs(self.given) for name in _WATCHED]
        files += [photo for folder in files if folder.name == "crops" for photo in sorted(folder.glob("*/"))]
        digest = blake2b(digest_size=12)
        for file in files:
            found = file.stat() if file.exists() else None
            digest.update(f"{file} {found and (found.st_mtime_ns, found.st_size)}\n".encode(errors="replace"))
        return digest.hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``live`` on a free port of this machine's own address; ``host_names`` are those it answers to."""

    daemon_threads = True

    def __init__(self, live: Live, port: int = 0) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.live = live
        self.host_names = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        return f"http://{ADDRESS}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """Answers ``GET /`` and ``GET /state``, and nothing that was addressed to another host.

    A page of the web can make its own name mean this machine (DNS rebinding); its requests carry that name.
    """

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        answers: dict[str, tuple[Callable[[], str], str]] = {
            "/": (self.server.live.page, "text/html"),
            "/state": (self.server.live.state, "text/plain"),
        }
        if self.headers.get("Host", "") not in self.server.host_names:
            self._answer(HTTPStatus.FORBIDDEN, f"This server answers to {self.server.url} alone.")
        elif self.path not in answers:
            self._answer(HTTPStatus.NOT_FOUND, f"There is only {self.server.url} here.")
        else:
            make, kind = answers[self.path]
            try:
                text = make()
            except UserError as error:
                self._answer(
                    HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\nThis page asks again by itself.", refresh=True
                )
            else:
                self._answer(HTTPStatus.OK, text, kind=kind)

    do_HEAD = do_GET  # noqa: N815 — http.server's name

    def _answer(self, status: HTTPStatus, text: str, *, kind: str = "text/plain", refresh: bool = False) -> None:
        content = text.encode(errors="replace")
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
        } | ({"Refresh": "3"} if refresh else {})
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # a browser that reloads does not wait
                self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the page asks every two seconds."""


def serve(given: list[Path], port: int) -> None:
    """Show the runs in ``given`` until Ctrl-C.

    Raises:
        UserError: the port is taken.
    """
    try:
        server = Server(Live(given), port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; leave it out for a free one") from error
    with server:
        log.info("%s shows %s; Ctrl-C ends it", server.url, ", ".join(map(str, given)))
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            log.info("ended")
