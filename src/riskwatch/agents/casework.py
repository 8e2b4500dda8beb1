"""The fraud cases and lists of one batch: what the journal says of them in its order, and what follows for customers.

A fraud case comes to its customer's own partition and goes out again as a broadcast to every partition, this one too;
only by the broadcast does it enter a partition's library. So what a customer's application is matched against depends
on that customer's partition alone, whatever other partitions have read by then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from riskwatch.agents.partition import Partition, pack_reserved, unpack_reserved
from riskwatch.agents.scratch import Scratch
from riskwatch.agents.statecodec import split_state
from riskwatch.agents.store import Row
from riskwatch.alerts.recall import at_risk, kept, raise_late_matches, withdraw
from riskwatch.features.account import Account, decode_account
from riskwatch.features.applications import clear_of, confirm_about, named_by, note_application
from riskwatch.features.casematch import JOINING
from riskwatch.features.library import HeldCase, Library
from riskwatch.features.libraryrows import CASE_PREFIX, LIST_PREFIX, case_states, encode_states, list_states
from riskwatch.features.lists import Listed, keys_of, listed_by, read_change
from riskwatch.features.watch import Columns, WatchChange, watch_change, watch_frauds
from riskwatch.streams.cases import Case, CaseCleared, decode_case, decode_cleared, encode_case
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import FraudCleared, FraudConfirmed, LoanApplied
from riskwatch.streams.identity import Identity, identities_of, identity_key
from riskwatch.streams.outputs import Alert, decode_alert, encode_output
from riskwatch.streams.packing import pack_broadcast, split_key

CASEWORK_KINDS = (Kind.CASE_CONFIRMED, Kind.CASE_CLEARED, Kind.LIST_CHANGED)
"""The broadcast entries that casework takes."""
BY_PREFIX = b"\x00by/"
"""`[prefix][identity key, 16 bytes]/[customer key]` → event time of the customer's newest application that names it."""
LATE_PREFIX = b"\x00late/"
"""`[prefix][case key, 16 bytes][alert id]` → the late match as it was raised, JSON."""
MAX_RECALLED = 1_000
"""Customers of a partition that one identifier of a case recalls, those that applied last: a device in a shop, used for
more applications than that, joins strangers."""


class Taint(NamedTuple):
    """What link profiles have to know: a case names an identity, or does so no longer. Told once, by the partition of
    the case's own customer."""

    tenant: str
    identity: Identity
    case_id: str
    customer: bytes
    at_ms: int
    cleared: bool


