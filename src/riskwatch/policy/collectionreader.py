"""From the tables of a collections policy to its records, gathering every fault with its place."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeVar

from msgspec import Struct

from riskwatch.policy.cardreader import read_scorecard
from riskwatch.policy.collectionpolicy import (
    AfterWriteOff,
    Band,
    BatchFile,
    CollectionPolicy,
    Holdout,
    Promises,
    Review,
    Stage,
    StrategyLine,
    Treatment,
)
from riskwatch.policy.collectionvocabulary import BUCKETS, COLLECTION_VOCABULARY
from riskwatch.policy.contactfile import load_rules, packaged_rules
from riskwatch.policy.contactrules import ContactRules
from riskwatch.policy.faults import Fault, PolicyError, did_you_mean
from riskwatch.policy.policykinds import JURISDICTIONS
from riskwatch.policy.tomlfiles import Resolved, Source
from riskwatch.policy.tomltables import Tables
from riskwatch.scoring.scorecard import Scorecard
from riskwatch.streams.events import Product

_HEAD = ("name", "description", "tenant", "product")
_ONE = ("collections", "promises", "holdout", "review", "discount")
_MANY = ("score_bands", "exposure_bands", "stages", "treatments", "files", "strategy", "cards")
TOP = (*_HEAD, *_ONE, *_MANY)
"""The keys at the top of a file."""

T = TypeVar("T", bound=Struct)


class _Head(Struct, frozen=True, kw_only=True):
    """The keys at the top of a file."""

    name: str
    product: Product
    tenant: str = "*"
    description: str = ""


class _Collections(Struct, frozen=True, kw_only=True):
    """The table `[collections]`."""

    currency: str
    jurisdiction: str
    self_cure: str
    lost_contact: str
    ceiling: str
    rest_days: int = 3
    remind_days: int = 3
    step_down_share: float = 0.5
    after_write_off: AfterWriteOff = "collect"


class CollectionReader(Tables):
    """Reads one resolved file. `policy` gives None, or a policy not to be used, where `faults` is not empty."""

    def __init__(self, source: Source, whole: Resolved) -> None:
        super().__init__(whole.content, whole.origins, whole.name)
        self._source = source

    def policy(self) -> CollectionPolicy | None:
        """The policy, every part of it looked into whatever is wrong with another."""
        for key in self.content:
            if key not in TOP:
                self.fault((key,), f"unknown key `{key}`", did_you_mean(key, TOP) or f"keys are {', '.join(TOP)}")
        head = self.record((), {key: value for key, value in self.content.items() if key in _HEAD}, _Head)
        main = self.record(("collections",), self.table("collections"), _Collections)
        rules = None if main is None else self._rules(main.jurisdiction)
        promises = self.record(("promises",), self.table("promises", needed=False), Promises)
        holdout = self.record(("holdout",), self.table("holdout", needed=False), Holdout)
        review = self.record(("review",), self.table("review", needed=False), Review)
        stages, treatments = self._named("stages", Stage), self._named("treatments", Treatment)
        lines, files = self._named("strategy", StrategyLine), self._plain("files", BatchFile)
        score, exposure = self._plain("score_bands", Band), self._plain("exposure_bands", Band)
        cards, discount = self._cards(), self._discount()
        if head is None or main is None or rules is None or promises is None or holdout is None or review is None:
            return None
        parts: tuple[Sized, ...] = (stages, treatments, lines, files, score, exposure, cards)
        if sum(len(part) for part in parts) < sum(len(self.table(name, needed=False)) for name in _MANY):
            return None  # what names a part that does not read would be told as a fault of its own
        return CollectionPolicy(
            tenant=head.tenant,
            product=head.product,
            name=head.name,
            description=head.description,
            currency=main.currency,
            rules=rules,
            stages=tuple(sorted(stages, key=lambda stage: stage.order)),
            treatments={each.name: each for each in treatments},
            lines=tuple(sorted(lines, key=lambda line: line.priority)),
            score_bands=score,
            exposure_bands=exposure,
            cards=cards,
            self_cure=main.self_cure,
            lost_contact=main.lost_contact,
            discount=discount,
            ceiling=main.ceiling,
            files=files,
            promises=promises,
            holdout=holdout,
            review=review,
            rest_days=main.rest_days,
            remind_days=main.remind_days,
            step_down_share=main.step_down_share,
            after_write_off=main.after_write_off,
        )

    def _rules(self, jurisdiction: str) -> ContactRules | None:
        """The rules of a packaged jurisdiction, or of a file beside this one."""
        path = ("collections", "jurisdiction")
        try:
            if not jurisdiction.endswith(".toml"):
                return packaged_rules(jurisdiction)
            if self._source.folder is not None:
                return load_rules(self._source.folder / jurisdiction)
        except FileNotFoundError:
            self.fault(path, f"`{jurisdiction}` is not there", f"paths start at {self._source.folder}")
        except PolicyError as error:
            for fault in error.faults:
                self._of_jurisdiction(jurisdiction, fault)
        else:
            self.fault(
                path, f"`{jurisdiction}` is no packaged jurisdiction", f"one of {', '.join(JURISDICTIONS.names())}"
            )
        return None

    def _of_jurisdiction(self, jurisdiction: str, fault: Fault) -> None:
        place = "" if fault.line is None else f", line {fault.line}"
        self.fault(("collections", "jurisdiction"), f"{fault.message} (in {jurisdiction}{place})", fault.suggestion)

    def _named(self, family: str, kind: type[T]) -> list[T]:
        """Records that hold their own name."""
        read = [self.record((family, name), {**table, "name": name}, kind) for name, table in self.tables(family)]
        return [each for each in read if each is not None]

    def _plain(self, family: str, kind: type[T]) -> dict[str, T]:
        read = {name: self.record((family, name), table, kind) for name, table in self.tables(family)}
        return {name: each for name, each in read.items() if each is not None}

    def _cards(self) -> dict[str, Scorecard]:
        read = {
            name: read_scorecard(self, ("cards", name), table, name, COLLECTION_VOCABULARY)
            for name, table in self.tables("cards")
        }
        return {name: card for name, card in read.items() if card is not None}

    def _discount(self) -> dict[str, float]:
        discount: dict[str, float] = {}
        for bucket, value in self.table("discount", needed=False).items():
            if bucket not in BUCKETS:
                near = f"buckets are {', '.join(BUCKETS)}"
                self.fault(("discount", bucket), f"there is no bucket `{bucket}`", near)
            elif not _is_number(value) or not 0 <= value <= 1:
                self.fault(("discount", bucket), f"`{bucket}` is {value!r}", "what a unit is worth, from 0 to 1")
            else:
                discount[bucket] = float(value)
        return discount


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
