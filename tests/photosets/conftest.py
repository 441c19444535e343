from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from esrgan_train.photosets import resume


class Server:
    """Serves ``content`` on the loopback; what it does wrong is set by its fields."""

    def __init__(self) -> None:
        self.content = b""
        self.etag: str | None = '"first"'
        self.ranges = True  # whether it can send a part
        self.cut_after: list[int] = []  # bytes after which each of the next answers breaks off
        self.status = 200
        self.asked: list[dict[str, str]] = []  # the headers of each request
        self.sent: list[int] = []  # bytes of each answer
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def url(self, name: str = "photos.zip") -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{name}"

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(dict(self.headers))
                server.answer(self)

            def log_message(self, *args: object) -> None: ...

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.status != 200:
            request.send_error(self.status)
            return
        start = self._start(request)
        if start >= len(self.content) > 0:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.etag is not None:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        sent = body[: self.cut_after.pop(0)] if self.cut_after else body
        request.wfile.write(sent)
        self.sent.append(len(sent))

    def _start(self, request: BaseHTTPRequestHandler) -> int:
        wanted, known = request.headers.get("Range"), request.headers.get("If-Range")
        if not self.ranges or wanted is None or (known is not None and known != self.etag):
            return 0
        return int(wanted.removeprefix("bytes=").rstrip("-"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(resume, "_PAUSE", 0.0)
    started = Server()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def without_apt(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test asks this machine's apt-get."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
