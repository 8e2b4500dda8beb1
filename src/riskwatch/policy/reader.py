"""Reads a condition's syntax tree node by node. What is not listed here is not in the language."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.lexis import Source
from riskwatch.policy.parts import Broken, Category, Part, Word, kind_of, shown
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
)
from riskwatch.policy.vocabulary import FUNCTIONS, MAX_NUMBER, Column

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


class Reader:
    """Reads one condition's syntax tree, gathering faults."""

    def __init__(self, source: Source, columns: Mapping[str, Column]) -> None:
        self.source = source
        self.columns = columns
        self.faults: list[Fault] = []

    def refuse(self, node: ast.expr, message: str, suggestion: str | None = None) -> Broken:
        low, high = self.source.original(node.col_offset, node.end_col_offset or node.col_offset + 1)
        line = self.source.text.count("\n", 0, low) + 1
        text = shown(self.source.text[low:high])
        self.faults.append(Fault(message=message, line=line, text=text, suggestion=suggestion))
        return Broken()

    def read(self, node: ast.expr) -> Part:
        match node:
            case ast.Constant(constant):
                return self.constant(node, constant)
            case ast.Name(name):
                return self.name(node, name)
            case ast.UnaryOp(ast.Not(), operand):
                item = self.truth(operand, "`not`")
                return item if isinstance(item, Broken) else Negation(item)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                value = self.number(operand, "a sign")
                if isinstance(value, Broken) or isinstance(sign, ast.UAdd):
                    return value
                return self.fold(node, Arithmetic("-", Number(0.0), value))
            case ast.BoolOp(operator, values):
                items = [self.truth(value, "`and`" if isinstance(operator, ast.And) else "`or`") for value in values]
                whole = [item for item in items if not isinstance(item, Broken)]
                if len(whole) < len(items):
                    return Broken()
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

    def constant(self, node: ast.Constant, value: object) -> Part:
        if isinstance(value, bool) or value is None:
            return self.refuse(node, "`True`, `False` and `None` are not part of the language", "write `x` or `not x`")
        if isinstance(value, str):
            return Word(value)
        if not isinstance(value, int | float):
            return self.refuse(node, f"{type(value).__name__} constants are not part of the language")
        if abs(value) > MAX_NUMBER or not math.isfinite(value):
            return self.refuse(node, "numbers go up to 2**53")
        return Number(float(value))

    def name(self, node: ast.Name, name: str) -> Part:
        column = self.columns.get(name)
        if column is None:
            if name in FUNCTIONS:
                return self.refuse(node, f"`{name}` is a function", f"write `{FUNCTIONS[name][2].split(':')[0]}`")
            return self.refuse(node, f"unknown name `{name}`", did_you_mean(name, self.columns))
        if column.type == "number":
            return Name(name)
        return Flag(name) if column.type == "flag" else Category(name, column.codes or {})

    def truth(self, node: ast.expr, where: str) -> Truth | Broken:
        part = self.read(node)
        if isinstance(part, (Broken, *TRUTH)):
            return part
        return self.refuse(node, f"{where} joins conditions, this is {kind_of(part)}")

    def number(self, node: ast.expr, where: str) -> Numeric | Broken:
        part = self.read(node)
        if isinstance(part, (Broken, *NUMERIC)):
            return part
        return self.refuse(node, f"{where} takes numbers, this is {kind_of(part)}")

    def arithmetic(self, node: ast.BinOp, left: ast.expr, operator: ast.operator, right: ast.expr) -> Part:
        sign = _ARITHMETIC.get(type(operator))
        if sign is None:
            what = type(operator).__name__
            return self.refuse(node, f"{what} is not part of the language", "arithmetic is + - * /")
        first, second = self.number(left, f"`{sign}`"), self.number(right, f"`{sign}`")
        if isinstance(first, Broken) or isinstance(second, Broken):
            return Broken()
        if sign == "/" and second == Number(0.0):
            return self.refuse(node, "division by zero is always unknown")
        return self.fold(node, Arithmetic(sign, first, second))

    def fold(self, node: ast.expr, sum_: Arithmetic) -> Numeric | Broken:
        if not (isinstance(sum_.left, Number) and isinstance(sum_.right, Number)):
            return sum_
        x, y = sum_.left.value, sum_.right.value
        value = x + y if sum_.op == "+" else x - y if sum_.op == "-" else x * y if sum_.op == "*" else x / y
        if abs(value) > MAX_NUMBER:
            return self.refuse(node, "numbers go up to 2**53")
        return Number(value)

    def comparisons(self, node: ast.Compare) -> Truth | Broken:
        sides = [node.left, *node.comparators]
        items = [self.comparison(node, *pair) for pair in zip(sides, node.ops, sides[1:], strict=False)]
        whole = [item for item in items if not isinstance(item, Broken)]
        if len(whole) < len(items):
            return Broken()
        return whole[0] if len(whole) == 1 else Every(tuple(whole))

    def comparison(self, whole: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Truth | Broken:
        if isinstance(op, ast.In | ast.NotIn):
            return self.membership(whole, left, right, isinstance(op, ast.In))
        sign = _COMPARISONS.get(type(op))
        if sign is None:
            return self.refuse(whole, "`is` is not part of the language", "write `==`, or `known(x)`")
        first, second = self.read(left), self.read(right)
        if isinstance(first, Word) and isinstance(second, Category):
            first, second, right = second, first, left
        if isinstance(first, Broken) or isinstance(second, Broken):
            return Broken()
        if isinstance(first, Category) and isinstance(second, Word):
            if sign not in ("==", "!="):
                return self.refuse(whole, f"`{first.name}` has words without an order", "write `==` or `in`")
            code = self.code(right, first, second)
            return code if isinstance(code, Broken) else Member(first.name, (code,), sign == "==")
        if not (isinstance(first, NUMERIC) and isinstance(second, NUMERIC)):
            return self.refuse(whole, f"{kind_of(first)} cannot be compared with {kind_of(second)}")
        return self.compare(whole, sign, first, second, left, right)

    def compare(
        self, whole: ast.expr, sign: str, first: Numeric, second: Numeric, left: ast.expr, right: ast.expr
    ) -> Truth | Broken:
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

    def membership(self, whole: ast.Compare, left: ast.expr, right: ast.expr, wanted: bool) -> Truth | Broken:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            return self.refuse(right, "`in` takes a list in parentheses", 'write `x in ("a", "b")`')
        part = self.read(left)
        if isinstance(part, Broken):
            return part
        if isinstance(part, Category):
            codes = [self.code(item, part, self.read(item)) for item in right.elts]
            kept = tuple(sorted({code for code in codes if not isinstance(code, Broken)}))
            return Member(part.name, kept, wanted) if kept and Broken() not in codes else Broken()
        if not isinstance(part, NUMERIC):
            return self.refuse(left, f"`in` takes a number or an enumeration, this is {kind_of(part)}")
        numbers = [self.number(item, "`in`") for item in right.elts]
        items = [
            Broken() if isinstance(number, Broken) else self.compare(whole, "==", part, number, left, item)
            for item, number in zip(right.elts, numbers, strict=True)
        ]
        equal = [item for item in items if not isinstance(item, Broken)]
        if len(equal) < len(items):
            return Broken()
        return Some(tuple(equal)) if wanted else Negation(Some(tuple(equal)))

    def code(self, node: ast.expr, category: Category, part: Part) -> int | Broken:
        if isinstance(part, Broken):
            return part
        if not isinstance(part, Word):
            return self.refuse(node, f"`{category.name}` is compared with its words, this is {kind_of(part)}")
        code = category.codes.get(part.word)
        if code is not None:
            return code
        near = did_you_mean(part.word, category.codes)
        return self.refuse(
            node, f'`{category.name}` is never "{part.word}"', near or "it is one of " + ", ".join(category.codes)
        )

    def call(self, node: ast.Call) -> Part:
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
        whole = tuple(value for value in values if not isinstance(value, Broken))
        if len(whole) < len(values):
            return Broken()
        if name == "between":
            value, low, high = node.args
            above = self.compare(node, ">=", whole[0], whole[1], value, low)
            below = self.compare(node, "<", whole[0], whole[2], value, high)
            if isinstance(above, Broken) or isinstance(below, Broken):
                return Broken()
            return Every((above, below))
        if all(isinstance(value, Number) for value in whole):
            return self.refuse(node, "every argument is a constant", "write its value")
        return Call(name, whole)

    def known(self, node: ast.Call) -> Truth | Broken:
        part = self.read(node.args[0])
        if isinstance(part, Category):
            return KnownCategory(part.name)
        if isinstance(part, NUMERIC):
            return Known(part) if names_of(part) else self.refuse(node, "it comes out the same for every entry")
        return part if isinstance(part, Broken) else self.refuse(node, "`known` takes a number or an enumeration")
