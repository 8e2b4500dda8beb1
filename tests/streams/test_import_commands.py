"""`riskwatch cases import` and `riskwatch lists import` as far as they go without a broker."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from riskwatch.cli import build
from riskwatch.streams.csvreading import Columns
from riskwatch.streams.faults import Faults, fault
from riskwatch.streams.importing import Report, chosen, chunks, tenant_fault

CASES = """\
case_id,typology,confirmed_at,phone,note
F-1,account takeover,2026-03-01T08:00:00+08:00,13800138000,x
F-2,synthetic identity,2026-03-01,13900139000,x
F-3,"two
lines",2026-03-01T08:00:00+08:00,1.39E+10,x
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    file = tmp_path / "cases.csv"
    file.write_text(CASES)
    return file


def run(*arguments: Any) -> tuple[int, str]:
    """Exit code, and everything that was printed, as one line without the frames around errors."""
    result = CliRunner().invoke(build(str(arguments[0])), [str(each) for each in arguments])
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def test_a_dry_run_tells_what_is_good_and_what_is_refused_with_line_and_column(cases: Path) -> None:
    code, output = run("cases", "import", cases, "--tenant", "acme", "--dry-run")
    assert code == 1
    assert "3 rows read, 1 are cases (dry run: none published), 2 refused" in output
    assert "line 3, column confirmed_at: found a time without a zone" in output
    assert "line 4, column phone: found a power of ten" in output


def test_unknown_columns_are_named(cases: Path) -> None:
    assert "columns that are unknown and passed over: note" in run(
        "cases", "import", cases, "--tenant", "acme", "--dry-run"
    )[1]  # fmt: skip


def test_a_report_never_shows_an_identifier(cases: Path) -> None:
    _, output = run("cases", "import", cases, "--tenant", "acme", "--dry-run")
    assert not any(text in output for text in ("13900139000", "1.39E+10"))


def test_a_zone_mends_times_without_one(cases: Path) -> None:
    _, output = run("cases", "import", cases, "--tenant", "acme", "--dry-run", "--zone", "Asia/Shanghai")
    assert "2 are cases" in output


def test_refused_rows_are_written_as_they_are_with_line_and_reason_for_the_owner_alone(cases: Path) -> None:
    refused = cases.with_name("refused.csv")
    run("cases", "import", cases, "--tenant", "acme", "--dry-run", "--refused", refused)
    lines = refused.read_text().splitlines()
    assert lines[0] == "case_id,typology,confirmed_at,phone,note,refused_line,refused_because"
    assert lines[1].startswith('F-2,synthetic identity,2026-03-01,13900139000,x,3,"confirmed_at: found a time')
    assert refused.stat().st_mode & 0o777 == 0o600


def test_refused_rows_can_be_mended_and_imported_again(cases: Path) -> None:
    refused, left = cases.with_name("refused.csv"), cases.with_name("left.csv")
    run("cases", "import", cases, "--tenant", "acme", "--dry-run", "--refused", refused)
    refused.write_text(refused.read_text().replace("1.39E+10", "13900000000"))
    code, output = run(
        "cases", "import", refused, "--tenant", "acme", "--dry-run", "--refused", left, "--zone", "Asia/Shanghai"
    )
    assert (code, "2 rows read, 2 are cases" in output, left.exists()) == (0, True, False)


def test_a_row_that_is_too_short_is_refused_in_the_right_columns(tmp_path: Path) -> None:
    file, refused = tmp_path / "a.csv", tmp_path / "refused.csv"
    file.write_text("case_id,typology,confirmed_at\nF-1\n")
    run("cases", "import", file, "--tenant", "acme", "--dry-run", "--refused", refused)
    assert refused.read_text().splitlines()[1].startswith("F-1,,,2,")


def test_the_file_of_refused_rows_is_not_the_one_that_is_read(cases: Path) -> None:
    code, _ = run("cases", "import", cases, "--tenant", "acme", "--dry-run", "--refused", cases)
    assert code == 1
    assert cases.read_text() == CASES


def test_a_file_with_a_heading_only_has_nothing_to_import(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("case_id,typology,confirmed_at\n")
    assert run("cases", "import", file, "--tenant", "acme", "--dry-run") == (
        0, "0 rows read, 0 are cases (dry run: none published), 0 refused",
    )  # fmt: skip


def test_an_institution_that_cannot_be_one_is_a_usage_error(cases: Path) -> None:
    code, output = run("cases", "import", cases, "--tenant", "Acme Ltd", "--dry-run")
    assert (code, "lower-case letters, digits and hyphens" in output) == (2, True)


def test_a_zone_that_is_none_is_a_usage_error(cases: Path) -> None:
    assert run("cases", "import", cases, "--tenant", "acme", "--dry-run", "--zone", "Mars/Base")[0] == 2


def test_rows_of_lists_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "lists.csv"
    file.write_text("purpose;kind;text;until\nblock;phone;13800138000;\nblok;phone;13900139000;\n")
    code, output = run("lists", "import", file, "--tenant", "acme", "--by", "li.na", "--reason", "r", "--dry-run")
    assert code == 1
    assert "line 3, column purpose: found another text, expected one of allow" in output
    assert "2 rows read, 1 are requests" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "blok", "phone", "1"], 'purpose: found "blok", expected one of allow, allow-always, block, watch'),
        (["add", "block", "phone", "--until", "2020-01-01", "1"], "expires_at: found an instant that is not after"),
        (["add", "block", "phone", "--for", "soon", "1"], "a term is a number of hours, days or weeks"),
        (["add", "block", "phone", "--for", "1d", "--until", "2030-01-01", "1"], "not both"),
        (["add", "block", "ip-net", "10.0.0.0/16"], "expected an IP address, or the /24"),
        (["remove", "block", "phone", "n/a"], "text: found a text without letters or digits, expected a phone"),
    ],
)
def test_a_request_that_cannot_be_right_is_a_usage_error_in_words(arguments: list[str], words: str) -> None:
    code, output = run("lists", *arguments, "--tenant", "acme", "--reason", "r", "--by", "li.na")
    assert code == 2
    assert words in output


def test_a_purpose_that_is_none_cannot_be_shown() -> None:
    assert run("lists", "show", "--purpose", "blok")[0] == 2


# ------------------------------------------------------------------------------------------------------------- the rest


def test_rows_come_in_chunks_the_last_one_shorter() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("name", ["acme", "a", "0-bank", "a" * 63])
def test_an_institutions_name_has_no_fault(name: str) -> None:
    assert tenant_fault(name) is None


@pytest.mark.parametrize("name", ["", "Acme", "-a", "a" * 64, "a_b", "a\n"])
def test_another_name_has_one(name: str) -> None:
    assert tenant_fault(name) is not None


def test_what_was_published_before_a_failure_is_told(tmp_path: Path) -> None:
    told = io.StringIO()
    report = Report(tmp_path, None, Console(file=told))
    report.published = 5_000
    report.__exit__(OSError, OSError("away"), None)
    assert "5,000 of the rows read were published before the failure" in told.getvalue()


def test_every_row_is_made_or_refused(tmp_path: Path) -> None:
    file = io.BytesIO(b"a\n" + b"".join(b"%d\n" % number for number in range(100)))
    report = Report(tmp_path, None, Console(file=io.StringIO()))

    def odd(row: Any) -> int | Faults:
        number = int(row.values["a"])
        return number if number % 2 else fault("out-of-range", "a", "even")

    assert list(chosen(file, Columns(required=("a",)), odd, report)) == list(range(1, 100, 2))
    assert (report.read, report.refused) == (100, 50)
