"""moto's S3 server on loopback, with faults at will."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from s3fs import S3FileSystem
from werkzeug.serving import make_server

NAME = "photos"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
ONCE = {"AWS_MAX_ATTEMPTS": "1"}  # trying again is what the tests look at


class Request(NamedTuple):
    """What was asked for."""

    method: str
    path: str  # below the bucket
    range: str


class Bucket:
    """A bucket called ``photos``.

    Attributes:
        environment: in which it is found; see ``find_s3``.
        requests: all that came since ``clear``.
        broken: (number of the request among those for shards, request) → whether it is refused with status 503.
        cut: the same, → whether the connection ends in the middle of the answer.
        slow: the same, → seconds before the answer.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._server.log = lambda *_: None  # type: ignore[method-assign]
        self.environment = {**ACCOUNT, **ONCE, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}"}
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._lock = threading.Lock()
        self.forgive()

    def create(self) -> None:
        """Make the bucket."""
        self.client = boto3.client("s3")
        self.client.create_bucket(Bucket=NAME)

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._thread.join()

    def forgive(self) -> None:
        """Forget all faults and requests."""
        self.requests: list[Request] = []
        self.of_shards = 0
        self.broken: Callable[[int, Request], bool] = lambda _number, _request: False
        self.cut: Callable[[int, Request], bool] = lambda _number, _request: False
        self.slow: Callable[[int, Request], float] = lambda _number, _request: 0.0

    def clear(self) -> None:
        """Empty the bucket, and forget all faults."""
        self.forgive()
        for key in self.held():
            self.client.delete_object(Bucket=NAME, Key=key)
        self.forgive()

    def held(self) -> list[str]:
        """The names of all objects."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=NAME).get("Contents", [])]

    def reads(self) -> list[Request]:
        """The ranges of shards that were asked for."""
        return [r for r in self.requests if r.method == "GET" and "shard-" in r.path and r.range]

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix(f"/{NAME}").removeprefix("/")
        request = Request(environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE", ""))
        with self._lock:
            self.requests.append(request)
            self.of_shards += "shard-" in path
            number = self.of_shards
        if "shard-" in path:
            time.sleep(self.slow(number, request))
            if self.broken(number, request):
                start_response("503 Service Unavailable", [("Content-Length", "0")])
                return []
        answer = self._app(environ, start_response)
        if "shard-" in path and self.cut(number, request):
            return [b"".join(answer)[:10]]
        return answer  # type: ignore[no-any-return]


def find_s3(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Let ``s3://`` mean the server that the environment names: fsspec keeps connections to the one before it."""
    for name, value in environment.items():
        patch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
