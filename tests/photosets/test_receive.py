"""What the servers of sets do: send parts or not, break off, have changed."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import numpy as np
import pytest

from esrgan_train.errors import RunError
from esrgan_train.photosets import resume
from esrgan_train.photosets.resume import receive

CONTENT = np.random.default_rng(5).bytes(1_000_000)


def silent(*seen: object) -> None: ...


def fetched(server, partial: Path, *, checked: bool = False, most: int | None = None) -> bool:
    return receive(server.url(), partial, checked=checked, show=silent, most=most)


def test_a_file_comes_whole_and_tells_how_much_has_come(server, tmp_path):
    server.content, told = CONTENT, []
    partial = tmp_path / "photos.partial"
    assert not receive(server.url(), partial, checked=False, show=lambda *seen: told.append(seen))
    assert partial.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("checked", [True, False])
def test_after_cuts_only_the_rest_is_sent(checked, server, tmp_path):
    server.content, server.cut_after = CONTENT, [300_000, 250_000]
    assert fetched(server, tmp_path / "partial", checked=checked)
    assert (tmp_path / "partial").read_bytes() == CONTENT
    assert server.sent == [300_000, 250_000, 450_000]
    assert [asked.get("If-Range") for asked in server.asked] == [None, '"first"', '"first"']


def test_a_later_command_goes_on_where_the_first_was_killed(server, tmp_path):
    server.content, server.cut_after = CONTENT, [400_000, 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resume, "_CUTS", 1)
        with pytest.raises(RunError, match=r"cut off after 400,000 of 1,000,000 bytes|IncompleteRead"):
            fetched(server, tmp_path / "partial")
    assert (tmp_path / "partial").stat().st_size == 400_000
    assert fetched(server, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == CONTENT
    assert server.sent == [400_000, 0, 600_000]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.content, server.ranges, server.cut_after = CONTENT, False, [400_000]
    fetched(server, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == CONTENT
    assert server.sent == [400_000, 1_000_000]


def test_a_file_that_has_changed_meanwhile_is_sent_whole(server, tmp_path):
    server.content, server.cut_after = CONTENT, [400_000, 0]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError):
        patch.setattr(resume, "_CUTS", 1)
        fetched(server, tmp_path / "partial")
    server.content, server.etag = CONTENT[::-1], '"second"'
    fetched(server, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("checked", "sent"), [(True, 600_000), (False, 1_000_000)])
@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_word_on_which_file_it_is_only_a_checked_one_goes_on(checked, sent, etag, server, tmp_path):
    server.content, server.etag, server.cut_after = CONTENT, etag, [400_000]
    fetched(server, tmp_path / "partial", checked=checked)
    assert (tmp_path / "partial").read_bytes() == CONTENT
    assert server.sent[-1] == sent


def test_what_is_whole_already_is_not_sent_again(server, tmp_path):
    server.content = CONTENT
    fetched(server, tmp_path / "partial")
    assert fetched(server, tmp_path / "partial")
    assert server.sent == [1_000_000]


def test_what_is_longer_than_the_file_is_sent_anew(server, tmp_path):
    server.content = CONTENT
    fetched(server, tmp_path / "partial")
    with (tmp_path / "partial").open("ab") as file:
        file.write(b"more")
    fetched(server, tmp_path / "partial")
    assert (tmp_path / "partial").read_bytes() == CONTENT
    assert server.sent == [1_000_000, 1_000_000]


def test_a_server_that_only_cuts_is_given_up_and_what_came_stays(server, tmp_path):
    server.content, server.cut_after = CONTENT, [1000, *[0] * 10]
    with pytest.raises(RunError, match=r"photos\.zip: "):
        fetched(server, tmp_path / "partial")
    assert len(server.asked) == 6  # one that brought something, five that did not
    assert (tmp_path / "partial").read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_told_at_once(status, server, tmp_path):
    server.status = status
    with pytest.raises(RunError, match=rf"^http://127.0.0.1:\d+/photos.zip: HTTP Error {status}"):
        fetched(server, tmp_path / "partial")
    assert len(server.asked) == 1
    assert not (tmp_path / "partial").exists()


def test_nobody_at_the_address(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RunError, match=rf"^http://127\.0\.0\.1:{port}/a\.zip: .*refused"):
        receive(f"http://127.0.0.1:{port}/a.zip", tmp_path / "partial", checked=True, show=silent)


def test_a_server_that_sends_without_end_is_stopped(server, tmp_path):
    server.content = CONTENT
    with pytest.raises(RunError, match="sends more than the 300,000 bytes"):
        fetched(server, tmp_path / "partial", most=300_000)
    assert (tmp_path / "partial").stat().st_size < 700_000


def test_a_full_disk_is_not_tried_again(server, tmp_path):
    server.content, server.cut_after = CONTENT, [400_000]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        receive(server.url(), tmp_path / "partial", checked=True, show=full)
    assert len(server.asked) == 1
