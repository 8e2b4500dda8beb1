"""What is kept of the collection of a customer's loans: contacts, open actions, promises that pause, flags."""

from __future__ import annotations

import msgspec
from msgspec import Struct

COLLECTIONS_VERSION = 1
CONTACTS_KEPT = 64
"""Newest contacts of each loan and channel that are kept beyond doubt: more than any limit may allow."""
CONTACTS_KEPT_DAYS = 62
MAX_LOANS = 50
"""Loans that are kept, as many as the account keeps; only some that it does not know are beyond it."""
MAX_SEEN = 128
MAX_PROMISES = 16
MAX_ENDED = 32
DAY_MS = 86_400_000

REVIEW = "review"
"""The treatment that a person's look at a dispute or a hardship is; no treatment of a policy may have its name."""
CONVERSATIONS = frozenset({"reached-customer", "refused", "promised", "disputed", "hardship"})
"""Outcomes of a contact in which the customer spoke."""
BAD_NUMBERS = frozenset({"wrong-number", "invalid-number"})


class CollectionsFault(ValueError):
    """Stored bytes that are no collections state of this version."""


class OpenAction(Struct, kw_only=True, array_like=True, gc=False):
    """An action that is not known to be done. `ending`: why it is about to be closed, `reported`: the outcome; empty
    while it stays open."""

    action_id: str
    treatment: str
    channel: str
    due_ms: int
    expires_ms: int
    ending: str = ""
    reported: str = ""


class ContactKept(Struct, kw_only=True, array_like=True, gc=False):
    """A contact that was made, or ordered by an action and lies between `from_ms` and `to_ms`. `outcome` is empty where
    none was reported; an action that expired or was withdrawn counts as made all the same."""

    channel: str
    from_ms: int
    to_ms: int
    loan_id: str = ""
    action_id: str = ""
    outcome: str = ""


class Pausing(Struct, kw_only=True, array_like=True, gc=False):
    """A promise that pauses a loan until `pay_by_ms`, the end of its day. `promise`: hash of the event that made it."""

    promise: int
    made_ms: int
    pay_by_ms: int


class LoanCollection(Struct, kw_only=True, omit_defaults=True):
    """One loan. `stage` is empty while nothing is done about it. `raised`: stages above the strategy table's;
    `steps`: actions in this stage since something came of one; `last_ms`: of the newest action, by treatment in `last`.
    `paid_part`: shares of what was past due that were paid since the last step down; `rest_from_ms`: of the newest
    payment. `episode_broken`: promises broken since the loan was last current. `routed`: a person has been asked.
    `held_stage`: stage whose holdout was recorded. `ordered`: actions so far. `left`: it is to be collected no more.
    `look_ms`: when it must be decided about again, 0 for never;
    `seen_ms`: when something was last said of it."""

    loan_id: str
    stage: str = ""
    bucket: str = ""
    base: int = 0
    raised: int = 0
    steps: int = 0
    last_ms: int = 0
    last: dict[str, int] = {}
    open: list[OpenAction] = []
    promises: list[Pausing] = []
    ended: list[int] = []
    made: int = 0
    kept: int = 0
    broken: int = 0
    episode_broken: int = 0
    rest_from_ms: int = 0
    paid_part: float = 0.0
    settled: bool = False
    disputed: bool = False
    hardship: bool = False
    routed: bool = False
    held_stage: str = ""
    ordered: int = 0
    look_ms: int = 0
    seen_ms: int = 0
    left: bool = False


class CollectionsState(Struct, kw_only=True, omit_defaults=True):
    """A customer's. `loans` by loan id; `contacts` in the order in which they became known; `consents`: channel → (ms,
    given), the newest word; `ceased`: asked not to be contacted, or has a lawyer. `seen`: hashes of the newest
    facts; `newest_ms`: when it was last decided."""

    version: int = COLLECTIONS_VERSION
    loans: dict[str, LoanCollection] = {}
    contacts: list[ContactKept] = []
    consents: dict[str, tuple[int, bool]] = {}
    ceased_ms: int = 0
    ceased: bool = False
    seen: list[int] = []
    newest_ms: int = 0


def encode_collections(state: CollectionsState) -> bytes:
    """msgpack."""
    return _encoder.encode(state)


def decode_collections(data: bytes) -> CollectionsState:
    """The state that `encode_collections` wrote; an empty one of no bytes. Raises `CollectionsFault` for anything
    else."""
    if not data:
        return CollectionsState()
    try:
        state = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise CollectionsFault(f"not a collections state: {error}") from None
    if state.version != COLLECTIONS_VERSION:
        raise CollectionsFault(f"a state of version {state.version}; this release reads {COLLECTIONS_VERSION}")
    return state


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CollectionsState)
