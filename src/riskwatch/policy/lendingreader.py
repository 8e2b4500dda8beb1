"""From the tables of a lending policy to its records, gathering every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from riskwatch.policy.adverse import TEXTS, Texts
from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.grading import Grade, Pricing, check_pricing
from riskwatch.policy.lending import AdmissionRule, LendingPolicy
from riskwatch.policy.lendingcondition import check_lending_condition
from riskwatch.policy.lendingvocabulary import INPUT_OF, words_of
from riskwatch.policy.plans import PlanTerms, check_terms
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables
from riskwatch.scoring.scorecard import Bin, Characteristic, Scorecard, check_scorecard
from riskwatch.streams.events import Product

_TOP = (
    "name", "description", "tenant", "product", "lending", "regions", "admission", "antifraud", "scorecard", "pricing",
    "grades", "plan", "texts",
)  # fmt: skip


class _Head(Struct, frozen=True, kw_only=True):
    """The keys at the top of a file."""

    name: str
    product: Product
    tenant: str = "*"
    description: str = ""


class _Lending(Struct, frozen=True, kw_only=True):
    """The table `[lending]`."""

    currency: str
    refer_above_pd: float | None = None
    deadline_ms: int = 800
    required: tuple[str, ...] = ()


class _Scale(Struct, frozen=True, kw_only=True):
    """The keys of `[scorecard]` beside its characteristics."""

    base_points: float
    base_odds: float
    pdo: float


class _Prices(Struct, frozen=True, kw_only=True):
    """The table `[pricing]`; the grades are tables of their own."""

    legal_cap: float
    rate_step: float
    limit_step: int
    min_limit: int


class Reader(Tables):
    """Reads one resolved file. `policy` gives None, or a policy not to be used, where `faults` is not empty."""

    def policy(self) -> LendingPolicy | None:
        """The policy, every part of it looked into whatever is wrong with another."""
        for key in self.content:
            if key not in _TOP:
                self.fault((key,), f"unknown key `{key}`", did_you_mean(key, _TOP) or f"keys are {', '.join(_TOP)}")
        top = {key: value for key, value in self.content.items() if key in ("name", "tenant", "product", "description")}
        head = self.record((), top, _Head)
        lending = self.record(("lending",), self.table("lending"), _Lending)
        regions = self._regions()
        admission = self._rules("admission", tuple(regions))
        antifraud = self._rules("antifraud", tuple(regions))
        texts = {
            code: text
            for code, table in self.tables("texts")
            if (text := self.record(("texts", code), table, Texts)) is not None
        }
        scorecard = self._scorecard("" if head is None else head.name, tuple(regions))
        pricing = self._pricing()
        plan = self.record(("plan",), self.table("plan", needed=False), PlanTerms)
        if plan is not None:
            self.told(("plan",), check_terms(plan))
        self._codes(admission, antifraud, scorecard, texts)
        if lending is not None:
            self._required(lending)
        if head is None or lending is None or scorecard is None or pricing is None or plan is None:
            return None
        return LendingPolicy(
            tenant=head.tenant,
            product=head.product,
            name=head.name,
            description=head.description,
            admission=tuple(admission),
            antifraud=tuple(antifraud),
            scorecard=scorecard,
            pricing=pricing,
            plan=plan,
            texts=texts,
            currency=lending.currency,
            refer_above_pd=lending.refer_above_pd,
            deadline_ms=lending.deadline_ms,
            required=lending.required,
            regions=regions,
        )

    # ------------------------------------------------------------------------------------------------------- parts

    def _rules(self, family: str, regions: tuple[str, ...]) -> list[AdmissionRule]:
        rules = []
        for name, table in self.tables(family):
            path = (family, name)
            rule = self.record(path, {**table, "name": name}, AdmissionRule)
            when = table.get("when")  # looked into also where another key is wrong, so that all is told at once
            condition = check_lending_condition(when, regions) if isinstance(when, str) else None
            if isinstance(condition, list):
                for fault in condition:
                    self.fault((*path, "when"), fault.message, fault.suggestion, text=fault.text, down=fault.line or 1)
            if rule is not None:
                rules.append(rule)
        return rules

    def _regions(self) -> dict[str, tuple[str, ...]]:
        regions: dict[str, tuple[str, ...]] = {}
        for word, spellings in self.table("regions", needed=False).items():
            if isinstance(spellings, list) and all(isinstance(each, str) for each in spellings):
                regions[word] = tuple(spellings)
            else:
                self.fault(("regions", word), f"`{word}` is a list of spellings", f'write `{word} = ["…"]`')
        return regions

    def _scorecard(self, name: str, regions: tuple[str, ...]) -> Scorecard | None:
        table = dict(self.table("scorecard"))
        inner = table.pop("characteristics", {})
        scale = self.record(("scorecard",), table, _Scale)
        if not isinstance(inner, dict) or not inner:
            self.fault(("scorecard",), "there are no characteristics", "add `[scorecard.characteristics.<name>]`")
            return None
        characteristics = [
            each for label, own in inner.items() if (each := self._characteristic(label, own, regions)) is not None
        ]
        if scale is None or len(characteristics) < len(inner):
            return None
        card = Scorecard(
            name=name,
            base_points=scale.base_points,
            base_odds=scale.base_odds,
            pdo=scale.pdo,
            characteristics=tuple(characteristics),
        )
        for fault in check_scorecard(card):
            concerned = next((label for label in inner if fault.startswith(f"characteristic `{label}`")), None)
            path: Path = ("scorecard",) if concerned is None else ("scorecard", "characteristics", concerned)
            self.told(path, [fault])
        return card

    def _characteristic(self, name: str, table: Any, regions: tuple[str, ...]) -> Characteristic | None:
        path = ("scorecard", "characteristics", name)
        if not isinstance(table, dict):
            self.fault(path, f"`{name}` is a table")
            return None
        own = dict(table)
        given = own.pop("bins", [])
        bins = [
            each
            for number, each_bin in enumerate(given if isinstance(given, list) else [], 1)
            if (each := self.record(path, each_bin, Bin, what=f"bin {number}")) is not None
        ]
        made = self.record(path, {**own, "name": name, "bins": bins}, Characteristic)
        if made is None:
            return None
        known = INPUT_OF.get(made.reads)
        if known is None or known.type == "text":
            near = did_you_mean(made.reads, INPUT_OF) or "docs/lending.md lists the inputs"
            self.fault((*path, "reads"), f"there is no input `{made.reads}` to be scored", near)
        elif known.type != "number":
            allowed = ("yes", "no") if known.type == "flag" else words_of(made.reads, regions)
            for word in (word for each in made.bins for word in each.words if word not in allowed):
                near = did_you_mean(word, allowed) or f"one of {', '.join(allowed)}"
                self.fault((*path, "bins"), f'`{made.reads}` is never "{word}"', near)
        return made

    def _pricing(self) -> Pricing | None:
        prices = self.record(("pricing",), self.table("pricing"), _Prices)
        grades = [
            grade
            for name, table in self.tables("grades")
            if (grade := self.record(("grades", name), {**table, "name": name}, Grade)) is not None
        ]
        if prices is None:
            return None
        pricing = Pricing(
            grades=tuple(sorted(grades, key=lambda grade: grade.max_pd)),
            legal_cap=prices.legal_cap,
            rate_step=prices.rate_step,
            limit_step=prices.limit_step,
            min_limit=prices.min_limit,
        )
        self.told(("pricing",), check_pricing(pricing))
        return pricing

    def _codes(
        self, admission: Sequence[AdmissionRule], antifraud: Sequence[AdmissionRule], card: Scorecard | None,
        texts: Mapping[str, Texts],
    ) -> None:  # fmt: skip
        """Every code that the policy can give has its texts in both languages."""
        known = {**TEXTS, **texts}
        used: list[tuple[Path, str]] = [
            ((family, rule.name, "reason"), rule.reason)
            for family, rules in (("admission", admission), ("antifraud", antifraud))
            for rule in rules
        ]
        if card is not None:
            used += [
                (("scorecard", "characteristics", each.name, "reason"), each.reason) for each in card.characteristics
            ]
        for path, code in used:
            if code not in known:
                near = did_you_mean(code, known)
                self.fault(path, f"the reason `{code}` has no text", near or f"add `[texts.{code}]` with `en` and `zh`")

    def _required(self, lending: _Lending) -> None:
        for name in lending.required:
            if name not in INPUT_OF:
                near = did_you_mean(name, INPUT_OF) or "docs/lending.md lists the inputs"
                self.fault(("lending", "required"), f"there is no input `{name}`", near)
