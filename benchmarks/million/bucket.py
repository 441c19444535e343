"""A bucket on loopback: a folder behind the two requests of S3 that reading a packed set makes.

The one that the tests use, moto's, reads a whole object for each part of it that is asked for, and has to be sent
every object first: shards of a gigabyte cannot be measured so.
"""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ACCOUNT = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}

_PATIENCE = 60.0  # seconds until the server must have started


@contextmanager
def bucket_of(root: Path) -> Iterator[dict[str, str]]:
    """Serve the folders in ``root`` as buckets, in a process of its own; gives the environment to find them in."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(root, sending), daemon=True)
    server.start()
    try:
        if not receiving.poll(_PATIENCE):
            raise TimeoutError("the bucket did not start")
        yield {**ACCOUNT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{receiving.recv()}"}
    finally:
        server.terminate()
        server.join()


def _serve(root: Path, port: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (_Answer,), {"root": root}))
    port.send(server.server_port)
    server.serve_forever()


class _Answer(BaseHTTPRequestHandler):
    """HEAD and GET of an object, with or without a range."""

    root: Path
    protocol_version = "HTTP/1.1"  # connections stay open
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        """Its bytes."""
        self._answer(with_body=False)

    def do_GET(self) -> None:
        """Its content, or a part of it."""
        self._answer(with_body=True)

    def log_message(self, *_: Any) -> None:
        """Nothing: a line for each request would be measured too."""

    def _answer(self, *, with_body: bool) -> None:
        file = self.root / self.path.partition("?")[0].lstrip("/")
        if not file.is_file():
            self.send_response(HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = file.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, stop = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{size}"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.end_headers()
        if with_body:
            self.wfile.flush()
            with file.open("rb") as content:
                self.connection.sendfile(content, start, stop - start)
