"""A lending policy as published: whole, with its version, the instant from which it is in force, by whom and why.

One record of the topic `policies` (JSON), and the payload of a `POLICY_PUBLISHED` entry of the journal (the same JSON).
Of several publications of one place (institution, product, currency) that are in force, the latest published decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from riskwatch.policy.faults import Fault, PolicyError
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingcontent import lending_faults
from riskwatch.streams import faults as wire
from riskwatch.streams.events import Id, Instant, Share
from riskwatch.streams.packing import to_ms

Mode = Literal["live", "shadow", "withdrawn"]
"""`live` decides, `shadow` is assessed beside what decides, `withdrawn` ends the shadow of the same version."""

Place = tuple[str, str, str]
"""Institution ("*": every one that has no policy of its own), product, currency."""


class Publication(Struct, frozen=True, kw_only=True):
    """`version`: that of `policy`. `share`: part of the book that a backtest found touched, None where none was run;
    `forced`: published although that was too much. `rolls_back`: the version that this one takes out of force."""

    version: Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]
    policy: LendingPolicy
    in_force_from: Instant
    published_at: Instant
    published_by: Id
    reason: Annotated[str, Meta(min_length=1, max_length=512)]
    mode: Mode = "live"
    forced: bool = False
    share: Share | None = None
    rolls_back: str | None = None

    @property
    def place(self) -> Place:
        return place_of(self.policy)

    @property
    def key(self) -> str:
        """Names this publication: a repeat of it has the same key, another publication has another."""
        at = self.published_at.timestamp()
        return f"{'/'.join(self.place)}/{at:017.6f}/{self.version}/{self.mode}"


_json = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(Publication).decode


def place_of(policy: LendingPolicy) -> Place:
    """Where a policy decides."""
    return policy.tenant, policy.product, policy.currency


def in_order(publications: Iterable[Publication]) -> list[Publication]:
    """In the order of publication, repeats left out."""
    found = {each.key: each for each in publications}
    return sorted(found.values(), key=lambda each: (each.published_at, each.version))


def ends_of(ordered: Sequence[Publication]) -> list[datetime | None]:
    """For each of some publications of one place, in order: the instant from which a later published one is in force
    in its stead; None: none yet. One whose end is not after its `in_force_from` is never in force."""
    ends: list[datetime | None] = []
    end: datetime | None = None
    for each in reversed(ordered):
        ends.append(end)
        end = each.in_force_from if end is None else min(end, each.in_force_from)
    return ends[::-1]


def encode_publication(publication: Publication) -> bytes:
    """JSON."""
    return _json.encode(publication)


def read_publication(data: bytes) -> Publication:
    """A publication from outside. Raises `PolicyError` with every fault of it and of its policy."""
    publication = _decoded(data)
    faults = lending_faults(publication.policy)
    if not faults:
        version = publication.policy.version
        if version != publication.version:
            said = f"the version is said to be {publication.version}; what the policy says has the version {version}"
            faults.append(Fault(message=said))
    if publication.in_force_from < publication.published_at:
        said = f"in force from {publication.in_force_from}, and published only at {publication.published_at}"
        faults.append(Fault(message=said, suggestion="what is decided already is not decided anew"))
    if faults:
        raise PolicyError(faults, f"publication of {publication.policy.name}")
    return publication


def journaled_publication(payload: bytes) -> Publication:
    """A publication from the journal: the version that it was published under is its name, whatever a later release
    would make of the same words. Raises `PolicyError` where its policy cannot decide."""
    publication = _decoded(payload)
    faults = lending_faults(publication.policy)
    if faults:
        raise PolicyError(faults, f"publication of {publication.policy.name}")
    publication.policy.__dict__["version"] = publication.version  # before anybody has asked for it
    return publication


def translate_publication(value: bytes) -> tuple[int, bytes] | wire.Faults:
    """A record of the topic `policies` → the instant (ms) and the payload of its journal entry, or what is wrong."""
    try:
        publication = read_publication(value)
    except PolicyError as error:
        found = (wire.Fault(code="policy-refused", path="", message=str(fault)) for fault in error.faults)
        return wire.Faults(tuple(found))
    return to_ms(publication.published_at), encode_publication(publication)


def _decoded(data: bytes) -> Publication:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError([Fault(message=f"this is no publication: {error}")], "publication") from None
