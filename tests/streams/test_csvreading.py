"""Files of comma-separated values, as spreadsheets and databases write them."""

from __future__ import annotations

import csv
import io
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams.csvreading import CHUNK_BYTES, Columns, Row, UnreadableFile, check_file, read_rows

COLUMNS = Columns(required=("a", "b"), optional=("c",))


def rows(data: bytes) -> list[Row]:
    file = io.BytesIO(data)
    return list(read_rows(file, check_file(file, COLUMNS)))


def values(data: bytes) -> list[dict[str, str]]:
    return [row.values for row in rows(data)]


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableFile) as caught:
        check_file(io.BytesIO(data), COLUMNS)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n", b"a,b\r\n1,2\r\n", b"a,b\r1,2\r", b"a,b\n1,2", b"a;b\n1;2\n", b"a\tb\n1\t2\n",
        b"\xef\xbb\xbfa,b\n1,2\n", b'"a";"b"\n"1";"2"\n', b" A , b \n 1 , 2 \n", b"\n\na,b\n\n1,2\n\n",
        b"b,a\n2,1\n", b"a,b,c\n1,2,\n", b"a,b,c\n1,2,  \n",
    ],
)  # fmt: skip
def test_files_that_say_the_same_are_read_the_same(data: bytes) -> None:
    assert values(data) == [{"a": "1", "b": "2"}]


def test_a_separator_within_quotation_marks_is_text() -> None:
    assert values(b'a;b\n"1;2";"say ""x"""\n') == [{"a": "1;2", "b": 'say "x"'}]


def test_a_row_is_told_by_the_line_where_it_begins() -> None:
    assert [row.line for row in rows(b'a,b\n"1\r\n1",2\n\n3,4\n')] == [2, 5]


def test_a_quoted_line_break_is_part_of_its_cell() -> None:
    assert values(b'a,b\n"1\n1",2\n') == [{"a": "1\n1", "b": "2"}]


def test_a_file_with_a_heading_only_has_no_rows() -> None:
    assert rows(b"a,b\n") == []


@pytest.mark.parametrize("row", [b"1", b"1,2,3"])
def test_a_row_with_another_number_of_cells_is_refused_on_its_own(row: bytes) -> None:
    first, second = rows(b"a,b\n" + row + b"\n1,2\n")
    assert [each.code for each in first.faults] == ["wrong-type"]
    assert second.values == {"a": "1", "b": "2"}


def test_unknown_columns_are_named_and_passed_over() -> None:
    file = io.BytesIO(b"a,x,b,Y\n1,2,3,4\n")
    assert check_file(file, COLUMNS).unknown == ("x", "y")


def test_columns_of_an_earlier_refusal_are_not_unknown() -> None:
    assert check_file(io.BytesIO(b"a,b,refused_line,refused_because\n"), COLUMNS).unknown == ()


def test_an_empty_file_is_refused() -> None:
    assert "is empty" in refusal(b"")


def test_utf_16_is_named() -> None:
    assert "UTF-16" in refusal("a,b\n1,2\n".encode("utf-16"))


def test_utf_16_without_a_mark_is_found_by_its_nul_characters() -> None:
    assert "line 1 has NUL characters" in refusal("a,b\n1,2\n".encode("utf-16-le"))


def test_another_encoding_is_refused_with_the_line() -> None:
    assert refusal("a,b\n1,2\nZoë,4\n".encode("latin-1")).startswith("line 3 is not UTF-8 text")


def test_a_character_that_is_cut_off_at_the_end_is_refused() -> None:
    assert refusal("a,b\n1,ë".encode()[:-1]).startswith("line 2 is not UTF-8 text")


def test_a_character_across_two_chunks_is_read() -> None:
    head = b"a,b\n1,2\n"
    cell = b"x" * 100_000
    fill = b"".join(b"%s,2\n" % cell for _ in range(10))
    left = CHUNK_BYTES - len(head) - len(fill) - 1
    assert values(head + fill + b"x" * left + "ë,2\n".encode())[-1]["a"].endswith("xë")


def test_a_missing_column_is_named_with_a_near_one() -> None:
    columns = Columns(required=("case_id",))
    with pytest.raises(UnreadableFile, match=r"names no column case_id; is it `caseid`\?"):
        check_file(io.BytesIO(b"caseid,x\n"), columns)


def test_a_file_without_a_heading_is_refused_and_its_people_are_not_shown() -> None:
    assert "138001" not in refusal(b"13800138000,Li Na\n")


def test_a_column_that_occurs_twice_is_refused() -> None:
    assert refusal(b"a,b,a\n") == "the first line names a twice"


def test_a_quotation_mark_that_never_ends_is_refused_with_its_line() -> None:
    said = refusal(b'a,b\n1,2\n3,"4\n5,6\n')
    assert said == "from line 3 on the file cannot be read: a quotation mark is opened and never closed"


def test_text_after_a_closing_quotation_mark_is_refused_with_its_line() -> None:
    assert refusal(b'a,b\n"1"x,2\n').startswith("from line 2 on the file cannot be read: something stands between")


def test_a_hundred_thousand_rows_take_the_memory_of_one() -> None:
    file = io.BytesIO(b"a,b\n" + b"1,2\n" * 100_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(file, check_file(file, COLUMNS))) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)


@given(st.lists(st.tuples(cells, cells), max_size=8), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
def test_what_a_spreadsheet_writes_is_read_back(table: list[tuple[str, str]], separator: str, end: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *table])
    found = values(written.getvalue().encode())
    expected = [{name: text.strip() for name, text in zip("ab", row, strict=True) if text.strip()} for row in table]
    assert found == expected


@given(st.binary(max_size=80).map(lambda data: b"a,b\n" + data) | st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Any other error fails the test."""
    with suppress(UnreadableFile):
        rows(data)
