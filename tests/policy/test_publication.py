"""Publications: a policy comes back as it was published, and none with a fault gets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from publications import hour, ms, policy, published

from riskwatch.policy.faults import PolicyError
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingcontent import lending_faults
from riskwatch.policy.lendingfile import load_lending, packaged_lending, packaged_names
from riskwatch.policy.publication import (
    encode_publication,
    ends_of,
    in_order,
    journaled_publication,
    read_publication,
    translate_publication,
)
from riskwatch.streams.faults import CODES, Faults

PACKAGED = [name for name in packaged_names() if name != "base"]


def refused(**changes: Any) -> str:
    """What is said of a publication whose JSON has been changed, dots leading into it."""
    said = msgspec.to_builtins(published(1))
    for path, value in changes.items():
        inner, (*way, last) = said, path.split("__")
        for key in way:
            inner = inner[int(key) if isinstance(inner, list | tuple) else key]
        inner[last] = value
    with pytest.raises(PolicyError) as error:
        read_publication(msgspec.json.encode(said))
    return str(error.value)


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_policy_comes_back_as_it_was_with_its_version(name: str) -> None:
    own = packaged_lending(name)
    made = msgspec.structs.replace(published(1), policy=own, version=own.version)
    back = read_publication(encode_publication(made))
    assert back == made
    assert back.policy.version == own.version


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_policy_has_no_faults(name: str) -> None:
    assert lending_faults(packaged_lending(name)) == []


def test_a_version_that_is_not_that_of_the_content_is_a_fault() -> None:
    said = refused(version="0123456789ab")
    assert f"the version is said to be 0123456789ab; what the policy says has the version {policy().version}" in said


def test_a_policy_changed_after_its_version_was_made_is_a_fault() -> None:
    assert "the version is said to be" in refused(policy__refer_above_pd=0.2)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("policy__tenant", "Not A Tenant", "`tenant` cannot be"),
        ("policy__name", "", "`name` cannot be"),
        ("policy__currency", "yuan", "`currency` cannot be"),
        ("policy__refer_above_pd", 1.5, "`refer_above_pd`"),
        ("policy__deadline_ms", 0, "`deadline_ms` is 0"),
        ("policy__required", ["bureau.skore"], "there is no input `bureau.skore`; did you mean `bureau.score`?"),
        ("policy__admission__0__when", "bureau.skore < 3", "unknown name `bureau.skore`"),
        ("policy__admission__0__reason", "no-such", "the reason `no-such` has no text"),
        ("policy__scorecard__pdo", 0.0, "pdo is 0.0"),
        ("policy__pricing__limit_step", 0, "limit_step is 0"),
        ("policy__pricing__grades", [], "there are no grades"),
        ("policy__plan__interest_only", 999, "interest_only"),
        ("policy__texts", {"x": {"en": " ", "zh": "字"}}, "`en` is empty"),
        ("policy__regions", {"elsewhere": ["x"]}, '"elsewhere" stands for every region'),
        ("policy__product", "mortgage", "this is no publication"),
        ("policy__scorecard", None, "this is no publication"),
        ("published_by", "", "this is no publication"),
        ("reason", "", "this is no publication"),
        ("mode", "perhaps", "this is no publication"),
        ("share", 1.1, "this is no publication"),
        ("in_force_from", "2026-03-02T01:00:00", "this is no publication"),
        ("in_force_from", "2026-03-02T00:59:59Z", "in force from 2026-03-02 00:59:59+00:00, and published only at"),
    ],
)
def test_every_fault_is_told(path: str, value: Any, told: str) -> None:
    assert told in refused(**{path: value})


def test_the_same_is_told_of_a_publication_as_of_a_file(tmp_path: Any) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('extends = "cash-instalments"\nname = "ours"\n[lending]\ndeadline_ms = 0\nrefer_above_pd = 2\n')
    with pytest.raises(PolicyError) as error:
        load_lending(file)
    own = policy(deadline_ms=0, above=2.0)
    assert [(each.message, each.suggestion) for each in lending_faults(own)] == [
        (each.message, each.suggestion) for each in error.value.faults
    ]


@pytest.mark.parametrize("family", ["admission", "antifraud"])
def test_a_name_that_a_file_could_not_hold_twice_is_a_fault(family: str) -> None:
    own = policy()
    rules = getattr(own, family)
    twice = msgspec.convert(msgspec.to_builtins(own) | {family: msgspec.to_builtins((*rules, rules[0]))}, LendingPolicy)
    assert [each.message for each in lending_faults(twice)] == [
        f"[{family}] the name `{rules[0].name}` is there 2 times"
    ]


def test_grades_out_of_order_are_a_fault() -> None:
    said = msgspec.to_builtins(policy())
    said["pricing"]["grades"] = said["pricing"]["grades"][::-1]
    assert lending_faults(msgspec.convert(said, LendingPolicy)) != []


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"\xff", b'{"version": 3}', b"[" * 100_000])
def test_bytes_that_are_no_publication_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="this is no publication"):
        read_publication(data)


def test_the_translator_gives_the_instant_of_publication_and_the_publication() -> None:
    own = published(1.5, start=9)
    translated = translate_publication(encode_publication(own))
    assert translated == (ms(1.5), encode_publication(own))


def test_the_translator_refuses_what_cannot_be_published() -> None:
    own = msgspec.structs.replace(published(1), version="0123456789ab")
    translated = translate_publication(encode_publication(own))
    assert isinstance(translated, Faults)
    assert translated.code == "policy-refused"
    assert translated.code in CODES
    assert "0123456789ab" in str(translated)


def test_in_the_journal_a_policy_bears_the_version_that_it_was_published_under() -> None:
    own = msgspec.structs.replace(published(1), version="0123456789ab")  # as an earlier release may have reckoned it
    assert journaled_publication(encode_publication(own)).policy.version == "0123456789ab"


def test_the_journal_s_policy_must_be_able_to_decide() -> None:
    said = msgspec.to_builtins(published(1))
    said["policy"]["admission"][0]["when"] = "bureau.skore < 3"
    with pytest.raises(PolicyError, match="unknown name"):
        journaled_publication(msgspec.json.encode(said))


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    shanghai = datetime(2026, 3, 2, 17, tzinfo=timezone(timedelta(hours=8)))
    own = msgspec.structs.replace(published(1), in_force_from=shanghai)
    assert read_publication(encode_publication(own)).in_force_from == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_repeat_has_the_same_key_and_every_other_publication_another() -> None:
    own = published(1)
    others = [published(2), published(1, "theirs"), published(1, tenant="*"), published(1, mode="shadow")]
    assert published(1).key == own.key
    assert len({own.key, *(each.key for each in others)}) == 5


def test_publications_are_put_in_order_once_each() -> None:
    first, second = published(1), published(2)
    assert in_order([second, first, second]) == [first, second]


def test_a_publication_ends_where_the_first_of_the_later_published_begins() -> None:
    # Published at 1, 2, 3, 4; in force from 1, 9, 5, 6.
    own = [published(1), published(2, start=9), published(3, start=5), published(4, start=6)]
    assert ends_of(own) == [hour(5), hour(5), hour(6), None]
