"""The section `[account]` of a lending policy's file: inheritance, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from accounts import account_of
from typer.testing import CliRunner

from riskwatch.features.credit import basis_points
from riskwatch.policy.accountpolicy import AccountPolicy, band_of
from riskwatch.policy.accountreader import account_content, read_account
from riskwatch.policy.accounttexts import ACCOUNT_BUILT_IN, ACCOUNT_TEXTS, KNOWN, account_text_of
from riskwatch.policy.adverse import TEXTS, Texts
from riskwatch.policy.commands import policy_app
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.lendingcontent import lending_faults
from riskwatch.policy.lendingfile import load_lending, packaged_lending
from riskwatch.policy.tomltables import Tables

INSTITUTIONS = ("cash-instalments", "consumer-credit", "consumer-credit-us", "shopping-instalments")

CHILD = """\
extends = "cash-instalments"
name = "ours"
tenant = "harbour"

"""


def packaged_account() -> AccountPolicy:
    account = packaged_lending("cash-instalments").account
    assert account is not None
    return account


def written(folder: Path, text: str) -> Path:
    path = folder / "ours.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_child_says_only_what_differs(tmp_path: Path) -> None:
    ours = load_lending(
        written(tmp_path, CHILD + "[account]\nhysteresis = 25\n[account.freeze.fraud-suspected]\noff = true\n")
    )
    parent = packaged_lending("cash-instalments").account
    assert ours.account is not None
    assert parent is not None
    assert ours.account.hysteresis == 25
    assert [rule.name for rule in ours.account.freeze] == ["fraud-confirmed"]
    assert ours.account.grades == parent.grades
    assert ours.account.scorecard == parent.scorecard


def test_a_file_that_turns_the_section_off_leaves_lines_as_they_are(tmp_path: Path) -> None:
    assert load_lending(written(tmp_path, CHILD + "[account]\noff = true\n")).account is None


def test_a_file_that_names_no_grades_of_an_account_leaves_lines_as_they_are(tmp_path: Path) -> None:
    text = 'extends = "base"\nname = "ours"\nproduct = "cash-instalments"\n'
    text += "[grades.only]\nmax_pd = 0.5\nmax_limit = 100_000\nannual_rate = 0.1\nincome_multiple = 1\nterms = [3]\n"
    assert load_lending(written(tmp_path, text)).account is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[account]\nhysteresys = 3\n",
            "line 6: [account.hysteresys] unknown key `hysteresys`; did you mean `hysteresis`?",
        ),
        ("[account]\nhysteresis = -1\n", "line 6: [account.hysteresis] `hysteresis` is -1"),
        ("[account]\ncool_off_days = 0\n", "line 6: [account.cool_off_days] `cool_off_days` is 0; days from 1 to 3660"),
        ("[account]\nrate_notice_days = -3\n", "line 6: [account.rate_notice_days]"),
        (
            "[account]\ncool_off_days = 1.5\n",
            "line 6: [account.cool_off_days] `cool_off_days`: a whole number, not a number with a fraction, in `1.5`",
        ),
        (
            '[account]\non = ["RepaymentReceved"]\n',
            'line 6: [account.on] `on` cannot hold "RepaymentReceved"; did you mean',
        ),
        ("[account]\nclear_on = []\n", "line 6: [account.clear_on] `clear_on` is empty"),
        (
            '[account]\nrequired = ["own.max_dbd"]\n',
            "line 6: [account.required] there is no input `own.max_dbd`; did you mean",
        ),
        ('[account]\nrequired = ["bureau.score"]\n', "there is no input `bureau.score`"),
        ("[account]\nlimit_step = 0\n", "line 6: [account.limit_step] `limit_step` is 0"),
        ("[account]\nlargest_limit_percent = 0\n", "line 6: [account.largest_limit_percent]"),
        (
            "[account]\nlargest_limit_step = 9_999\n",
            "`largest_limit_step` 9999 is below `limit_step` 10000: no limit could move",
        ),
        ("[account]\nlowest_limit = 55_000\n", "line 6: [account.lowest_limit] `lowest_limit` is 55000; a multiple of"),
        (
            "[account]\nlowest_limit = 40_000\n",
            "20 % of `lowest_limit` 40000 is less than `limit_step` 10000: the smallest limits could not move;"
            " write 50000",
        ),
        ("[account]\nlowest_limit = 20_000_000\n", "`lowest_limit` 20000000 is above `highest_limit` 10000000"),
        ("[account]\nlargest_rate_step_bp = 0\n", "line 6: [account.largest_rate_step_bp]"),
        ("[account]\nlowest_rate_bp = 3_601\n", "line 6: [account.lowest_rate_bp] `lowest_rate_bp` is 3601; from 0 to"),
        (
            "[account]\nhighest_rate_bp = 3_601\n",
            "line 6: [account.highest_rate_bp] `highest_rate_bp` 3601 is above the legal cap of 3600",
        ),
        ("[pricing]\nlegal_cap = 0.3\n", "`highest_rate_bp` 3600 is above the legal cap of 3000"),
        ("[account.grades.C]\nat_least = 610\n", "grades `B` and `C` begin at the same points"),
        (
            "[account.grades.F]\nat_least = 100\n",
            "0 grades have no `at_least`; the lowest grade has none, and it alone",
        ),
        (
            "[account.grades.B]\nlimit_percent = 160\n",
            "grade `B` has a higher `limit_percent` than `A` above it; write 150 or less",
        ),
        (
            "[account.grades.B]\nrate_bp = 1_000\n",
            "grade `B` has a lower `rate_bp` than `A` above it; write 1080 or more",
        ),
        ("[account.grades.B]\nlimit_percent = 0\n", "`limit_percent` is 0; percent from 1 to 1000"),
        ("[account.grades.B]\noff = true\n", "lines are granted in grade `B`, and `[account.grades.B]` is missing"),
        (
            "[account.grades.A]\nat_least = 700\n",
            "the best score is 708 points, and grade `A` is reached from 700 and 10",
        ),
        ("[account.grades]\nA = 5\n", "line 6: `account.grades.A` is a table; write `[account.grades.A]`"),
        ("[account.grades.A]\nrate = 5\n", "line 6: [account.grades.A.rate] unknown key `rate`"),
        (
            '[account.freeze.x]\nwhen = "fraud.open_case >= 1"\nreason = "fraud-confirmed"\ndescription = "d"\n',
            "line 6: [account.freeze.x.when] unknown name `fraud.open_case`; did you mean `fraud.open_cases`?",
        ),
        (
            '[account.freeze.x]\nwhen = "declared.age_years >= 1"\nreason = "fraud-confirmed"\ndescription = "d"\n',
            "[account.freeze.x.when] unknown name `declared.age_years`",
        ),
        (
            '[account.freeze.fraud-confirmed]\nreason = "fraud-sure"\n',
            "line 6: [account.freeze.fraud-confirmed.reason] the reason `fraud-sure` has no text",
        ),
        (
            '[account.freeze.fraud-confirmed]\ndescription = ""\n',
            "line 6: [account.freeze.fraud-confirmed.description] `description` is empty",
        ),
        ("[account.scorecard]\npdo = 0\n", "pdo is 0"),
        (
            '[account.scorecard.characteristics.parts]\nreads = "bureau.score"\n',
            "there is no input `bureau.score` to be scored; docs/limits-and-rates.md lists the inputs",
        ),
        (
            '[account.scorecard.characteristics.parts]\ngain = "gain-none"\n',
            "line 6: [account.scorecard.characteristics.parts.gain] the reason `gain-none` has no text",
        ),
        (
            "[account.scorecard.characteristics.parts]\ngain = 3\n",
            "line 6: [account.scorecard.characteristics.parts.gain] `gain` is a code in quotes",
        ),
        (
            '[account.scorecard.characteristics.x]\nreads = "own.open_loans"\nmissing = 1\nreason = "loans-many"\n'
            'bins = [{label = "a", points = 1}]\n',
            "line 5: [account.scorecard.characteristics.x] `gain` is missing",
        ),
        (
            '[account.scorecard.characteristics.parts]\nbins = [{label = "a", words = ["yes"], points = 1}]\n',
            "`behaviour.repayment_partial_count_90d` is a number, and bins have words",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_would_do(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load_lending(written(tmp_path, CHILD + text))
    found = [str(fault) for fault in refused.value.faults]
    assert any(told in fault for fault in found), found


def test_an_admission_rule_cannot_read_what_only_an_account_has(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"unknown name `account\.utilisation`"):
        load_lending(written(tmp_path, CHILD + '[admission.late-with-us]\nwhen = "account.utilisation > 1"\n'))


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_every_packaged_policy_looks_after_its_lines(name: str) -> None:
    policy = packaged_lending(name)
    account = policy.account
    assert account is not None
    assert 8 <= len(account.scorecard.characteristics) <= 12
    assert account.highest_rate_bp <= basis_points(policy.pricing.legal_cap)
    assert {grade.name for grade in account.grades} == {grade.name for grade in policy.pricing.grades}
    assert all(
        grade.rate_bp == basis_points(granted.annual_rate)
        for grade, granted in zip(account.grades, policy.pricing.grades, strict=True)
    )


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_every_reason_of_a_packaged_account_has_its_texts(name: str) -> None:
    account = packaged_lending(name).account
    assert account is not None
    codes = {*account.gains.values(), *ACCOUNT_BUILT_IN, *(rule.reason for rule in account.freeze)}
    codes |= {each.reason for each in account.scorecard.characteristics}
    for code in codes:
        assert KNOWN[code].en.endswith(".")
        assert KNOWN[code].zh.endswith("。")


def test_no_code_has_one_text_for_applicants_and_another_for_customers() -> None:
    assert not set(TEXTS) & set(ACCOUNT_TEXTS)


def test_a_policys_own_text_goes_before() -> None:
    own = {"paid-late": Texts(en="Ours.", zh="我们的。")}
    assert account_text_of("paid-late", own).en == "Ours."
    assert account_text_of("paid-late", {}).en == "Recent payments arrived after their due date."
    assert account_text_of("delinquency-own", {}) == TEXTS["delinquency-own"]


def test_the_us_gives_45_days_of_notice_before_a_rate_goes_up() -> None:
    account = packaged_lending("consumer-credit-us").account
    assert account is not None
    assert (account.rate_notice_days, account.limit_notice_days) == (45, 0)


@pytest.mark.parametrize(("points", "grade"), [(659.9, "B"), (660, "A"), (400, "E"), (399.9, "F"), (0, "F"), (-5, "F")])
def test_bands_begin_at_their_edge(points: float, grade: str) -> None:
    account = packaged_lending("cash-instalments").account
    assert account is not None
    assert band_of(account, points).name == grade


def test_what_the_section_says_is_part_of_the_version() -> None:
    policy = packaged_lending("cash-instalments")
    assert account_of(policy, hysteresis=11.0).version != policy.version
    assert account_of(policy, hysteresis=10.0).version == policy.version


def test_layout_of_a_freeze_condition_is_not_part_of_the_version(tmp_path: Path) -> None:
    loose = load_lending(
        written(tmp_path, CHILD + '[account.freeze.fraud-confirmed]\nwhen = "fraud.open_cases  >=  1"\n')
    )
    assert loose.version == load_lending(written(tmp_path, CHILD)).version


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_a_section_written_out_in_full_reads_as_it_was(name: str) -> None:
    account = packaged_lending(name).account
    assert account is not None
    tables = Tables({"account": account_content(account)}, {}, name)
    assert read_account(tables, {}) == account
    assert tables.faults == []


def test_show_tells_what_becomes_of_a_line(tmp_path: Path) -> None:
    shown = CliRunner().invoke(policy_app, ["show", "consumer-credit-us"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    assert "a grade moves 10 points beyond its band, 60 days after the last change at the earliest" in shown.output
    assert "raised after 45 days of notice" in shown.output
    assert "Behaviour scorecard" in shown.output
    assert "account.freeze.fraud-confirmed" in shown.output


def test_show_of_a_freeze_rule_gives_its_condition_and_texts() -> None:
    shown = CliRunner().invoke(policy_app, ["show", "cash-instalments", "--rule", "fraud-suspected"])
    assert "fraud.open_severe_alerts >= 2" in shown.output
    assert "您的账户近期活动需要核实" in shown.output


def test_check_tells_faults_of_the_section(tmp_path: Path) -> None:
    checked = CliRunner().invoke(policy_app, ["check", str(written(tmp_path, CHILD + "[account]\nhysteresis = -1\n"))])
    assert checked.exit_code == 1
    assert "line 6: [account.hysteresis]" in checked.output.replace("\n", "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hysteresis": -1.0}, "[account.hysteresis] `hysteresis` is -1"),
        ({"gains": {}}, "`gain` is missing"),
        ({"grades": ()}, "there are less than two grades"),
        ({"gains": {**packaged_account().gains, "gone": "gain-reached"}}, "each gain is one of a characteristic"),
        ({"grades": packaged_account().grades[::-1]}, "account stand from the best to the lowest"),
        ({"freeze": packaged_account().freeze * 2}, "[account.freeze] the name `fraud-confirmed` is there 2 times"),
    ],
)
def test_a_published_section_is_looked_into_as_a_file_is(changes: dict[str, object], told: str) -> None:
    found = [str(fault) for fault in lending_faults(account_of(**changes))]
    assert any(told in fault for fault in found), found


@pytest.mark.parametrize("name", INSTITUTIONS)
def test_a_packaged_section_that_is_published_has_no_faults(name: str) -> None:
    assert lending_faults(packaged_lending(name)) == []
