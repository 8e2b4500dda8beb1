"""The condition language: from text to a checked, settled tree.

A small, total language over columns. It has numbers, durations, the words of enumerations, `and or not`, comparisons
(chained as in `1 <= x < 3`), `in`, `+ - * /`, and the functions of `FUNCTIONS`. It has no loops, no names but
columns, no attributes, no powers: every condition ends, in time bounded by its length, on every entry. Text is parsed
into Python's syntax tree and each node is checked here; nothing is ever evaluated, compiled or imported by Python.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from msgspec import Struct

from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.lexis import Refused, Source, parse, read_source
from riskwatch.policy.tree import (
    NUMERIC,
    TRUTH,
    Arithmetic,
    Call,
    Compare,
    Every,
    Flag,
    Known,
    KnownCategory,
    Member,
    Name,
    Negation,
    Number,
    Numeric,
    Some,
    Truth,
    names_of,
    never,
    settle,
)
from riskwatch.policy.vocabulary import FUNCTIONS, MAX_DEPTH, MAX_NODES, MAX_NUMBER, Column

_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_ARITHMETIC: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_HINTS: Mapping[type[ast.AST], str] = {
    ast.Attribute: "names have no parts",
    ast.Subscript: "there is no indexing",
    ast.Lambda: "there are no functions to define",
    ast.IfExp: "write the cases with `and` and `or`",
    ast.JoinedStr: "text is written in plain quotes",
    ast.NamedExpr: "write `==` to compare",
    ast.Tuple: "a list stands only after `in`",
    ast.List: "a list stands only after `in`",
    ast.Set: "a list stands only after `in`",
}


class Condition(Struct, frozen=True, kw_only=True):
    """A checked condition. `written` keeps `not` where the author put it; `tree` is settled (see `tree`)."""

    text: str
    written: Truth
    tree: Truth
    names: tuple[str, ...]


class _Category(Struct, frozen=True):
    """An enumeration's column, before it is compared."""

    name: str
    codes: Mapping[str, int]


class _Word(Struct, frozen=True):
    """A text constant."""

    word: str


class _Broken(Struct, frozen=True):
    """What a fault was already told about: it fits everywhere, so that one slip is told once."""


_Part = Number | Name | Arithmetic | Call | Truth | _Category | _Word | _Broken


def check_condition(text: str, columns: Mapping[str, Column]) -> Condition | list[Fault]:
    """The condition, or every fault in it. `Fault.line` counts from 1 within `text`."""
    try:
        source = read_source(text)
        body = parse(source)
    except Refused as refused:
        line = None if refused.offset is None else text.count("\n", 0, refused.offset) + 1
        return [Fault(message=refused.message, line=line or 1, text=_shown(text))]
    reader = _Reader(source, columns)
    oversize = _oversize(body)
    if oversize is not None:
        return [Fault(message=oversize, line=1, text=_shown(text))]
    part = reader.read(body)
    if isinstance(part, TRUTH) and not reader.faults:
        tree = settle(part)
        impossible = never(tree)
        if impossible is None:
            return Condition(text=text, written=part, tree=tree, names=names_of(part))
        reader.refuse(body, f"a part of it can never be true: the bounds of `{impossible}` exclude each other")
    elif not isinstance(part, (_Broken, *TRUTH)):
        reader.refuse(body, f"a condition is true or false, this is {_kind_of(part)}")
    return reader.faults


