"""Whatever a policy holds, reading it ends in a policy or in faults: nothing else is raised, and nothing is run."""

from __future__ import annotations

import keyword
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskwatch.policy.expression import Condition, check_condition
from riskwatch.policy.reasons import read_template
from riskwatch.policy.rules import PolicyError, parse_policy
from riskwatch.policy.vocabulary import vocabulary

COLUMNS = vocabulary(["x", "seconds_since_login"])
TOKENS = [
    *keyword.kwlist, *"+-*/%@<>=!~^&|()[]{}.,:;#'\"\\\n\t ", "**", "//", "<<", ":=", "->", "...", "<=", "==", "!=",
    "x", "amount", "channel", "emulator", "score", "seconds_since_login", "min", "max", "abs", "coalesce", "known",
    "between", "__import__", "eval", "x.__class__", '"app"', "f'{x}'", "b'x'", "0", "1", "2.5", "10m", "1_0d", "1e999",
    "0x1f", "3j", "9" * 400, "é", "\x00", "\ud800",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join) | st.text(max_size=60))
@example("(" * 1_999)
@example("x" + "[0]" * 660)
@example("not " * 499)
@example('"' * 1_999)
def test_any_text_is_a_condition_or_has_faults(text: str) -> None:
    found = check_condition(text, COLUMNS)
    assert isinstance(found, Condition) or (len(found) > 0 and all(str(fault) for fault in found))


@given(st.text(alphabet="{}:!.[]x0%f, amountcel", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_template_or_has_faults(text: str) -> None:
    assert len(read_template(text, COLUMNS)) > 0


@settings(deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            ["[rules.a]", "[rules]", "[[rules]]", "[rules.a.b]", "rules = 3", "rules.a = {}", "name = 'n'", "name = 3"]
            + [f"{key} = {value}" for key in ("on", "when", "reason", "cooldown", "shadow", "tags") for value in
               ("'x > 1'", "'1h'", "3", "true", "nan", "1979-05-27", "[]", "['LoginFailed']", "{a = 1}", "'''", '"""')]
        ),
        max_size=14,
    ).map("\n".join)
)  # fmt: skip
@example("a = " + "[" * 5_000)
@example("x = 1\n" * 2)
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    with suppress(PolicyError):
        parse_policy(text, "policy", ["x"])
