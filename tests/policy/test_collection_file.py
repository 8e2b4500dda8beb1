"""Collections policies as files: inheritance, every fault with its place, and those that come with riskwatch."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from riskwatch.features.collecting import evolve_collections
from riskwatch.features.collectionfacts import ConsentSaid
from riskwatch.features.collectionledger import CollectionsState
from riskwatch.policy.collecting import decide
from riskwatch.policy.collectionfile import (
    BASE,
    load_collections,
    packaged_collection_book,
    packaged_collections,
    read_collection_book,
)
from riskwatch.policy.collectionpolicy import cells
from riskwatch.policy.collectionrecords import Customer
from riskwatch.policy.collectionvocabulary import COLLECTION_INPUTS
from riskwatch.policy.commands import policy_app
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.policykinds import COLLECTIONS, kind_of
from riskwatch.streams.collections import ActionClosed, decode_action, encode_collection

CHILD = 'extends = "cash-instalments-collections"\nname = "ours"\ntenant = "harbour"\n'
PACKAGED = [name for name in COLLECTIONS.names() if name != BASE]


def written(folder: Path, text: str, name: str = "ours.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        load_collections(written(folder, text))
    return [str(fault) for fault in refused.value.faults]


def test_a_child_says_only_what_differs(tmp_path: Path) -> None:
    text = CHILD + "[holdout]\nshare = 0.1\n[treatments.call]\ncost = 300\n[strategy.early-low]\noff = true\n"
    policy = load_collections(written(tmp_path, text))
    parent = packaged_collections("cash-instalments-collections")
    assert (policy.tenant, policy.holdout.share, policy.holdout.key) == ("harbour", 0.1, parent.holdout.key)
    assert (policy.treatments["call"].cost, policy.treatments["call"].card) == (300, "call")
    assert "early-low" not in {line.name for line in policy.lines}
    assert policy.version != parent.version


def test_the_version_is_that_of_what_is_said_and_of_the_contact_rules(tmp_path: Path) -> None:
    same = load_collections(written(tmp_path, CHILD + "# a comment\n"))
    again = load_collections(written(tmp_path, CHILD, "b.toml"))
    written(tmp_path, 'extends = "cn"\nname = "strict"\n[limits.calls-a-day]\nmost = 1\n', "strict.toml")
    strict = load_collections(written(tmp_path, CHILD + '[collections]\njurisdiction = "strict.toml"\n', "c.toml"))
    assert same.version == again.version != strict.version
    assert strict.rules.limits["calls-a-day"].most == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[stagez.x]\n", "line 4: unknown key `stagez`; did you mean `stages`?"),
        ("[stages.soft]\nmin_days = 0\n", "line 5: [stages.soft.min_days] `min_days` is 0; days from 1 to 365"),
        ('[stages.soft]\ntreatments = ["pish"]\n', "there is no treatment `pish`; did you mean `push`?"),
        ("[stages.soft]\norder = 20\n", "`order` 20 is that of"),
        ("[treatments.call]\ncost = -1\n", "line 5: [treatments.call.cost] `cost` is -1"),
        ("[treatments.call]\nprobability = 0.5\n", "success has a `card` or a `probability`; write one of the two"),
        (
            '[treatments.call]\nchannel = "fax"\n',
            'line 5: [treatments.call.channel] `channel` cannot be "fax"; one of batch, email',
        ),
        ('[treatments.call]\ncard = "calls"\n', "there is no card `calls`; did you mean `call`?"),
        ('[treatments.call]\nfile = "sale"\n', "a `file` goes with the channel `batch`"),
        ('[treatments.wait]\nchannel = "sms"\nscript = "s"\ncost = 1\nprobability = 0.1\n', 'cannot be "wait"'),
        ('[files.sale]\nfields = ["loan.dpd"]\n', "`fields` lacks `loan_id`"),
        ('[files.sale]\nfields = ["loan_id", "loan.dbd"]\n', "there is no field `loan.dbd`; did you mean `loan.dpd`"),
        ("[strategy.late]\noff = true\n", "the strategy table says nothing of M6+, low, medium and 5 more"),
        ('[strategy.late]\nstage = "sold"\n', "there is no stage `sold`"),
        ('[strategy.late]\nscore_bands = ["lo"]\n', "there is no score band `lo`"),
        ("[score_bands.low]\nbelow = 0.3\n", "two bands hold 0.2 (inherited from collections-base, line"),
        ("[score_bands.low]\nbelow = 0.1\n", "no band holds numbers just below 0.2"),
        ("[exposure_bands.large]\nbelow = 9\n", "no number is at least 1e+06 and below 9"),
        ("[discount]\nM7 = 1\n", "there is no bucket `M7`"),
        ("[discount]\nM1 = 2\n", "`M1` is 2; what a unit is worth, from 0 to 1"),
        ("[holdout]\nshare = 0.6\n", "`share` is 0.6; a share from 0 to 0.5"),
        ('[holdout]\nkey = ""\n', "a holdout needs a `key`"),
        ('[collections]\njurisdiction = "cm"\n', "no packaged jurisdiction `cm`"),
        ('[collections]\njurisdiction = "gone.toml"\n', "`gone.toml` is not there"),
        ('[collections]\nceiling = "felt"\n', "there is no stage `felt`; did you mean `field`?"),
        ("[promises]\nmost = 0\n", "`most` is 0; from 1 to 365"),
        ('[cards.call.characteristics.connected]\nreads = "contacts.x"\n', "there is no input `contacts.x`"),
        (
            '[cards.call.characteristics.connected]\nbins = [{label = "a", words = ["x"], points = 1}]\n',
            "`contacts.connected_share_30d` is a number, and bins have words",
        ),
        ("[cards.call]\npdo = 0\n", "pdo is 0"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_what_would_do(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, CHILD + text)
    assert any(told in fault for fault in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = CHILD + "colour = 1\n[stages.soft]\nmin_days = 0\n[treatments.call]\ncost = -1\n[discount]\nM9 = 1\n"
    assert len(faults(tmp_path, text)) == 4


def test_a_part_that_does_not_read_is_told_once(tmp_path: Path) -> None:
    found = faults(tmp_path, CHILD + '[treatments.call]\ncost = "much"\n')
    assert len(found) == 1


def test_a_fault_of_a_jurisdiction_is_told_where_it_is_named(tmp_path: Path) -> None:
    written(tmp_path, 'extends = "us"\nname = "bad"\n[limits.visits-a-week]\ndays = 3\n', "bad.toml")
    (fault,) = faults(tmp_path, CHILD + '[collections]\njurisdiction = "bad.toml"\n')
    assert fault.startswith("line 5: ")
    assert "(in bad.toml, line 4)" in fault


# ---------------------------------------------------------------------------------------------------- kinds and book


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CHILD, "collections"),
        ('extends = "us"\nname = "ours"\n', "contact-rules"),
        ('extends = "cash-instalments"\nname = "ours"\n', "lending"),
        ('name = "x"\n[rules.a]\n', "rules"),
        ("[strategy.x]\n", "collections"),
        ("[hours.x]\n", "contact-rules"),
        ('extends = "gone.toml"\n', "lending"),
        ("not toml", "rules"),
    ],
)
def test_a_file_is_of_the_kind_of_its_keys_or_of_what_it_extends(tmp_path: Path, text: str, kind: str) -> None:
    assert kind_of(written(tmp_path, text)) == kind


def test_a_file_beside_it_says_of_which_kind_its_child_is(tmp_path: Path) -> None:
    written(tmp_path, CHILD, "house.toml")
    assert kind_of(written(tmp_path, 'extends = "house.toml"\nname = "branch"\n', "branch.toml")) == "collections"


def test_an_institutions_own_policy_goes_before_the_one_for_all(tmp_path: Path) -> None:
    written(tmp_path, CHILD)
    written(tmp_path, CHILD.replace('"ours"', '"all"').replace('"harbour"', '"*"'), "all.toml")
    written(tmp_path, 'extends = "cash-instalments"\nname = "lending"\n', "lending.toml")
    book = read_collection_book(tmp_path)
    own, other = (book.policy_for(tenant, "cash-instalments", "CNY") for tenant in ("harbour", "bay"))
    assert own is not None
    assert other is not None
    assert (own.name, other.name, book.policy_for("bay", "cash-instalments", "USD")) == ("ours", "all", None)


def told(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(policy_app, list(arguments), env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_check_shows_a_sound_collections_policy(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, CHILD)))
    assert (code, "collections policy ours, version" in said, "contact rules cn" in said) == (0, True, True)


def test_check_tells_every_fault_of_a_collections_policy(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, CHILD + "[stages.soft]\nmin_days = 0\n[discount]\nM9 = 1\n")))
    assert (code, "2 faults" in said, "line 5: [stages.soft.min_days]" in said) == (1, True, True)


def test_check_says_of_a_file_without_a_product_that_it_is_there_to_be_extended(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, 'extends = "collections-base"\nname = "house"\n')))
    assert (code, "there to be extended" in said) == (1, True)


def test_check_reads_contact_rules(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, 'extends = "us"\nname = "ours"\n')))
    assert (code, "contact rules ours, version" in said) == (0, True)


@pytest.mark.parametrize("name", ["consumer-credit-collections", "us"])
def test_show_takes_the_name_of_a_packaged_policy(name: str) -> None:
    code, said = told("show", name)
    assert (code, name in said) == (0, True)


# ----------------------------------------------------------------------------------------------------------- packaged


def test_there_is_a_policy_for_each_product() -> None:
    book = packaged_collection_book()
    products = ("cash-instalments", "shopping-instalments", "consumer-credit")
    assert all(book.policy_for("anybody", product, "CNY") is not None for product in products)
    assert book.policy_for("anybody", "consumer-credit", "USD") is not None


@pytest.mark.parametrize("name", PACKAGED)
def test_every_cell_of_what_is_past_due_has_a_line(name: str) -> None:
    policy = packaged_collections(name)
    assert all(policy.line_for(*cell) is not None for cell in cells(policy))


numbers = st.one_of(st.none(), st.floats(), st.integers(-10, 10**7).map(float))
given_inputs = st.dictionaries(
    st.sampled_from([each.name for each in COLLECTION_INPUTS]),
    st.one_of(numbers, st.booleans(), st.text(max_size=5), st.just("M2")),
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PACKAGED), st.lists(st.tuples(given_inputs, st.integers(0, 30 * 24)), min_size=1, max_size=6))
def test_no_inputs_break_a_packaged_policy_and_every_record_is_read_back(
    name: str, looks: list[tuple[dict[str, float | str | bool | None], int]]
) -> None:
    policy, state, now = packaged_collections(name), CollectionsState(), 1_780_272_000_000
    customer = Customer(tenant="t", customer_id="c", zone=ZoneInfo("Asia/Shanghai"))
    evolve_collections(state, ConsentSaid(event=1, at_ms=0, channel="sms", given=True))
    for drawn, hours in looks:
        now += hours * 3_600_000
        base: dict[str, float | str | bool | None] = {"loan.dpd": 45.0, "loan.overdue": 9e4, "loan.exposure": 9e5}
        for record in decide(policy, state, customer, {"a": drawn, "b": {**base, **drawn}, "c": base}, now):
            if not isinstance(record, ActionClosed):
                assert decode_action(encode_collection(record)) == record
