"""Lending policies as files: inheritance, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskwatch.policy.faults import PolicyError
from riskwatch.policy.lendingbook import read_book
from riskwatch.policy.lendingfile import is_lending, load_lending
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
        (CHILD + "deadline_ms = true\n", "line 7: [lending.deadline_ms] `deadline_ms`: expected `int`, got `bool`"),
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
            "line 9: [admission.x.outcome] `outcome`: invalid enum value 'approve'",
        ),
        (
            CHILD + '[scorecard.characteristics.employment]\nbins = [{label = "a", words = ["employd"], points = 1}]\n',
            '`declared.employment` is never "employd"; did you mean `employed`?',
        ),
        (CHILD + '[scorecard.characteristics.age]\nreads = "declared.age"\n', "there is no input `declared.age`"),
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


def test_a_fault_that_is_inherited_names_the_file(tmp_path: Path) -> None:
    written(tmp_path, CHILD + "[plan]\ndue_day = 40\n", "house.toml")
    (fault,) = faults(tmp_path, 'extends = "house.toml"\nname = "branch"\n')
    assert "house.toml" in fault


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