class Casework:
    """Told in journal order; `place`: how many of the batch's customer entries come before, `offset`: of the journal.

    `library`: as known at the place that was told last; the partition's own is not touched.
    """

    def __init__(self, partition: Partition, detected_at: datetime) -> None:
        self._partition = partition
        self._detected_at = detected_at
        self.library: Library = partition.library
        self._cases: dict[bytes, list[HeldCase]] = {}
        self._lists: dict[bytes, list[Listed]] = {}
        self._changes: list[WatchChange] = []
        self._by: dict[bytes, dict[bytes, int]] = {}
        self._late: dict[bytes, Alert | None] = {}
        self.alerts: list[Alert] = []
        self.broadcasts: list[bytes] = []
        self.taints: list[Taint] = []
        self.left_out = 0

    @property
    def changed(self) -> bool:
        """Whether the batch changes the library."""
        return self.library is not self._partition.library

    def applied(self, event: LoanApplied, account: Account, customer: bytes, event_hash: int, at_ms: int) -> None:
        """An application: its account remembers what it named, and so does the index of who named what."""
        made = note_application(account.applications, event, event_hash, at_ms)
        for each in made.identities:
            if each.kind in JOINING:
                self._by.setdefault(identity_key(event.tenant, each), {})[customer] = at_ms

    def said(self, event: FraudConfirmed | FraudCleared, account: Account, at_ms: int, offset: int) -> None:
        """A case is confirmed or cleared by its institution: completed with what the customer's application named, it
        goes to every partition."""
        if isinstance(event, FraudCleared):
            clear_of(account.applications, event.case_id)
            cleared = CaseCleared(
                case_id=event.case_id, tenant=event.tenant, customer_id=event.customer_id,
                home=self._partition.number, origin=offset, event_id=event.event_id, cleared_ms=at_ms,
            )  # fmt: skip
            self.broadcasts.append(pack_broadcast(Kind.CASE_CLEARED, at_ms, encode_case(cleared)))
            return
        application = named_by(account.applications, event.tenant, event.subject_event_id)
        identities, sketches, application_id = identities_of(event), event.sketches, None
        if application is not None:
            confirm_about(account.applications, application, event.case_id)
            identities = tuple(dict.fromkeys((*identities, *application.identities)))
            sketches = application.sketches if sketches is None else sketches
            application_id = application.application_id
        case = Case(
            case_id=event.case_id, tenant=event.tenant, customer_id=event.customer_id, home=self._partition.number,
            origin=offset, event_id=event.event_id, confirmed_ms=at_ms, typology=event.typology, identities=identities,
            sketches=sketches, subject=event.subject_event_id, application_id=application_id, loss=event.loss,
            currency=event.currency,
        )  # fmt: skip
        self.broadcasts.append(pack_broadcast(Kind.CASE_CONFIRMED, at_ms, encode_case(case)))

    def take(self, kind: int, payload: bytes, place: int, offset: int, scratch: Scratch) -> None:
        """A broadcast entry of `CASEWORK_KINDS`. Raises `BadEntry` where the payload is not what the kind says."""
        if kind == Kind.LIST_CHANGED:
            change = read_change(payload)
            library = self._own_library()
            for key in keys_of(change):
                self._list_states(key).append(entry := listed_by(change, offset))
                library.put_listed(key, entry)
        elif kind == Kind.CASE_CONFIRMED:
            self._confirm(decode_case(payload), place, offset, scratch)
        else:
            self._clear(decode_cleared(payload), place, offset)

    def _confirm(self, case: Case, place: int, offset: int, scratch: Scratch) -> None:
        key = case.key
        held = self.library.cases.get(key)
        if held is not None and held.origin >= case.origin:
            return  # said again after a crash
        before = None if held is None else held.case
        if before is not None:  # confirmed once more, with more or other identifiers: its date stays
            case = structs.replace(case, confirmed_ms=min(case.confirmed_ms, before.confirmed_ms))
            self._changes.append(watch_change(place, -1, before))
        self._changes.append(watch_change(place, 1, case))
        self._put(key, HeldCase(offset, case.origin, case))
        gone = () if before is None else [each for each in before.identities if each not in case.identities]
        self._taint(case, gone, case.confirmed_ms, cleared=True)
        self._taint(case, case.identities, case.confirmed_ms, cleared=False)
        self._recall(key, case, offset, scratch)

    def _clear(self, cleared: CaseCleared, place: int, offset: int) -> None:
        key = cleared.key
        held = self.library.cases.get(key)
        if held is None or held.case is None or held.origin >= cleared.origin:
            return
        self._changes.append(watch_change(place, -1, held.case))
        self._put(key, HeldCase(offset, cleared.origin))
        self._taint(held.case, held.case.identities, cleared.cleared_ms, cleared=True)
        for name, alert in self._raised(key, offset).items():
            self.alerts.append(withdraw(alert, cleared, self._detected_at))
            self._late[name] = None

    def _taint(self, case: Case, identities: Iterable[Identity], at_ms: int, *, cleared: bool) -> None:
        if case.home == self._partition.number:
            self.taints += [
                Taint(case.tenant, each, case.case_id, case.customer, at_ms, cleared) for each in identities
            ]

    def _recall(self, key: bytes, case: Case, offset: int, scratch: Scratch) -> None:
        """Alerts for what was applied for before and shares an identifier with the case, each once."""
        customers: set[bytes] = set()
        for each in case.identities:
            if each.kind in JOINING:
                customers.update(self._who_named(identity_key(case.tenant, each)))
        if case.own and case.home == self._partition.number:
            customers.add(case.customer)
        known: dict[bytes, Alert] | None = None
        for customer, account in self._accounts(sorted(customers), offset, scratch):
            risks = at_risk(case, customer, account)
            known = self._raised(key, offset) if known is None else known
            for alert in raise_late_matches(
                case, split_key(customer)[1], risks, partition=self._partition.number, offset=offset,
                detected_at=self._detected_at,
            ):  # fmt: skip
                name = LATE_PREFIX + key + bytes.fromhex(alert.alert_id)
                if name not in known:
                    self.alerts.append(alert)
                    self._late[name] = kept(alert)

    def _who_named(self, identity: bytes) -> list[bytes]:
        """Customers whose applications named an identity, before this place or in rows of a batch that comes again."""
        prefix = BY_PREFIX + identity + b"/"
        found = {
            key[len(prefix) :]: int.from_bytes(unpack_reserved(value), "big", signed=True)
            for key, value in self._partition.store.scan(prefix)
        }
        found |= self._by.get(identity, {})
        if len(found) <= MAX_RECALLED:
            return list(found)
        self.left_out += len(found) - MAX_RECALLED
        return heapq.nlargest(MAX_RECALLED, found, key=lambda customer: (found[customer], customer))

    def _accounts(self, customers: list[bytes], offset: int, scratch: Scratch) -> Iterable[tuple[bytes, Account]]:
        """Accounts as they stand at `offset`. A row that had been written with this entry behind it is passed over: the
        outputs of that attempt came before the row."""
        others = [customer for customer in customers if customer not in scratch.index]
        stored = dict(zip(others, self._partition.store.get_many(others), strict=True))
        for customer in customers:
            row = scratch.index.get(customer)
            if row is not None:
                if scratch.applied[row] <= offset:
                    yield customer, scratch.account(row)
                continue
            value = stored[customer]
            if value is not None:
                watermark, _, _, account = split_state(value, scratch.layout_version)
                if watermark <= offset:
                    yield customer, decode_account(account)

    def _raised(self, key: bytes, offset: int) -> dict[bytes, Alert]:
        """Late matches of a case that stand at `offset`, by the key of their row. Rows of a batch that comes again may
        hold what was raised only behind it."""
        prefix = LATE_PREFIX + key
        found: dict[bytes, Alert | None] = {
            name: decode_alert(unpack_reserved(value)) for name, value in self._partition.store.scan(prefix)
        }
        found |= {name: alert for name, alert in self._late.items() if name.startswith(prefix)}
        return {
            name: alert for name, alert in sorted(found.items()) if alert is not None and alert.cause.offset <= offset
        }

    def _own_library(self) -> Library:
        if not self.changed:
            self.library = self._partition.library.fork()
        return self.library

    def _put(self, key: bytes, held: HeldCase) -> None:
        states = self._cases.get(key)
        if states is None:
            states = self._cases[key] = case_states(self._stored(CASE_PREFIX + key), self._partition.row.watermark)
        states.append(held)
        self._own_library().put_case(key, held)

    def _list_states(self, key: bytes) -> list[Listed]:
        states = self._lists.get(key)
        if states is None:
            states = self._lists[key] = list_states(self._stored(LIST_PREFIX + key), self._partition.row.watermark)
        return states

    def _stored(self, key: bytes) -> bytes | None:
        value = self._partition.store.get_many([key])[0]
        return None if value is None else unpack_reserved(value)

    def begin(self) -> None:
        """A part of the batch begins: what the parts before it changed counts for all its entries."""
        self._changes = [structs.replace(each, place=0) for each in self._changes]

    def watch(self, entries: NDArray[np.void]) -> Columns:
        """Frauds by device and counterparty, each entry's as known at its place: see `watch_frauds`."""
        return watch_frauds(self._partition.library, entries, self._changes)

    def rows(self, end: int) -> list[Row]:
        """The rows to be written, all but the customers' own. `end`: the watermark of the batch."""
        made: dict[bytes, bytes | None] = {
            CASE_PREFIX + key: encode_states(states) for key, states in self._cases.items()
        }
        made |= {LIST_PREFIX + key: encode_states(states) for key, states in self._lists.items()}
        for identity, customers in self._by.items():
            made |= {
                BY_PREFIX + identity + b"/" + customer: at_ms.to_bytes(8, "big", signed=True)
                for customer, at_ms in customers.items()
            }
        made |= {name: None if alert is None else encode_output(alert) for name, alert in self._late.items()}
        return [(key, None if value is None else pack_reserved(end, value)) for key, value in made.items()]
