"""Random conditions, each as text and with its meaning in a slow interpreter of Kleene's three truth values.

The interpreter is independent of the package: a meaning is a function of what is known, None standing for unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

FEATURES = ("x", "y", "z")
CHANNELS = ("app", "web", "wechat", "phone", "branch", "api")

Reading = dict[str, Any]
Said = tuple[str, Callable[[Reading], Any]]
"""A piece of a condition as text, and its meaning: a number, a truth, or None for unknown."""


# ------------------------------------------------------------------------------------------- the slow interpreter


def both(operation: Callable[[float, float], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if left is None or right is None:
            return None
        value = operation(left, right)
        return None if isinstance(value, float) and math.isnan(value) else value

    return apply


ARITHMETIC = {
    "+": both(lambda a, b: a + b),
    "-": both(lambda a, b: a - b),
    "*": both(lambda a, b: a * b),
    "/": both(lambda a, b: None if b == 0 else a / b),
}
COMPARISONS = {
    "<": both(lambda a, b: a < b),
    "<=": both(lambda a, b: a <= b),
    ">": both(lambda a, b: a > b),
    ">=": both(lambda a, b: a >= b),
    "==": both(lambda a, b: a == b),
    "!=": both(lambda a, b: a != b),
}


def negation(value: Any) -> Any:
    return None if value is None else not value


def conjunction(values: list[Any]) -> Any:
    return False if False in values else None if None in values else True


def disjunction(values: list[Any]) -> Any:
    return True if True in values else None if None in values else False


# ------------------------------------------------------------------------------------------- conditions, at random


def constant(value: float) -> Said:
    return repr(value), lambda reading: value


def named(name: str) -> Said:
    return name, lambda reading: reading[name]


constants = st.sampled_from([0.0, 1.0, -1.0, 2.5, 3.0, 1e6]).map(constant)
names = st.sampled_from([*FEATURES, "amount"]).map(named)


def arithmetic(parts: tuple[Said, str, Said]) -> Said:
    (left, of_left), op, (right, of_right) = parts
    return f"({left} {op} {right})", lambda reading: ARITHMETIC[op](of_left(reading), of_right(reading))


def folded(parts: tuple[str, list[Said]]) -> Said:
    function, arguments = parts
    pick = {"min": min, "max": max}

    def meaning(reading: Reading) -> Any:
        values = [of(reading) for _, of in arguments]
        if function == "coalesce":
            return next((value for value in values if value is not None), None)
        return None if None in values else pick[function](values)

    return f"{function}({', '.join(text for text, _ in arguments)})", meaning


def absolute(part: Said) -> Said:
    text, of = part
    return f"abs({text})", lambda reading: None if of(reading) is None else abs(of(reading))


def negative(part: Said) -> Said:
    text, of = part
    return f"(-{text})", lambda reading: None if of(reading) is None else -of(reading)


def larger(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    either = inner | constants
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(arithmetic),
        st.tuples(constants, st.sampled_from("+-*/"), inner).map(arithmetic),
        st.tuples(st.sampled_from(["min", "max", "coalesce"]), st.lists(either, min_size=1, max_size=2), inner).map(
            lambda parts: folded((parts[0], [*parts[1], parts[2]]))
        ),
        inner.map(absolute),
        inner.map(negative),
    )


numbers = st.recursive(names, larger, max_leaves=4)


def comparison(parts: tuple[Said, str, Said, bool]) -> Said:
    (left, of_left), op, (right, of_right), swapped = parts
    text = f"{right} {op} {left}" if swapped else f"{left} {op} {right}"
    if swapped:
        return text, lambda reading: COMPARISONS[op](of_right(reading), of_left(reading))
    return text, lambda reading: COMPARISONS[op](of_left(reading), of_right(reading))


def chain(parts: tuple[Said, str, Said, str, Said]) -> Said:
    (low, of_low), first, (value, of), second, (high, of_high) = parts

    def meaning(reading: Reading) -> Any:
        return conjunction(
            [COMPARISONS[first](of_low(reading), of(reading)), COMPARISONS[second](of(reading), of_high(reading))]
        )

    return f"{low} {first} {value} {second} {high}", meaning


def between(parts: tuple[Said, Said, Said]) -> Said:
    (value, of), (low, of_low), (high, of_high) = parts

    def meaning(reading: Reading) -> Any:
        return conjunction(
            [COMPARISONS[">="](of(reading), of_low(reading)), COMPARISONS["<"](of(reading), of_high(reading))]
        )

    return f"between({value}, {low}, {high})", meaning


def member(parts: tuple[Said, list[Said], bool]) -> Said:
    (value, of), items, wanted = parts

    def meaning(reading: Reading) -> Any:
        found = disjunction([COMPARISONS["=="](of(reading), of_item(reading)) for _, of_item in items])
        return found if wanted else negation(found)

    listed = ", ".join(text for text, _ in items)
    return f"{value} {'in' if wanted else 'not in'} ({listed},)", meaning


def channel(parts: tuple[list[str], bool]) -> Said:
    words, wanted = parts

    def meaning(reading: Reading) -> Any:
        return None if reading["channel"] is None else (reading["channel"] in words) is wanted

    if len(words) == 1:
        return f'channel {"==" if wanted else "!="} "{words[0]}"', meaning
    listed = ", ".join(f'"{word}"' for word in words)
    return f"channel {'in' if wanted else 'not in'} ({listed})", meaning


def known(part: Said) -> Said:
    text, of = part
    return f"known({text})", lambda reading: of(reading) is not None


operators = st.sampled_from(list(COMPARISONS))
atoms: st.SearchStrategy[Said] = st.one_of(
    st.tuples(numbers, operators, numbers | constants, st.booleans())
    .filter(lambda parts: parts[0][0] != parts[2][0])
    .map(comparison),
    st.tuples(constants, operators, numbers, operators, constants).map(chain),
    st.tuples(numbers, constants, constants).map(between),
    st.tuples(numbers, st.lists(constants, min_size=1, max_size=3), st.booleans()).map(member),
    st.tuples(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True), st.booleans()).map(channel),
    numbers.map(known),
    st.just(("known(channel)", lambda reading: reading["channel"] is not None)),
    st.just(("emulator", lambda reading: reading["emulator"])),
)


def joined(parts: tuple[str, list[Said]]) -> Said:
    word, items = parts
    join = conjunction if word == "and" else disjunction
    return f"({f' {word} '.join(text for text, _ in items)})", lambda reading: join([of(reading) for _, of in items])


def negated(part: Said) -> Said:
    text, of = part
    return f"(not {text})", lambda reading: negation(of(reading))


conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)).map(joined),
        inner.map(negated),
    ),
    max_leaves=6,
)
values = st.none() | st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, 3.0, 1e6, 1e300, -1e300]) | st.floats(-10, 10)
readings = st.fixed_dictionaries(
    {
        "x": values,
        "y": values,
        "z": values,
        "amount": values,
        "emulator": st.booleans(),
        "channel": st.none() | st.sampled_from(CHANNELS),
    }
)
