from __future__ import annotations

import pytest
from omegaconf.errors import ConfigKeyError

from esrgan_train.doctor.finding import Finding, carried_out
from esrgan_train.doctor.report import closing_line, exit_status, print_finding
from esrgan_train.errors import RunError, UserError

OK, NOTE = Finding("disk", "ok", "enough"), Finding("wandb", "note", "no login", "log in")
PROBLEM, FAILED = Finding("photos", "problem", "3 are bad"), Finding("memory", "failed", "it broke")


@pytest.mark.parametrize(
    ("findings", "status", "line"),
    [
        ([OK], 0, "no problem, after 3 s"),
        ([OK, NOTE], 0, "no problem, 1 note, after 3 s"),
        ([PROBLEM, PROBLEM, NOTE, FAILED], 2, "2 problems, 1 note, 1 check failed, after 3 s"),
        ([OK, FAILED], 1, "no problem, 1 check failed, after 3 s"),
    ],
)
def test_the_worst_finding_makes_the_exit_status(findings: list[Finding], status: int, line: str) -> None:
    assert exit_status(findings) == status
    assert closing_line(findings, 3.2) == line


def test_a_finding_is_a_line_with_its_remedy_below(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 200
    print_finding(Finding("photos", "problem", f"[bold] {long}", "remove [them]", ("a.png", "b.png")))
    line, *details, remedy = capsys.readouterr().out.splitlines()
    assert line.split() == [line[0], "photos", "[bold]", long]
    assert [detail.strip() for detail in details] == ["- a.png", "- b.png"]
    assert remedy.split()[1:] == ["remove", "[them]"]


def test_many_details_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_finding(Finding("photos", "problem", "bad", "", tuple(f"{n}.png" for n in range(1234))))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[-1].strip() == "- and 1,224 more"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("give\nmore"), "problem"),
        (ConfigKeyError("no such key"), "problem"),
        (RunError("the disk is gone"), "failed"),
        (ZeroDivisionError("oh"), "failed"),
    ],
)
def test_a_check_that_raises_does_not_end_the_others(error: Exception, status: str) -> None:
    def check():
        yield OK
        raise error

    first, second = carried_out("memory", check)
    assert first == OK
    assert (second.check, second.status) == ("memory", status)
    assert "\n" not in second.what


def test_debugging_shows_where_a_check_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def check():
        yield OK
        raise ZeroDivisionError

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ZeroDivisionError):
        list(carried_out("memory", check))
