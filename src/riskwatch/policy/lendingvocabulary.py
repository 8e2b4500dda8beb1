"""The inputs of an assessment by name: what a lending policy's conditions, scorecard and required inputs may read.

Money is in minor units; an unknown value is None. Whatever comes in is first brought to its declared type: a value of
another type, an infinity, or a word that the enumeration does not have is unknown. Regions are free text outside and
words inside: a policy declares them with their spellings, and every other region is "elsewhere".
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

from riskwatch.features.table import FEATURES
from riskwatch.policy.cardreader import NUMBER, YES_OR_NO, Readable, Vocabulary
from riskwatch.policy.vocabulary import Column
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.events import Channel, Employment, Product

ELSEWHERE = "elsewhere"
"""The word of a region that the policy does not declare."""
MAX_REGIONS = 250
LISTED = ("block", "watch", "allow", "allow-always")
LINK_KINDS = ("device", "phone", "id_number", "bank_card", "address", "email", "ip", "merchant")
REGION = "declared.region"

Facts = Mapping[str, Value]


class Input(Struct, frozen=True, kw_only=True):
    """One input. `words`: of an enumeration. `text` stands in no condition; a `region` reads as an enumeration of the
    policy's regions. `seconds`: it is compared with durations."""

    name: str
    type: Literal["number", "flag", "enumeration", "region", "text"]
    description: str
    words: tuple[str, ...] = ()
    seconds: bool = False


def number(name: str, description: str) -> Input:
    """A number, unknown where absent."""
    return Input(name=name, type="number", description=description, seconds="seconds" in name.partition(".")[2])


def flag(name: str, description: str) -> Input:
    """Yes, no or unknown."""
    return Input(name=name, type="flag", description=description)


def _words(name: str, words: Sequence[str], description: str) -> Input:
    return Input(name=name, type="enumeration", description=description, words=tuple(words))


INPUTS: tuple[Input, ...] = (
    _words("application.product", get_args(Product), "the product applied for"),
    number("application.amount", "amount applied for, minor units"),
    number("application.term_months", "term applied for, months"),
    _words("application.channel", get_args(Channel), "where the application was made"),
    flag("application.merchant_id_known", "the application names a merchant"),
    number("declared.monthly_income", "declared monthly income, minor units"),
    _words("declared.employment", get_args(Employment), "declared employment"),
    number("declared.employed_months", "months with the present employer"),
    number("declared.monthly_debt_service", "declared monthly payments on other debts, minor units"),
    number("declared.dependants", "declared dependants"),
    Input(name=REGION, type="region", description='where the applicant lives: a declared region, or "elsewhere"'),
    number("declared.age_years", "age in whole years on the day of the application"),
    number("bureau.score", "the credit bureau's score"),
    number("bureau.open_loans", "open loans with all lenders, by the bureau"),
    number("bureau.outstanding", "open debt with all lenders, by the bureau, minor units"),
    number("bureau.max_dpd_12m", "most days past due in 12 months, by the bureau"),
    number("bureau.inquiries_90d", "inquiries at the bureau in 90 days"),
    number("bureau.oldest_loan_months", "age of the oldest loan at the bureau, months"),
    flag("identity.phone_valid", "the phone number exists by the numbering plan"),
    flag("identity.id_number_valid", "the id number's check digit, birth date and region can be right"),
    flag("identity.bank_card_valid", "the bank card's check digit is right"),
    flag("identity.email_valid", "the e-mail address is of the form local@domain"),
    flag("identity.birth_date_agrees", "the declared birth date is the id number's"),
    number("own.open_loans", "open loans with this institution"),
    number("own.outstanding", "open debt with this institution, minor units"),
    number("own.max_dpd", "days past due now with this institution, 0 where nothing is late"),
    number("own.settled_loans", "loans repaid with this institution"),
    number("own.applications_30d", "applications with this institution in 30 days, this one included"),
    flag("links.answered", "linked facts came before the deadline; no refers"),
    *(number(f"links.{kind}_customers", f"customers seen with this {kind.replace('_', ' ')}") for kind in LINK_KINDS),
    *(
        number(f"links.{kind}_new_1d", f"customers first seen with this {kind.replace('_', ' ')} within a day")
        for kind in LINK_KINDS
    ),
    *(
        number(f"links.{kind}_applications_7d", f"applications with this {kind.replace('_', ' ')} in 7 days")
        for kind in LINK_KINDS
    ),
    *(
        number(f"links.{kind}_fraud_30d", f"confirmed frauds with this {kind.replace('_', ' ')} in 30 days")
        for kind in LINK_KINDS
    ),
    number("links.ring_size", "customers joined to this one by shared identifiers, this one included"),
    number("library.exact_matches", "fraud cases that share an identifier"),
    number("library.best_score", "similarity of the most similar fraud case, 0 to 1"),
    Input(name="library.best_case", type="text", description="the most similar fraud case"),
    _words("library.listed", LISTED, "the list that the applicant stands on; unknown where on none"),
    number("derived.debt_service_share", "declared monthly payments on other debts over declared monthly income"),
    number(
        "derived.instalment_share",
        "payments on other debts and a month's share of the principal asked for, over declared monthly income",
    ),
    number("derived.amount_over_income", "amount applied for in declared monthly incomes"),
    number("derived.outstanding_over_income", "open debt by the bureau in declared monthly incomes"),
    *(number(f"behaviour.{feature.name}", feature.description) for feature in FEATURES),
)
"""Every input in the order in which a reader looks for it. `behaviour.*`: the features at the application's entry."""


