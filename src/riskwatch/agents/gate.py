"""The gate: while an institution's repayments are stale, its accounts are not looked at, so nothing becomes overdue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from riskwatch.features.account import Account
from riskwatch.features.collecting import next_expiry
from riskwatch.features.creditlines import look_at
from riskwatch.features.freshness import Feed, Freshness, expected_runs, judged, observe
from riskwatch.streams.operational import FeedFresh, FeedStale, OperationalAlert, outage_identity
from riskwatch.streams.packing import from_ms

HOLD_MS = 15 * 60_000
"""An account whose look is put off is looked at again after so long; accounts are spread over it by their key, so that
no tick has all of them to look at."""


class Gate:
    """The feeds of one partition through one batch. `feeds` as they were before it, changed on a copy."""

    def __init__(self, freshness: Freshness, feeds: dict[str, Feed], partition: int, detected_at: datetime) -> None:
        self._freshness = freshness
        self._partition = partition
        self._detected_at = detected_at
        self._tenants: list[str] = []
        self._tenant_of: NDArray[np.intp] | None = None
        self.feeds = dict(feeds)
        self.held = 0
        self.alerts: list[OperationalAlert] = []

    def know(self, keys: Sequence[bytes]) -> None:
        """The customers of the batch, by row of the scratch."""
        if not keys:
            return
        low, high = min(keys), max(keys)
        prefix = low[: low.find(b"/") + 1]
        if prefix and high.startswith(prefix):  # and so is every key between them
            self._tenants = [prefix[:-1].decode()]
            return
        number: dict[bytes, int] = {}
        self._tenant_of = np.array([number.setdefault(key.partition(b"/")[0], len(number)) for key in keys])
        self._tenants = [name.decode() for name in number]

    def observe(self, entries: NDArray[np.void], row_of: NDArray[np.int64]) -> None:
        """Customers' entries up to the next tick, in journal order. Repeats count as they come."""
        tenant_of = None if self._tenant_of is None else self._tenant_of[row_of]
        observe(self.feeds, self._tenants, tenant_of, entries["kind"], entries["occurred_at"])

    def tick(self, now_ms: int) -> None:
        """Time has reached `now_ms`: which feeds are stale from now on."""
        for tenant in sorted(self.feeds):  # no batch has a say in the order
            feed, limit = self.feeds[tenant], self._freshness.limit(tenant)
            now = self.feeds[tenant] = judged(feed, limit, now_ms)
            if now.stale_ms and not feed.stale_ms:
                self.alerts.append(self._stale(tenant, now, limit))
            elif feed.stale_ms and not now.stale_ms:
                self.alerts.append(self._fresh(tenant, feed, now_ms))

    def holds(self, tenant: str) -> bool:
        """Whether nothing of an institution is taken for overdue."""
        feed = self.feeds.get(tenant)
        return feed is not None and feed.stale_ms > 0

    def look(self, tenant: str, key: bytes, account: Account, at_ms: int, clock_ms: int, *, count: bool = False) -> int:
        """When the account is looked at next, ms, where it wants it at `at_ms` (0: never): later, where that has come
        and the institution is held. An application that must be decided is not put off, nor a line of credit, nor the
        end of a collections action. With `count` it is counted that a look was put off: at ticks, since how often an
        account is asked between them depends on how batches are cut."""
        if not 0 < at_ms <= clock_ms or not self.holds(tenant):
            return at_ms
        if count:
            feed = self.feeds[tenant]
            self.feeds[tenant] = structs.replace(feed, held=feed.held + 1)
            self.held += 1
        spread = xxh3_64_intdigest(key) % HOLD_MS
        later = (clock_ms - spread) // HOLD_MS * HOLD_MS + HOLD_MS + spread
        others = [each.deadline_ms for each in account.pending]
        if account.credit is not None:
            others.append(look_at(account.credit) or 0)
        if account.collections is not None:
            others.append(next_expiry(account.collections) or 0)
        return min([later, *(at for at in others if at > clock_ms)])

    def _stale(self, tenant: str, feed: Feed, limit_ms: int) -> FeedStale:
        return FeedStale(
            outage_id=outage_identity(tenant, "repayments", self._partition, feed.from_ms),
            tenant=tenant,
            feed="repayments",
            partition=self._partition,
            since=from_ms(feed.from_ms),
            detected_at=self._detected_at,
            found_at=from_ms(feed.stale_ms),
            behind_seconds=feed.behind_ms / 1000,
            limit_seconds=limit_ms / 1000,
            expected=round(expected_runs(feed), 1),
        )

    def _fresh(self, tenant: str, feed: Feed, now_ms: int) -> FeedFresh:
        return FeedFresh(
            outage_id=outage_identity(tenant, "repayments", self._partition, feed.from_ms),
            tenant=tenant,
            feed="repayments",
            partition=self._partition,
            since=from_ms(feed.from_ms),
            detected_at=self._detected_at,
            until=from_ms(now_ms),
            held_looks=feed.held,
        )
