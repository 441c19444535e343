"""A web server on loopback that sends parts of files to those who know a password and a signature."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD, SIGNATURE = "reader", "s3cret-passw0rd", "s3cret-signature"


class _Handler(BaseHTTPRequestHandler):
    root: Path
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        file = self.root / address.path.removeprefix("/set/")
        if self.headers.get("Authorization") != expected or parse_qs(address.query).get("sig") != [SIGNATURE]:
            self._send(403, b"")
        elif not file.is_file():
            self._send(404, b"")
        else:
            self._send_part(file.read_bytes())

    def _send_part(self, content: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted is None:
            self._send(200, content)
        else:
            first, last = wanted.removeprefix("bytes=").split("-")
            self._send(206, content[int(first) : int(last) + 1])

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the files of ``folder``, with credentials, while the block lasts."""
    handler = type("Handler", (_Handler,), {"root": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}/set?sig={SIGNATURE}"
    finally:
        server.shutdown()
        thread.join()