def identifier(name: str) -> str:
    """How a dotted name stands in the condition language, which has no dots: `bureau.score` → `bureau__score`."""
    return name.replace(".", "__")


class Inputs:
    """The inputs that one kind of assessment has. Immutable; compared as the object that it is, so that it can stand in
    the key of a cache.

    `of`: inputs by name; `dotted`: their names by identifier; `page`: the document that lists them.
    """

    def __init__(self, inputs: Sequence[Input], page: str) -> None:
        self.inputs = tuple(inputs)
        self.page = page
        self.of: Mapping[str, Input] = {each.name: each for each in self.inputs}
        self.dotted: Mapping[str, str] = {identifier(each.name): each.name for each in self.inputs}

    def columns_of(self, regions: Sequence[str]) -> dict[str, Column]:
        """What a condition may name, by identifier. `regions`: the policy's region words, in order."""
        columns = {}
        for each in self.inputs:
            if each.type == "text":
                continue
            words = self.words_of(each.name, regions)
            column_type = "enumeration" if each.type == "region" else each.type
            codes = {word: place for place, word in enumerate(words, start=1)} if words else None
            columns[identifier(each.name)] = Column(type=column_type, codes=codes, seconds=each.seconds)
        return columns

    def words_of(self, name: str, regions: Sequence[str]) -> tuple[str, ...]:
        """The words of an enumeration; of a flag `yes` and `no` are a scorecard's business. Empty for all else."""
        return (*regions, ELSEWHERE) if name == REGION else self.of[name].words

    def scored(self, regions: Sequence[str]) -> Vocabulary:
        """What a scorecard of a policy with these region words may read."""
        kinds = {"number": NUMBER, "flag": YES_OR_NO}
        readable = {
            each.name: kinds.get(each.type) or Readable("words", self.words_of(each.name, regions))
            for each in self.inputs
            if each.type != "text"
        }
        return Vocabulary(readable, self.page)

    def typed(self, facts: Mapping[str, object]) -> dict[str, Value]:
        """The facts brought to their types. Names that are not declared keep any plain value."""
        return {name: _typed(self.of.get(name), value) for name, value in facts.items()}


APPLICATION = Inputs(INPUTS, "docs/lending.md")
"""What an application is assessed by."""

INPUT_OF: Mapping[str, Input] = APPLICATION.of


def spellings_of(regions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Region words by spelling, a word being one of its own spellings."""
    return {plain(spelling): word for word, spellings in regions.items() for spelling in (word, *spellings)}


def plain(region: str) -> str:
    """A region as it is compared: compatibility forms, case and spaces do not matter."""
    return " ".join(unicodedata.normalize("NFKC", region).casefold().split())


def record_of(inputs: Facts) -> dict[str, Value]:
    """The inputs brought to their types, and the derived ones. Names that are not declared keep any plain value."""
    record = APPLICATION.typed(inputs)
    record.update({name: derive(record) for name, derive in _DERIVED.items()})
    return record


def facts_of(record: Facts, spellings: Mapping[str, str]) -> dict[str, Value]:
    """The record as a policy reads it: the region by its word."""
    region = record.get(REGION)
    facts = dict(record)
    if isinstance(region, str):
        facts[REGION] = spellings.get(plain(region), ELSEWHERE) if plain(region) else None
    return facts


def _typed(declared: Input | None, value: object) -> Value:
    wanted = None if declared is None else declared.type
    if isinstance(value, bool):
        return value if wanted in (None, "flag") else None
    if isinstance(value, int | float):
        return _finite(value) if wanted in (None, "number") else None
    if isinstance(value, str):
        if declared is not None and declared.type == "enumeration":
            return value if value in declared.words else None
        return value if wanted in (None, "text", "region") else None
    return None


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        return None
    return number if math.isfinite(number) else None


def number_of(facts: Facts, name: str) -> float | None:
    """A number among the facts, None where unknown."""
    value = facts.get(name)
    return value if isinstance(value, float) else None


def _over(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None or base <= 0 else _finite(value / base)


def _instalment_share(facts: Facts) -> float | None:
    amount, months = number_of(facts, "application.amount"), number_of(facts, "application.term_months")
    service, principal = number_of(facts, "declared.monthly_debt_service"), _over(amount, months)
    together = None if service is None or principal is None else service + principal
    return _over(together, number_of(facts, "declared.monthly_income"))


def _in_incomes(name: str) -> Callable[[Facts], float | None]:
    return lambda facts: _over(number_of(facts, name), number_of(facts, "declared.monthly_income"))


_DERIVED: Mapping[str, Callable[[Facts], Value]] = {
    "derived.debt_service_share": _in_incomes("declared.monthly_debt_service"),
    "derived.instalment_share": _instalment_share,
    "derived.amount_over_income": _in_incomes("application.amount"),
    "derived.outstanding_over_income": _in_incomes("bureau.outstanding"),
}
