"""Freshness of an institution's repayments: how far the feed has got, and whether its silence can be an accident.

A feed that stands still looks like customers who do not pay. So for each institution, as one partition of the journal
shows it: the newest event time of the repayments feed and of all other feeds, how much traffic the others have made
since the last repayment, and how often repayments usually come among it. All of it counts journal entries, so it is a
function of the journal, whatever the batches. It is judged at ticks only.

**Runs.** A run is any number of repayment entries without another feed's between them: a night's batch and a burst of
catching up are one. Runs and the others' traffic are counted by the hour of day (UTC) of the traffic, since repayments
may be booked by day only, and lose an eighth at each new day of the clock.

**Silence.** Where R runs came in N entries of the others and S more have come since, then, with the rate of runs
unknown but for that, no run in S has the probability (N / (N + S)) ** R: a negative binomial, the Poisson's whose rate
is gamma distributed. Buckets multiply. A small institution's quiet night makes little traffic, so S is small, and a
new institution's R is small: neither is ever taken for an outage.

**Stale** is a feed that is behind the others by more than the institution's limit, and whose silence has a probability
below `ACCIDENT`. It stays so until it is behind by no more than the limit and its backlog is in: for `SETTLED_MS` of
the clock no repayment has come that was older than the limit allows. Where such keep coming, it is fresh when it has
not been behind for as long as the limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping, Sequence
from types import MappingProxyType

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from riskwatch.streams.entry import Kind
from riskwatch.streams.parts import KIND_OF
from riskwatch.streams.topics import REPAYMENTS

BUCKETS = 24
"""Parts of the day: hours."""
ACCIDENT = 1e-9
"""A silence that is less probable is no accident."""
UNIT = 64
"""Counts are kept in these parts of one: whole numbers, so that sums do not depend on how a batch is cut."""
LOSS = 8
"""At each new day counts lose this part of one: a half is gone in 5 days."""
MAX_DAYS = 64
"""Days of loss at once; after them little is left."""
SETTLED_MS = 30 * 60_000
DEFAULT_LIMIT_MS = 6 * 3_600_000

FEW = 24
"""Up to so many entries are counted one by one: below this, plain Python beats numpy's cost of a call."""

_DAY_MS = 86_400_000
_BUCKET_MS = _DAY_MS // BUCKETS
_NONE = (0,) * BUCKETS
_REPAYMENT = np.zeros(256, dtype=np.bool_)
_REPAYMENT[[KIND_OF[each] for each in REPAYMENTS.event_types]] = True
_UPSTREAM_BELOW = int(Kind.LINK_ANSWERED)

Counts = tuple[int, ...]


class Feed(Struct, frozen=True, array_like=True, gc=False):
    """An institution's feeds in one partition. Times: ms since 1970, 0 for none yet. `repaid_ms`, `others_ms`: newest
    event time of the repayments and of all others. `bucket`: part of the day of the newest entry of the others. By part
    of the day: `since`, entries of the others since the last repayment; `runs` and `traffic` before it, in parts of
    `UNIT`. `day`: of the clock, when counts last lost. `stale_ms`: tick at which the repayments were found stale, 0
    while they are not, and `from_ms`, `limit_ms`: their newest event time and the institution's limit then; `held`:
    looks at accounts put off at ticks since. `backlog`: an older repayment than the limit allows has come since the
    last tick, `backlog_ms`: the last tick that found one; `caught_ms`: tick from which they were not behind, 0 while
    they are.
    """

    repaid_ms: int = 0
    others_ms: int = 0
    bucket: int = 0
    since: Counts = _NONE
    runs: Counts = _NONE
    traffic: Counts = _NONE
    day: int = 0
    stale_ms: int = 0
    from_ms: int = 0
    limit_ms: int = 0
    held: int = 0
    backlog: bool = False
    backlog_ms: int = 0
    caught_ms: int = 0

    @property
    def behind_ms(self) -> int:
        """How far the repayments are behind the others; negative where they are ahead."""
        return self.others_ms - self.repaid_ms


class Freshness(Struct, frozen=True):
    """How far an institution's repayments may be behind its other feeds, ms; 0 turns the gate off. `of`: by tenant,
    where it is not the same for all."""

    limit_ms: int = DEFAULT_LIMIT_MS
    of: Mapping[str, int] = MappingProxyType({})

    def limit(self, tenant: str) -> int:
        return self.of.get(tenant, self.limit_ms)


def observe(
    feeds: MutableMapping[str, Feed], tenants: Sequence[str], tenant_of: NDArray[np.intp] | None,
    kinds: NDArray[np.uint8], at: NDArray[np.int64],
) -> None:  # fmt: skip
    """Takes in customers' entries in journal order, in place; those that no publisher has sent are passed over.

    `tenant_of`: of each entry, its position in `tenants`; None where all are of the first. `kinds`, `at` (event time,
    ms): of the entries. Taken in parts they come to the same as taken at once.
    """
    sent = kinds < _UPSTREAM_BELOW
    if not sent.all():
        kinds, at = kinds[sent], at[sent]
        tenant_of = None if tenant_of is None else tenant_of[sent]
    if not len(kinds):
        return
    repaid = _REPAYMENT[kinds]
    if tenant_of is None:
        feeds[tenants[0]] = _after(feeds.get(tenants[0], Feed()), repaid, at)
        return
    order = np.argsort(tenant_of, kind="stable")
    ordered = tenant_of[order]
    bounds = np.flatnonzero(np.diff(ordered)) + 1
    for which in np.split(order, bounds):
        tenant = tenants[int(tenant_of[which[0]])]
        feeds[tenant] = _after(feeds.get(tenant, Feed()), repaid[which], at[which])


