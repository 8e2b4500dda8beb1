"""A collections policy: which stage a loan is in, what may be done about it there, what it costs and what it may bring.

The strategy table gives every loan a stage, by bucket, score band and exposure band. Broken promises, and actions that
bring nothing, move it further up the stages; payments and kept promises move it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b, sha256
from typing import Literal

import msgspec
from msgspec import Struct

from riskwatch.policy.collectionvocabulary import BUCKETS
from riskwatch.policy.contactrules import ContactRules
from riskwatch.scoring.scorecard import Scorecard
from riskwatch.streams.collections import ActionChannel
from riskwatch.streams.events import Product

Bucket = Literal["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+"]
TreatmentKind = Literal["contact", "restructuring", "legal", "disposal"]
Purpose = Literal["sale", "suit"]
AfterWriteOff = Literal["collect", "stop"]

RECORD_FIELDS: tuple[str, ...] = ("tenant", "customer_id", "loan_id", "product", "currency", "stage", "decided_at")
"""Fields of a batch list that are no inputs."""


class Treatment(Struct, frozen=True, kw_only=True):
    """Something that may be done. `cost`: minor units, of one action. Success has the probability of `card` or the
    `probability` itself. `recovers`: share of the amount that success brings; `of`: which amount. `reach`: it succeeds
    only with customers who can be reached. `min_days`: days of the customer's calendar until the same treatment of the
    loan again. `least_hours`: that must be left of the day's contact hours, for it to be ordered. `file`: of a batch
    treatment, the list that takes the loan up. A disposal ends the chance that the customer pays to the institution by
    themselves.
    """

    name: str
    channel: ActionChannel
    script: str
    cost: int
    kind: TreatmentKind = "contact"
    card: str = ""
    probability: float | None = None
    recovers: float = 1.0
    of: Literal["overdue", "exposure"] = "overdue"
    reach: bool = False
    min_days: int = 1
    expires_hours: int = 24
    least_hours: int = 0
    file: str = ""
    description: str = ""


class Stage(Struct, frozen=True, kw_only=True):
    """A step of the ladder. `order`: higher is further; `treatments` in the order that settles ties; `min_days`: days
    of the customer's calendar between two actions; `priority`: of its actions, smaller is more urgent;
    `escalate_after`: actions that brought nothing before the next stage, 0 for never; `holdout`: held-out loans get no
    treatment here."""

    name: str
    order: int
    treatments: tuple[str, ...]
    min_days: int = 1
    priority: int = 50
    escalate_after: int = 0
    holdout: bool = False
    description: str = ""


class StrategyLine(Struct, frozen=True, kw_only=True):
    """A line of the strategy table: loans in these buckets, score bands and exposure bands (empty: any) are in the
    stage, less the treatments in `without`. The first line that fits, by `priority`, counts."""

    name: str
    stage: str
    buckets: tuple[Bucket, ...]
    score_bands: tuple[str, ...] = ()
    exposure_bands: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    priority: int = 100
    description: str = ""

    def fits(self, bucket: str, score_band: str, exposure_band: str) -> bool:
        return (
            bucket in self.buckets
            and (not self.score_bands or score_band in self.score_bands)
            and (not self.exposure_bands or exposure_band in self.exposure_bands)
        )


class Band(Struct, frozen=True, kw_only=True):
    """Numbers `at_least <= x < below`; None: open."""

    at_least: float | None = None
    below: float | None = None

    def holds(self, number: float) -> bool:
        return (self.at_least is None or self.at_least <= number) and (self.below is None or number < self.below)


class BatchFile(Struct, frozen=True, kw_only=True):
    """A list for sale or suit, and what it must hold of each loan."""

    purpose: Purpose
    fields: tuple[str, ...]
    description: str = ""


class Promises(Struct, frozen=True, kw_only=True):
    """How promises pause: until they are due and `grace_days` more, but no longer than `longest_days` after they were
    made and the grace; and no more once `most` were broken since the loan was last current."""

    grace_days: int = 1
    longest_days: int = 14
    most: int = 3


class Holdout(Struct, frozen=True, kw_only=True):
    """The share of loans that get no treatment, chosen by a hash of the loan under `key`."""

    share: float = 0.0
    key: str = ""


class Review(Struct, frozen=True, kw_only=True):
    """What a person gets to see where a dispute or a hardship stops what is automatic."""

    script: str = "collections.review"
    priority: int = 5
    expires_hours: int = 72


class CollectionPolicy(Struct, frozen=True, kw_only=True, dict=True):
    """How one institution collects loans of one product. `stages` by order, `lines` by priority. Score bands are bands
    of the probability of self-cure, exposure bands of `loan.exposure` in minor units. `discount`: what a unit recovered
    in a bucket is worth. `rest_days`: days without an action after a payment; `step_down_share`: payments of this share
    of what was past due take one stage back; `ceiling`: the stage that raising stops at; `remind_days`: days before the
    due date from which loans in M0 are looked at; `after_write_off`: whether a loan that was written off, and is owed
    all the same, is collected on.
    """

    tenant: str
    product: Product
    name: str
    currency: str
    rules: ContactRules
    stages: tuple[Stage, ...]
    treatments: Mapping[str, Treatment]
    lines: tuple[StrategyLine, ...]
    score_bands: Mapping[str, Band]
    exposure_bands: Mapping[str, Band]
    cards: Mapping[str, Scorecard]
    self_cure: str
    lost_contact: str
    discount: Mapping[str, float]
    ceiling: str
    files: Mapping[str, BatchFile] = {}
    promises: Promises = Promises()
    holdout: Holdout = Holdout()
    review: Review = Review()
    rest_days: int = 3
    remind_days: int = 3
    step_down_share: float = 0.5
    after_write_off: AfterWriteOff = "collect"
    description: str = ""

    @cached_property
    def version(self) -> str:
        """12 hexadecimal digits of a hash over what the policy says, not over how its files are laid out."""
        said = msgspec.to_builtins(self)
        del said["description"]
        return sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:12]

    @cached_property
    def place_of(self) -> dict[str, int]:
        """Stage name → its place on the ladder, from 0."""
        return {stage.name: place for place, stage in enumerate(self.stages)}

    def line_for(self, bucket: str, score_band: str, exposure_band: str) -> StrategyLine | None:
        """The line of the strategy table that counts."""
        return next((line for line in self.lines if line.fits(bucket, score_band, exposure_band)), None)

    def discount_of(self, bucket: str) -> float:
        return self.discount.get(bucket, 1.0)


def is_held_out(holdout: Holdout, tenant: str, loan_id: str) -> bool:
    """Whether a loan is among the share without treatment. The same for a loan under one key, whatever else is
    asked."""
    text = f"{tenant}\x1f{loan_id}".encode()
    digest = blake2b(text, digest_size=8, key=holdout.key.encode()[:64], person=b"holdout").digest()
    return int.from_bytes(digest, "big") < holdout.share * 2**64


def band_of(bands: Mapping[str, Band], number: float) -> str:
    """The band that holds a number; empty where none does."""
    return next((name for name, band in bands.items() if band.holds(number)), "")


def cells(policy: CollectionPolicy) -> list[tuple[str, str, str]]:
    """Every bucket, score band and exposure band that the table must say something of: all that is past due."""
    return [
        (bucket, score, exposure)
        for bucket in BUCKETS[1:]
        for score in policy.score_bands
        for exposure in policy.exposure_bands
    ]
