"""From the tables of a lending policy to its records, gathering every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from riskwatch.policy.accountreader import SECTION, read_account
from riskwatch.policy.adverse import TEXTS, Texts
from riskwatch.policy.cardreader import read_scorecard
from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.grading import Grade, Pricing, check_pricing
from riskwatch.policy.lending import AdmissionRule, LendingPolicy
from riskwatch.policy.lendingcondition import check_lending_condition
from riskwatch.policy.lendingvocabulary import APPLICATION
from riskwatch.policy.naming import check_codes, check_inputs
from riskwatch.policy.plans import PlanTerms, check_terms
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables
from riskwatch.scoring.scorecard import Scorecard
from riskwatch.streams.events import Product

_TOP = (
    "name", "description", "tenant", "product", "lending", "regions", "admission", "antifraud", "scorecard", "pricing",
    "grades", "plan", "texts", SECTION,
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
        vocabulary = APPLICATION.scored(tuple(regions))
        called = "" if head is None else head.name
        scorecard = read_scorecard(self, ("scorecard",), self.table("scorecard"), called, vocabulary)
        pricing = self._pricing()
        plan = self.record(("plan",), self.table("plan", needed=False), PlanTerms)
        if plan is not None:
            self.told(("plan",), check_terms(plan))
        account = read_account(self, texts)
        self._codes(admission, antifraud, scorecard, texts)
        if lending is not None:
            check_inputs(self, ("lending", "required"), lending.required, APPLICATION)
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
            account=account,
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
        used: list[tuple[Path, str]] = [
            ((family, rule.name, "reason"), rule.reason)
            for family, rules in (("admission", admission), ("antifraud", antifraud))
            for rule in rules
        ]
        if card is not None:
            used += [
                (("scorecard", "characteristics", each.name, "reason"), each.reason) for each in card.characteristics
            ]
        check_codes(self, used, {**TEXTS, **texts})
