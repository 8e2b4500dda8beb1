"""Lending policies as files: inheritance, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from riskwatch.policy.commands import policy_app
from riskwatch.policy.faults import PolicyError
from riskwatch.policy.lendingbook import packaged_book, read_book
from riskwatch.policy.lendingdocs import page
from riskwatch.policy.lendingfile import is_lending, load_lending, resolve_file
from riskwatch.policy.tomlplaces import places_of

CHILD = """\
extends = "cash-instalments"
name = "ours"
tenant = "harbour"

[lending]
refer_above_pd = 0.05
"""


def written(folder: Path, text: str, name: str = "ours.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        load_lending(written(folder, text))
    return [str(fault) for fault in refused.value.faults]


def test_a_child_says_only_what_differs(tmp_path: Path) -> None:
    policy = load_lending(written(tmp_path, CHILD))
    parent = load_lending(written(tmp_path, 'extends = "cash-instalments"\nname = "as-it-is"\n', "b.toml"))
    assert (policy.name, policy.tenant, policy.product, policy.refer_above_pd) == (
        "ours", "harbour", "cash-instalments", 0.05,
    )  # fmt: skip
    assert (policy.currency, policy.required) == (parent.currency, parent.required)
    assert policy.admission == parent.admission
    assert policy.pricing == parent.pricing


def test_rules_and_grades_of_the_parent_are_changed_and_dropped(tmp_path: Path) -> None:
    text = CHILD + (
        '[admission.late-with-us]\nwhen = "own.max_dpd > 0"\n'
        "[antifraud.ring]\noff = true\n[grades.E]\noff = true\n[grades.A]\nannual_rate = 0.09\n"
    )
    policy = load_lending(written(tmp_path, text))
    changed = next(rule for rule in policy.admission if rule.name == "late-with-us")
    assert (changed.when, changed.reason) == ("own.max_dpd > 0", "delinquency-own")
    assert "ring" not in {rule.name for rule in policy.antifraud}
    first = policy.pricing.grades[0]
    assert (first.name, first.annual_rate) == ("A", 0.09)
    assert "E" not in {grade.name for grade in policy.pricing.grades}


def test_a_file_beside_it_is_a_parent_too(tmp_path: Path) -> None:
    written(tmp_path, CHILD, "house.toml")
    policy = load_lending(written(tmp_path, 'extends = "house.toml"\nname = "branch"\n'))
    assert (policy.name, policy.tenant, policy.refer_above_pd) == ("branch", "harbour", 0.05)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('extends = "cash-instalment"\nname = "x"\n', "line 1: no packaged policy `cash-instalment`; did you mean"),
        ('extends = "gone.toml"\nname = "x"\n', "line 1: `gone.toml` is not there"),
        ('name = "x"\nextends = "ours.toml"\n', "line 2: files extend one another in a circle"),
        ("extends = 3\n", "line 1: `extends` is a name in quotes"),
        ('name = "x\n', "line 1: this is not TOML"),
        (CHILD + "colour = 1\n", "line 7: [lending.colour] unknown key `colour`"),
        (CHILD + "deadline_ms = true\n", "`deadline_ms`: a whole number, not true or false, in `true`"),
        (CHILD + 'required = ["bureau.scores"]\n', "there is no input `bureau.scores`; did you mean `bureau.score`?"),
        ("[lendings]\n" + CHILD, "line 1: unknown key `lendings`; did you mean `lending`?"),
        (CHILD + "[plan]\ndue_day = 40\n", "[plan] due_day is 1 to 31, not 40"),
        (CHILD + "[pricing]\nlimit_step = 0\n", "limit_step is 0"),
        (CHILD + "[grades.A]\nmax_pd = 0.03\n", "max_pd 0.03 is not above 0.03"),
        (CHILD + "[scorecard]\npdo = -1\n", "pdo"),
        (
            CHILD + '[admission.x]\nwhen = "bureau.skore < 1"\noutcome = "decline"\nreason = "age-profile"\n'
            'description = "d"\n',
            "line 8: [admission.x.when] unknown name `bureau.skore`",
        ),
        (
            CHILD + '[admission.x]\nwhen = "bureau.score < 1"\noutcome = "decline"\nreason = "no-such-reason"\n'
            'description = "d"\n',
            "the reason `no-such-reason` has no text; add `[texts.no-such-reason]` with `en` and `zh`",
        ),
        (
            CHILD + '[admission.x]\nwhen = "bureau.score < 1"\noutcome = "approve"\nreason = "age-profile"\n',
            'line 9: [admission.x.outcome] `outcome` cannot be "approve"; one of decline, refer',
        ),
        (
            CHILD + '[scorecard.characteristics.employment]\nbins = [{label = "a", words = ["employd"], points = 1}]\n',
            '`declared.employment` is never "employd"; did you mean `employed`?',
        ),
        (CHILD + '[scorecard.characteristics.age]\nreads = "declared.age"\n', "there is no input `declared.age`"),
        (CHILD.replace("0.05", "12"), "line 6: [lending.refer_above_pd] `refer_above_pd` is 12; a probability"),
        (CHILD + "deadline_ms = 0\n", "line 7: [lending.deadline_ms] `deadline_ms` is 0; milliseconds"),
        (CHILD + 'currency = "yuan"\n', 'line 7: [lending.currency] `currency` cannot be "yuan"; three capitals'),
        (CHILD.replace('"harbour"', '"Big Bank"'), 'line 3: `tenant` cannot be "Big Bank"; lower-case letters'),
        (CHILD.replace('"ours"', '"Our Own"'), 'line 2: `name` cannot be "Our Own"; lower-case letters'),
        (CHILD + '[regions]\nelsewhere = ["x"]\n', "line 8: [regions.elsewhere]"),
        (CHILD + '[regions]\n"海南" = ["x"]\n', "line 8: [regions.海南] a region's word cannot be"),
        (CHILD + '[regions]\na = ["x"]\nb = ["X"]\n', 'line 9: [regions.b] "x" is a spelling of `a` already'),
        (CHILD + '[regions]\na = [""]\n', "line 8: [regions.a] a spelling is empty"),
        (CHILD + '[texts.age-profile]\nen = ""\nzh = "年龄。"\n', "line 8: [texts.age-profile.en] `en` is empty"),
        (
            CHILD + '[plan]\nmethod = "interest-only-first"\ninterest_only = 6\n',
            "line 9: [plan.interest_only] `interest_only` of 6 leaves no month for the principal in grade A; write less"
            " than 3 months",
        ),
        (
            CHILD + '[scorecard.characteristics.employment]\nbins = [{label = "a", points = 1}]\n',
            "line 8: [scorecard.characteristics.employment.bins] `declared.employment` has words, and bins have none",
        ),
        (
            CHILD + '[scorecard.characteristics.age]\nbins = [{label = "a", words = ["x"], points = 1}]\n',
            "line 8: [scorecard.characteristics.age.bins] `declared.age_years` is a number, and bins have words",
        ),
        (CHILD + "[scorecard]\nbase_points = 2000\n", "line 7: [scorecard] the best score, 757 points, is a PD of"),
        (
            CHILD + '[antifraud.late-with-us]\nwhen = "bureau.score < 1"\noutcome = "refer"\nreason = "bureau-record"\n'
            'description = "d"\n',
            "line 7: [antifraud.late-with-us] there is an admission rule `late-with-us` too",
        ),
        (
            CHILD + "[admission.late-with-uss]\noff = true\n",
            "line 8: there is no `admission.late-with-uss` to turn off; did you mean `late-with-us`?",
        ),
        (CHILD + '[antifraud.ring]\noff = "yes"\n', "line 8: [antifraud.ring] `off` is true or false"),
        (
            CHILD + '[admission.x]\nwhen = """\nbureau.score < 1\nand bureau.skore < 2"""\noutcome = "decline"\n'
            'reason = "age-profile"\ndescription = "d"\n',
            "line 10: [admission.x.when] unknown name `bureau.skore`",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_would_do(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, text)
    assert any(told in fault for fault in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = CHILD + (
        'colour = 1\n[plan]\ndue_day = 40\n[admission.x]\nwhen = "nonsense > 1"\noutcome = 3\nreason = 1\n'
        '[grades.A]\nannual_rate = "much"\n'
    )
    assert len(faults(tmp_path, text)) >= 6


def test_a_condition_is_looked_into_where_another_key_of_its_rule_is_wrong(tmp_path: Path) -> None:
    rule = '[admission.x]\nwhen = "bureau.skore < 1"\noutcome = "approve"\nreason = "age-profile"\ndescription = "d"\n'
    found = faults(tmp_path, CHILD + rule)
    assert [fault.partition(":")[0] for fault in found] == ["line 8", "line 9"]


def test_a_fault_that_is_inherited_names_the_file(tmp_path: Path) -> None:
    written(tmp_path, CHILD + "[plan]\ndue_day = 40\n", "house.toml")
    (fault,) = faults(tmp_path, 'extends = "house.toml"\nname = "branch"\n')
    assert "house.toml" in fault


def test_a_missing_parent_does_not_hide_what_is_wrong_with_own_conditions(tmp_path: Path) -> None:
    text = 'name = "x"\nextends = "gone.toml"\n[admission.a]\nwhen = "bureau.skore < 1"\n'
    missing, condition = faults(tmp_path, text)
    assert missing.startswith("line 2: `gone.toml` is not there")
    assert condition.startswith("line 4: [admission.a.when] unknown name `bureau.skore`")


def test_what_a_parent_dropped_a_child_says_anew_in_full(tmp_path: Path) -> None:
    written(tmp_path, CHILD + "[antifraud.ring]\noff = true\n", "house.toml")
    child = 'extends = "house.toml"\nname = "branch"\n[antifraud.ring]\nwhen = "links.ring_size >= 9"\n'
    found = faults(tmp_path, child)
    assert [fault for fault in found if "`reason` is missing" in fault]
    more = 'outcome = "decline"\nreason = "linked-group"\ndescription = "A large ring."\n'
    policy = load_lending(written(tmp_path, child + more))
    assert next(rule for rule in policy.antifraud if rule.name == "ring").outcome == "decline"


def test_every_part_says_which_files_it_came_from(tmp_path: Path) -> None:
    path = written(tmp_path, CHILD + '[admission.late-with-us]\nwhen = "own.max_dpd > 0"\n')
    resolved = resolve_file(path)
    assert resolved.chain == ("base", "cash-instalments", str(path))
    assert resolved.said_by(("admission", "late-with-us")) == ("base", str(path))
    assert resolved.said_by(("admission", "students")) == ("cash-instalments",)
    assert resolved.said_by(("lending", "refer_above_pd")) == (str(path),)
    assert resolved.origins[("admission", "late-with-us", "when")] == (str(path), 8)


def told(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(policy_app, list(arguments), env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_check_tells_every_fault_of_a_lending_policy_and_exits_1(tmp_path: Path) -> None:
    path = written(tmp_path, CHILD + "colour = 1\n[antifraud.rign]\noff = true\n")
    code, said = told("check", str(path))
    assert (code, "2 faults" in said) == (1, True)
    assert "line 7: [lending.colour] unknown key `colour`" in said
    assert "line 9: there is no `antifraud.rign` to turn off" in said


def test_check_of_a_sound_lending_policy_shows_it_and_exits_0(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, CHILD)))
    assert (code, "lending policy ours, version" in said) == (0, True)


def test_check_says_of_a_file_without_a_product_that_it_is_there_to_be_extended(tmp_path: Path) -> None:
    code, said = told("check", str(written(tmp_path, 'extends = "base"\nname = "house"\n')))
    assert (code, "there to be extended" in said) == (1, True)


def test_show_marks_what_is_inherited(tmp_path: Path) -> None:
    path = written(tmp_path, CHILD + '[admission.late-with-us]\nwhen = "own.max_dpd > 0"\n')
    code, said = told("show", str(path))
    assert code == 0
    inherited = {line.split()[0]: line for line in said.partition("Inherited")[2].splitlines() if line.strip()}
    assert "changed by" in inherited["admission.late-with-us"]
    assert inherited["antifraud.ring"].split() == ["antifraud.ring", "base"]


def test_show_takes_the_name_of_a_packaged_policy_and_one_rule() -> None:
    assert "lending policy cash-instalments" in told("show", "cash-instalments")[1]
    code, said = told("show", "cash-instalments", "--rule", "students")
    assert (code, "legal bar" in said, "根据监管规定" in said) == (0, True, True)
    code, said = told("show", "cash-instalments", "--rule", "studens")
    assert (code, "`students`" in said) == (1, True)


def test_a_folder_is_a_book(tmp_path: Path) -> None:
    written(tmp_path, CHILD)
    written(tmp_path, 'extends = "base"\nname = "for-others"\n', "abstract.toml")
    assert [policy.name for policy in read_book(tmp_path).policies] == ["ours"]
    written(tmp_path, CHILD.replace('"ours"', '"again"'), "second.toml")
    with pytest.raises(PolicyError, match="two lending policies"):
        read_book(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no lending policies"):
        read_book(tmp_path)


def test_lending_policies_are_told_from_policies_of_rules() -> None:
    assert is_lending(CHILD)
    assert not is_lending('name = "x"\n[rules.a]\nwhen = "amount > 1"\n')
    assert not is_lending("not toml [")


def test_places_pass_over_texts_and_lists_of_several_lines() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\nlist = [\n  "x = 1",\n]\n[t.u]\nk = 2\n'
    assert dict(places_of(text)) == {("a",): 1, ("list",): 5, ("t",): 8, ("t", "u"): 8, ("t", "u", "k"): 9}


def test_a_scorecard_without_meaning_is_a_fault_like_any_other(tmp_path: Path) -> None:
    told = faults(tmp_path, CHILD + "[scorecard]\npdo = 0.0\n")
    assert any("pdo is 0.0; the points that double the odds are a number above 0" in each for each in told)


def test_the_page_says_which_currencies_the_packaged_policies_cover() -> None:
    assert "cover CNY (`cash-instalments`, `consumer-credit`, `shopping-instalments`) and USD (`consumer-credit`)." in (
        page()
    )
    book = packaged_book()
    assert book.policy_for("*", "consumer-credit", "USD") is not None
    assert book.policy_for("*", "cash-instalments", "USD") is None
    assert {policy.currency for policy in book.policies} == {"CNY", "USD"}
