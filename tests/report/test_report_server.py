from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from esrgan_train.callbacks.crops import FOLDER, write_crops
from esrgan_train.errors import UserError
from esrgan_train.report import server as server_module
from esrgan_train.report.server import Live, Server, serve
from tests.report.folders import make_run, shown


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that serves ``runs/run``, with a page of its state and the number of validations."""
    make_run(tmp_path / "runs" / "run")
    monkeypatch.setattr(server_module, "page_of", lambda runs, live: f"{live} {len(runs[0].photos[0].sr)}")
    server = Server(Live([tmp_path / "runs"]))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def ask(
    server: Server, path: str, *, host: str | None = None, method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def test_it_answers_on_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    status, text, headers = ask(server, "/")
    assert (status, text) == (200, f"{server.live.state()} 3")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200
    assert ask(server, "/", method="HEAD")[:2] == (200, "")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "localhost"]
)
@pytest.mark.parametrize("path", ["/", "/state"])
def test_a_request_for_another_host_is_refused(server: Server, host: str, path: str) -> None:
    status, text, _ = ask(server, path, host=host.format(port=server.server_port))
    assert status == 403
    assert server.live.state() not in text


@pytest.mark.parametrize("path", ["/x", "/report.html", "/../config.yaml", "/state/.."])
def test_there_are_no_other_files(server: Server, path: str) -> None:
    assert ask(server, path)[0] == 404


def test_what_a_run_writes_changes_the_state_and_the_page(server: Server, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "run"
    states = [ask(server, "/state")[1]]
    assert ask(server, "/state")[1] == states[0]
    with (run / "metrics.csv").open("a", encoding="utf-8") as file:
        file.write("9,1,1\n")
    states.append(ask(server, "/state")[1])
    write_crops(run / FOLDER, [shown("a.png", step=9, seed=0)], 9)
    states.append(ask(server, "/state")[1])
    assert ask(server, "/")[1] == f"{states[-1]} 4"  # what changes from here on is news to the page
    make_run(tmp_path / "runs" / "second")
    states.append(ask(server, "/state")[1])
    assert len({*states}) == 4


def test_a_folder_with_nothing_to_show_yet_is_asked_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "runs/run/summary.json").write_text("{")
    status, text, headers = ask(server, "/")
    assert status == 503
    assert headers["Refresh"] == "3"
    assert "summary" in text or "cannot be shown" in text


def test_a_port_that_is_taken_is_a_mistake_of_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--port {server.server_port}: .*leave it out"):
        serve([tmp_path / "runs"], server.server_port)


def test_ctrl_c_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    with caplog.at_level("INFO"):
        serve([make_run(tmp_path / "run")], 0)
    assert caplog.messages[0].startswith("http://127.0.0.1:")
    assert caplog.messages[-1] == "ended"
