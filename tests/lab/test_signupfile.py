"""Made-up sign-ups: what is planted is counted in the file itself, without the module that planted it."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from riskwatch.lab.signupfile import Group, write_signups
from riskwatch.lab.signups import Signups

pytest.importorskip("pyarrow")

ROWS = 4_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Group]]:
    path = tmp_path_factory.mktemp("signups") / "signups.csv"
    return path, write_signups(path, Random(11), ROWS)


@pytest.fixture(scope="module")
def rows(made: tuple[Path, list[Group]]) -> list[dict[str, str]]:
    with made[0].open(newline="") as file:
        return list(csv.DictReader(file))


def sharing(rows: list[dict[str, str]], column: str) -> dict[str, list[dict[str, str]]]:
    """Rows by value of a column; of an address without its fraction."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        found[row[column].split(".")[0]].append(row)
    return found


def users(rows: list[dict[str, str]]) -> frozenset[int]:
    return frozenset(int(row["user_id"]) for row in rows)


def planted(groups: list[Group], kind: str) -> set[frozenset[int]]:
    return {frozenset(group.users) for group in groups if group.kind == kind}


def test_there_are_exactly_as_many_rows_and_each_user_once(rows: list[dict[str, str]]) -> None:
    assert len(rows) == len(users(rows)) == ROWS


def test_devices_of_five_to_twenty_users_are_the_rings(rows, made) -> None:
    found = {users(each) for each in sharing(rows, "device_id").values() if len(each) > 3}
    assert found == planted(made[1], "ring")
    assert {len(ring) for ring in found} <= set(range(5, 21))


def test_all_of_a_ring_are_fraudulent_and_buy_within_seconds(rows: list[dict[str, str]]) -> None:
    for ring in (each for each in sharing(rows, "device_id").values() if len(each) > 3):
        assert {row["class"] for row in ring} == {"1"}
        waits = [
            datetime.fromisoformat(row["purchase_time"]) - datetime.fromisoformat(row["signup_time"]) for row in ring
        ]
        assert all(1 <= wait.total_seconds() < 10 for wait in waits)
        assert len({row["ip_address"].split(".")[0] for row in ring}) <= 2


def test_addresses_of_a_hundred_and_more_are_the_offices_all_honest_each_with_a_device(rows, made) -> None:
    offices = [each for each in sharing(rows, "ip_address").values() if len(each) >= 100]
    assert {users(office) for office in offices} == planted(made[1], "office")
    assert offices
    for office in offices:
        assert {row["class"] for row in office} == {"0"}
        assert len({row["device_id"] for row in office}) == len(office)


def test_devices_of_two_or_three_are_the_households_all_honest_at_one_address(rows, made) -> None:
    homes = [each for each in sharing(rows, "device_id").values() if 2 <= len(each) <= 3]
    assert {users(home) for home in homes} == planted(made[1], "household")
    assert homes
    for home in homes:
        assert {row["class"] for row in home} == {"0"}
        assert len({row["ip_address"].split(".")[0] for row in home}) == 1


def test_frauds_that_share_nothing_are_the_lone_ones(rows, made) -> None:
    devices, addresses = sharing(rows, "device_id"), sharing(rows, "ip_address")
    alone = [
        row
        for row in rows
        if row["class"] == "1"
        and len(devices[row["device_id"]]) == 1
        and len(addresses[row["ip_address"].split(".")[0]]) == 1
    ]
    assert {users([row]) for row in alone} == planted(made[1], "lone-fraud")
    assert len(alone) == 80  # 2 % of 4,000


def test_every_fraud_is_in_a_ring_or_alone(rows, made) -> None:
    in_groups = frozenset().union(*planted(made[1], "ring"), *planted(made[1], "lone-fraud"))
    assert users([row for row in rows if row["class"] == "1"]) == in_groups


def test_rows_are_not_sorted(rows: list[dict[str, str]]) -> None:
    times = [row["signup_time"] for row in rows]
    assert times != sorted(times)


def test_the_same_seed_gives_the_same_file_and_another_another(made, tmp_path: Path) -> None:
    write_signups(tmp_path / "same.csv", Random(11), ROWS)
    write_signups(tmp_path / "other.csv", Random(12), ROWS)
    assert (tmp_path / "same.csv").read_bytes() == made[0].read_bytes()
    assert (tmp_path / "other.csv").read_bytes() != made[0].read_bytes()


def test_the_replay_reads_every_row_of_it(made) -> None:
    dataset = Signups(made[0])
    events = sum(1 for _ in dataset.events())
    assert not dataset.bad
    assert events == 2 * ROWS + len(dataset.frauds)


def test_too_few_rows_for_an_office_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1,000 rows"):
        write_signups(tmp_path / "few.csv", Random(1), 999)