def _after(feed: Feed, repaid: NDArray[np.bool_], at: NDArray[np.int64]) -> Feed:
    """The feeds after some entries of one institution."""
    if len(repaid) <= FEW:
        return _one_by_one(feed, repaid.tolist(), at.tolist())
    others = ~repaid
    places = np.flatnonzero(others)
    other_at = at[places]
    buckets = other_at // _BUCKET_MS % BUCKETS
    others_ms, bucket = feed.others_ms, feed.bucket
    if len(places):
        others_ms, bucket = max(others_ms, int(other_at.max())), int(buckets[-1])
    runs_at = np.flatnonzero(repaid)
    if not len(runs_at):
        return structs.replace(feed, others_ms=others_ms, bucket=bucket, since=_sum(feed.since, _counted(buckets)))
    before = places < runs_at[-1]
    traffic = _sum(feed.traffic, _sum(feed.since, _counted(buckets[before])), UNIT)
    # A run begins where the entry before is another feed's: that of the state for the first.
    begun = repaid & np.concatenate(([any(feed.since)], others[:-1]))
    last_other = np.searchsorted(places, np.flatnonzero(begun)) - 1
    run_buckets = np.concatenate((buckets, [feed.bucket]))[last_other]  # -1: none in this part
    backlog = feed.backlog
    if feed.stale_ms and not backlog:
        newest = np.maximum(np.maximum.accumulate(np.where(repaid, 0, at)), feed.others_ms)
        backlog = bool((at < newest - feed.limit_ms)[runs_at].any())
    return structs.replace(
        feed,
        backlog=backlog,
        repaid_ms=max(feed.repaid_ms, int(at[runs_at].max())),
        others_ms=others_ms,
        bucket=bucket,
        since=_counted(buckets[~before]),
        runs=_sum(feed.runs, _counted(run_buckets), UNIT),
        traffic=traffic,
    )


def _one_by_one(feed: Feed, repaid: list[bool], at: list[int]) -> Feed:
    """The same, entry by entry."""
    repaid_ms, others_ms, bucket, backlog = feed.repaid_ms, feed.others_ms, feed.bucket, feed.backlog
    since, runs, traffic = list(feed.since), list(feed.runs), list(feed.traffic)
    waiting = any(since)
    for is_repayment, at_ms in zip(repaid, at, strict=True):
        if not is_repayment:
            others_ms = max(others_ms, at_ms)
            bucket = at_ms // _BUCKET_MS % BUCKETS
            since[bucket] += 1
            waiting = True
            continue
        repaid_ms = max(repaid_ms, at_ms)
        backlog = backlog or (feed.stale_ms > 0 and at_ms < others_ms - feed.limit_ms)
        if waiting:
            runs[bucket] += UNIT
            traffic = [count + UNIT * more for count, more in zip(traffic, since, strict=True)]
            since, waiting = [0] * BUCKETS, False
    return structs.replace(
        feed,
        repaid_ms=repaid_ms,
        others_ms=others_ms,
        bucket=bucket,
        since=tuple(since),
        runs=tuple(runs),
        traffic=tuple(traffic),
        backlog=backlog,
    )


def _counted(buckets: NDArray[np.int64]) -> Counts:
    return tuple(np.bincount(buckets, minlength=BUCKETS).tolist())


def _sum(counts: Counts, more: Counts, unit: int = 1) -> Counts:
    return tuple(count + unit * each for count, each in zip(counts, more, strict=True))


def expected_runs(feed: Feed) -> float:
    """Runs of repayments that should have come among the traffic since the last one."""
    return sum(
        since * runs / traffic for since, runs, traffic in zip(feed.since, feed.runs, feed.traffic, strict=True) if runs
    )


def surprise(feed: Feed) -> float:
    """-ln of the probability that none has come."""
    return sum(
        runs / UNIT * math.log1p(since * UNIT / traffic)
        for since, runs, traffic in zip(feed.since, feed.runs, feed.traffic, strict=True)
        if since and runs
    )


def judged(feed: Feed, limit_ms: int, now_ms: int) -> Feed:
    """The feeds at a tick: counts lose what a new day takes, and the repayments may have become stale or fresh.
    `limit_ms`: of the institution, 0 for none."""
    day = now_ms // _DAY_MS
    if day > feed.day:
        runs, traffic = feed.runs, feed.traffic
        for _ in range(min(day - feed.day, MAX_DAYS) if feed.day else 0):
            runs, traffic = _lost(runs), _lost(traffic)
        feed = structs.replace(feed, day=day, runs=runs, traffic=traffic)
    behind = limit_ms > 0 and feed.behind_ms > limit_ms
    if feed.stale_ms:
        return _still(feed, behind, limit_ms, now_ms)
    if behind and surprise(feed) > -math.log(ACCIDENT):
        return structs.replace(feed, stale_ms=now_ms, from_ms=feed.repaid_ms, limit_ms=limit_ms)
    return feed


def _still(feed: Feed, behind: bool, limit_ms: int, now_ms: int) -> Feed:
    """The feeds at a tick where the repayments were stale."""
    backlog_ms = now_ms if feed.backlog else feed.backlog_ms
    caught_ms = 0 if behind else feed.caught_ms or now_ms
    if caught_ms and (now_ms - backlog_ms >= SETTLED_MS or now_ms - caught_ms >= limit_ms):
        return structs.replace(
            feed, stale_ms=0, from_ms=0, limit_ms=0, held=0, backlog=False, backlog_ms=0, caught_ms=0
        )
    return structs.replace(feed, limit_ms=limit_ms, backlog=False, backlog_ms=backlog_ms, caught_ms=caught_ms)


def _lost(counts: Counts) -> Counts:
    return tuple(count * (LOSS - 1) // LOSS for count in counts)