def _oversize(body: ast.expr) -> str | None:
    count, level = 0, [body]  # breadth first, not recursive: the depth is what is being measured
    depth = 0
    nodes: list[ast.AST] = list(level)
    while nodes:
        depth += 1
        count += len(nodes)
        if depth > MAX_DEPTH:
            return f"it is nested deeper than {MAX_DEPTH} levels"
        if count > MAX_NODES:
            return f"it has more than {MAX_NODES} terms"
        nodes = [child for node in nodes for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return None


class _Reader:
    """Reads one condition's syntax tree, gathering faults."""

    def __init__(self, source: Source, columns: Mapping[str, Column]) -> None:
        self.source = source
        self.columns = columns
        self.faults: list[Fault] = []

    def refuse(self, node: ast.expr, message: str, suggestion: str | None = None) -> _Broken:
        low, high = self.source.original(node.col_offset, node.end_col_offset or node.col_offset + 1)
        line = self.source.text.count("\n", 0, low) + 1
        text = _shown(self.source.text[low:high])
        self.faults.append(Fault(message=message, line=line, text=text, suggestion=suggestion))
        return _Broken()

    def read(self, node: ast.expr) -> _Part:
        match node:
            case ast.Constant(constant):
                return self.constant(node, constant)
            case ast.Name(name):
                return self.name(node, name)
            case ast.UnaryOp(ast.Not(), operand):
                item = self.truth(operand, "`not`")
                return item if isinstance(item, _Broken) else Negation(item)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                value = self.number(operand, "a sign")
                if isinstance(value, _Broken) or isinstance(sign, ast.UAdd):
                    return value
                return self.fold(node, Arithmetic("-", Number(0.0), value))
            case ast.BoolOp(operator, values):
                items = [self.truth(value, "`and`" if isinstance(operator, ast.And) else "`or`") for value in values]
                whole = [item for item in items if not isinstance(item, _Broken)]
                if len(whole) < len(items):
                    return _Broken()
                return (Every if isinstance(operator, ast.And) else Some)(tuple(whole))
            case ast.BinOp(left, operator, right):
                return self.arithmetic(node, left, operator, right)
            case ast.Compare():
                return self.comparisons(node)
            case ast.Call():
                return self.call(node)
            case _:
                what = type(node).__name__
                return self.refuse(node, f"{what} is not part of the language", _HINTS.get(type(node)))

    def constant(self, node: ast.Constant, value: object) -> _Part:
        if isinstance(value, bool) or value is None:
            return self.refuse(node, "`True`, `False` and `None` are not part of the language", "write `x` or `not x`")
        if isinstance(value, str):
            return _Word(value)
        if not isinstance(value, int | float):
            return self.refuse(node, f"{type(value).__name__} constants are not part of the language")
        if abs(value) > MAX_NUMBER or not math.isfinite(value):
            return self.refuse(node, "numbers go up to 2**53")
        return Number(float(value))

    def name(self, node: ast.Name, name: str) -> _Part:
        column = self.columns.get(name)
        if column is None:
            if name in FUNCTIONS:
                return self.refuse(node, f"`{name}` is a function", f"write `{FUNCTIONS[name][2].split(':')[0]}`")
            return self.refuse(node, f"unknown name `{name}`", did_you_mean(name, self.columns))
        if column.type == "number":
            return Name(name)
        return Flag(name) if column.type == "flag" else _Category(name, column.codes or {})

    def truth(self, node: ast.expr, where: str) -> Truth | _Broken:
        part = self.read(node)
        if isinstance(part, (_Broken, *TRUTH)):
            return part
        return self.refuse(node, f"{where} joins conditions, this is {_kind_of(part)}")

    def number(self, node: ast.expr, where: str) -> Numeric | _Broken:
        part = self.read(node)
        if isinstance(part, (_Broken, *NUMERIC)):
            return part
        return self.refuse(node, f"{where} takes numbers, this is {_kind_of(part)}")

    def arithmetic(self, node: ast.BinOp, left: ast.expr, operator: ast.operator, right: ast.expr) -> _Part:
        sign = _ARITHMETIC.get(type(operator))
        if sign is None:
            what = type(operator).__name__
            return self.refuse(node, f"{what} is not part of the language", "arithmetic is + - * /")
        first, second = self.number(left, f"`{sign}`"), self.number(right, f"`{sign}`")
        if isinstance(first, _Broken) or isinstance(second, _Broken):
            return _Broken()
        if sign == "/" and second == Number(0.0):
            return self.refuse(node, "division by zero is always unknown")
        return self.fold(node, Arithmetic(sign, first, second))

    def fold(self, node: ast.expr, sum_: Arithmetic) -> Numeric | _Broken:
        if not (isinstance(sum_.left, Number) and isinstance(sum_.right, Number)):
            return sum_
        x, y = sum_.left.value, sum_.right.value
        value = x + y if sum_.op == "+" else x - y if sum_.op == "-" else x * y if sum_.op == "*" else x / y
        if abs(value) > MAX_NUMBER:
            return self.refuse(node, "numbers go up to 2**53")
        return Number(value)

    def comparisons(self, node: ast.Compare) -> Truth | _Broken:
        sides = [node.left, *node.comparators]
        items = [self.comparison(node, *pair) for pair in zip(sides, node.ops, sides[1:], strict=False)]
        whole = [item for item in items if not isinstance(item, _Broken)]
        if len(whole) < len(items):
            return _Broken()
        return whole[0] if len(whole) == 1 else Every(tuple(whole))

    def comparison(self, whole: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Truth | _Broken:
        if isinstance(op, ast.In | ast.NotIn):
            return self.membership(whole, left, right, isinstance(op, ast.In))
        sign = _COMPARISONS.get(type(op))
        if sign is None:
            return self.refuse(whole, "`is` is not part of the language", "write `==`, or `known(x)`")
        first, second = self.read(left), self.read(right)
        if isinstance(first, _Word) and isinstance(second, _Category):
            first, second, right = second, first, left
        if isinstance(first, _Broken) or isinstance(second, _Broken):
            return _Broken()
        if isinstance(first, _Category) and isinstance(second, _Word):
            if sign not in ("==", "!="):
                return self.refuse(whole, f"`{first.name}` has words without an order", "write `==` or `in`")
            code = self.code(right, first, second)
            return code if isinstance(code, _Broken) else Member(first.name, (code,), sign == "==")
        if not (isinstance(first, NUMERIC) and isinstance(second, NUMERIC)):
            return self.refuse(whole, f"{_kind_of(first)} cannot be compared with {_kind_of(second)}")
        return self.compare(whole, sign, first, second, left, right)

    def compare(
        self, whole: ast.expr, sign: str, first: Numeric, second: Numeric, left: ast.expr, right: ast.expr
    ) -> Truth | _Broken:
        if (not names_of(first) and not names_of(second)) or first == second:
            return self.refuse(whole, "it comes out the same for every entry")
        for one, other, node in ((first, left, right), (second, right, left)):
            if self.duration(node) and not self.counts_seconds(one):
                said = ast.unparse(other)
                return self.refuse(whole, f"`{said}` does not count seconds, a duration does", "write a plain number")
        if isinstance(first, Number):  # a constant stands right: rules that share a bound share the comparison
            return Compare({"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(sign, sign), second, first)
        return Compare(sign, first, second)

    def duration(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and node.col_offset in self.source.durations

    def counts_seconds(self, part: Numeric) -> bool:
        return any(self.columns[name].seconds for name in names_of(part))

    def membership(self, whole: ast.Compare, left: ast.expr, right: ast.expr, wanted: bool) -> Truth | _Broken:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            return self.refuse(right, "`in` takes a list in parentheses", 'write `x in ("a", "b")`')
        part = self.read(left)
        if isinstance(part, _Broken):
            return part
        if isinstance(part, _Category):
            codes = [self.code(item, part, self.read(item)) for item in right.elts]
            kept = tuple(sorted({code for code in codes if not isinstance(code, _Broken)}))
            return Member(part.name, kept, wanted) if kept and _Broken() not in codes else _Broken()
        if not isinstance(part, NUMERIC):
            return self.refuse(left, f"`in` takes a number or an enumeration, this is {_kind_of(part)}")
        numbers = [self.number(item, "`in`") for item in right.elts]
        items = [
            _Broken() if isinstance(number, _Broken) else self.compare(whole, "==", part, number, left, item)
            for item, number in zip(right.elts, numbers, strict=True)
        ]
        equal = [item for item in items if not isinstance(item, _Broken)]
        if len(equal) < len(items):
            return _Broken()
        return Some(tuple(equal)) if wanted else Negation(Some(tuple(equal)))

    def code(self, node: ast.expr, category: _Category, part: _Part) -> int | _Broken:
        if isinstance(part, _Broken):
            return part
        if not isinstance(part, _Word):
            return self.refuse(node, f"`{category.name}` is compared with its words, this is {_kind_of(part)}")
        code = category.codes.get(part.word)
        if code is not None:
            return code
        near = did_you_mean(part.word, category.codes)
        return self.refuse(
            node, f'`{category.name}` is never "{part.word}"', near or "it is one of " + ", ".join(category.codes)
        )

    def call(self, node: ast.Call) -> _Part:
        if not isinstance(node.func, ast.Name):
            return self.refuse(node, "only the language's own functions can be called")
        name = node.func.id
        if name not in FUNCTIONS:
            near = did_you_mean(name, FUNCTIONS) or "functions are " + ", ".join(FUNCTIONS)
            return self.refuse(node, f"unknown function `{name}`", near)
        fewest, most, usage = FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            return self.refuse(node, f"`{name}` is not called so", usage)
        if name == "known":
            return self.known(node)
        values = [self.number(argument, f"`{name}`") for argument in node.args]
        whole = tuple(value for value in values if not isinstance(value, _Broken))
        if len(whole) < len(values):
            return _Broken()
        if name == "between":
            value, low, high = node.args
            above = self.compare(node, ">=", whole[0], whole[1], value, low)
            below = self.compare(node, "<", whole[0], whole[2], value, high)
            if isinstance(above, _Broken) or isinstance(below, _Broken):
                return _Broken()
            return Every((above, below))
        if all(isinstance(value, Number) for value in whole):
            return self.refuse(node, "every argument is a constant", "write its value")
        return Call(name, whole)

    def known(self, node: ast.Call) -> Truth | _Broken:
        part = self.read(node.args[0])
        if isinstance(part, _Category):
            return KnownCategory(part.name)
        if isinstance(part, NUMERIC):
            return Known(part) if names_of(part) else self.refuse(node, "it comes out the same for every entry")
        return part if isinstance(part, _Broken) else self.refuse(node, "`known` takes a number or an enumeration")


def _kind_of(part: _Part) -> str:
    match part:
        case _Word():
            return "text"
        case _Category(name, _):
            return f"the enumeration `{name}`"
        case Flag(name, _):
            return f"the flag `{name}`"
        case _ if isinstance(part, NUMERIC):
            return "a number"
        case _:
            return "a condition"


def _shown(text: str) -> str:
    """The offending text on one line, cut to what a terminal shows."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "…"
