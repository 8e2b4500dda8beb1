"""How many customers borrow at one merchant, how many of them are late, and when that is to be told.

A profile is a pure state of bounded size, one for a merchant and one for all merchants of an institution together, in
which a customer of two merchants counts twice, so that it can be read without one of them: `evolve_merchant` counts
what it is told. Time is an argument, days are UTC. A window of w days ends with the newest day
that the profile knows, and reaches back w days at least and one more at most.

Customers are counted one by one up to `SAMPLE`; beyond it a fair sample of them is held, by their hash (Wegman's
adaptive sampling: Flajolet 1990, "On adaptive sampling"): each time it is full, half of the hashes are let go. A count
then has a relative standard error of about 1/√(customers of the sample that it counts), 3 to 4.5 % of all customers;
a share p one of √(p (1 - p) / 512) at most: 1.3 points at 10 %. A profile that has shrunk takes a part in again as it
empties, and counts by it once it is whole, `HORIZON` days later: until then it knows less exactly.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from xxhash import xxh3_64_intdigest

from riskwatch.features.linkwindows import DAY_MS
from riskwatch.features.merchantmessages import MerchantFacts, MerchantTold

MERCHANT_VERSION = 1
HORIZON = 180
"""Days for which a customer counts after the last loan taken there, or the last time late: most instalment plans of
shops end within them."""
SAMPLE = 1024
"""Customers held at most."""
FIRST_STEP = 5
"""Late customers at which a merchant is first told of; then at 7, and at each doubling of the two."""
WINDOWS = (30, 90)
"""Days."""
MAX_MERCHANT_BYTES = 24_000
"""No profile is longer, encoded: 1,024 customers of at most 21 bytes are 22 kB of it."""
LATE_DPD, LATE_DPD_FIRST = 7, 3
"""Days past due at which a customer counts as late; of a loan's first instalment fewer, since whoever never got the
goods does not begin to pay. A day late is no sign: one instalment in ten is."""


class MerchantFault(ValueError):
    """Stored bytes that are no merchant profile of this version, or word of another merchant."""


class Borrower(Struct, array_like=True, kw_only=True, gc=False):
    """A customer at a merchant: day of the newest loan taken there, and on which a loan of there was late last, days
    since 1970; 0 for never. `merchant`: 32 bits of its hash in the profile of all merchants, else 0."""

    opened: int = 0
    late: int = 0
    merchant: int = 0


class MerchantProfile:
    """What is kept of one merchant, or of all (`merchant_id` is empty). `borrowers`: by hash of the customer's key (of
    all: with the merchant), those whose hash begins with at least
    `admitted` zero bits; `left_out`: newest day of what was left out, by zero bits; `told`: the highest step told and
    not fallen from."""

    __slots__ = ("admitted", "borrowers", "left_out", "merchant_id", "newest", "tenant", "told")

    def __init__(self) -> None:
        self.tenant = ""
        self.merchant_id = ""
        self.newest = 0
        self.borrowers: dict[int, Borrower] = {}
        self.admitted = 0
        self.left_out: dict[int, int] = {}
        self.told = 0


def late_enough(dpd: int, *, first_instalment: bool) -> bool:
    """Whether a step of days past due is the one at which a merchant is told of it, once for an instalment."""
    return dpd == (LATE_DPD_FIRST if first_instalment else LATE_DPD)


def step_of(late: int) -> int:
    """The highest of the steps 5, 7, 10, 14, 20, 28, 40, … that so many late customers reach, 0 for none."""
    if late < FIRST_STEP:
        return 0
    doubled = (late // FIRST_STEP).bit_length() - 1
    return (7 if late >= 7 << doubled else FIRST_STEP) << doubled


def evolve_merchant(profile: MerchantProfile, told: MerchantTold) -> MerchantFacts | None:
    """Count a loan opened there, or a customer who is late with one, in place.

    Facts where this brings the late customers of 90 days to a step that was not told yet. When they have fallen below
    half of a step that was told, it is told again once they grow back. A repeat changes nothing. Raises
    `MerchantFault` for word of another merchant.
    """
    _name(profile, told)
    opened, late = told.opened_ms // DAY_MS, 0 if told.late_ms is None else told.late_ms // DAY_MS
    _advance(profile, max(opened, late))
    if max(opened, late) < profile.newest - HORIZON:
        return None
    key = told.customer_key
    if told.together:
        shop = told.merchant_id.encode()
        _count(profile, _hash(key + b"\x00" + shop), Borrower(opened=opened, late=late, merchant=_short(shop)))
    else:
        _count(profile, _hash(key), Borrower(opened=opened, late=late))
    if not late or told.together:
        return None
    facts = merchant_facts(profile)
    if 2 * facts.late_90d < profile.told:
        profile.told = step_of(facts.late_90d)
    reached = step_of(facts.late_90d)
    if reached <= profile.told:
        return None
    profile.told = reached
    return msgspec.structs.replace(facts, step=reached)


def merchant_facts(profile: MerchantProfile, without: str = "") -> MerchantFacts:
    """What the profile knows on its newest day; of all merchants, those but one."""
    whole = _whole(profile)
    left_out = _short(without.encode()) if without else -1
    held = [each for key, each in profile.borrowers.items() if _zeros(key) >= whole and each.merchant != left_out]

    def within(days: list[int], window: int) -> int:
        return sum(day >= profile.newest - window for day in days) << whole

    opened, late = [each.opened for each in held], [each.late for each in held]
    return MerchantFacts(
        customers=len(held) << whole,
        exact=whole == 0,
        opened_30d=within(opened, WINDOWS[0]),
        opened_90d=within(opened, WINDOWS[1]),
        late_30d=within(late, WINDOWS[0]),
        late_90d=within(late, WINDOWS[1]),
    )


def _name(profile: MerchantProfile, told: MerchantTold) -> None:
    named = (told.tenant, "" if told.together else told.merchant_id)
    if not profile.tenant:
        profile.tenant, profile.merchant_id = named
    elif named != (profile.tenant, profile.merchant_id):
        raise MerchantFault(
            f"told of {'/'.join(named)}, the profile is of {profile.tenant}/{profile.merchant_id}: keep one "
            "profile for each merchant"
        )


def _advance(profile: MerchantProfile, day: int) -> None:
    """A newer day lets go of those of whom nothing was heard within the horizon."""
    if day <= profile.newest:
        return
    profile.newest = day
    oldest = day - HORIZON
    for key in [key for key, each in profile.borrowers.items() if max(each.opened, each.late) < oldest]:
        del profile.borrowers[key]
    for zeros in [zeros for zeros, last in profile.left_out.items() if last < oldest]:
        del profile.left_out[zeros]
    while profile.admitted and len(profile.borrowers) < SAMPLE // 4:
        profile.admitted -= 1


def _count(profile: MerchantProfile, key: int, seen: Borrower) -> None:
    if _zeros(key) < profile.admitted:
        _leave_out(profile, _zeros(key), max(seen.opened, seen.late))
        return
    held = profile.borrowers.setdefault(key, seen)
    held.opened, held.late = max(held.opened, seen.opened), max(held.late, seen.late)
    while len(profile.borrowers) > SAMPLE:
        for each in [each for each in profile.borrowers if _zeros(each) == profile.admitted]:
            gone = profile.borrowers.pop(each)
            _leave_out(profile, profile.admitted, max(gone.opened, gone.late))
        profile.admitted += 1


def _leave_out(profile: MerchantProfile, zeros: int, day: int) -> None:
    profile.left_out[zeros] = max(profile.left_out.get(zeros, 0), day)


def _whole(profile: MerchantProfile) -> int:
    """Zero bits from which on nobody of the horizon is missing."""
    return max((zeros + 1 for zeros in profile.left_out), default=0)


def _hash(data: bytes) -> int:
    return xxh3_64_intdigest(data)


def _short(merchant_id: bytes) -> int:
    return _hash(merchant_id) & 0xFFFF_FFFF


def _zeros(key: int) -> int:
    """Zero bits with which a hash of 64 bits begins."""
    return 64 - key.bit_length()


# ------------------------------------------------------------------------------------------------------------- storing


class _Stored(Struct, array_like=True, frozen=True, kw_only=True):
    version: int
    tenant: str
    merchant_id: str
    newest: int
    admitted: int
    told: int
    left_out: dict[int, int]
    borrowers: dict[int, Borrower]


class _Version(Struct, array_like=True, frozen=True):
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
_version = msgspec.msgpack.Decoder(_Version).decode


def encode_merchant(profile: MerchantProfile) -> bytes:
    """msgpack, at most `MAX_MERCHANT_BYTES`; equal profiles give equal bytes."""
    return _encode(
        _Stored(
            version=MERCHANT_VERSION,
            tenant=profile.tenant,
            merchant_id=profile.merchant_id,
            newest=profile.newest,
            admitted=profile.admitted,
            told=profile.told,
            left_out=dict(sorted(profile.left_out.items())),
            borrowers=dict(sorted(profile.borrowers.items())),
        )
    )


def decode_merchant(data: bytes) -> MerchantProfile:
    """The profile that `encode_merchant` wrote; an empty one of no bytes. Raises `MerchantFault` for anything else."""
    profile = MerchantProfile()
    if not data:
        return profile
    try:
        version = _version(data).version
        if version != MERCHANT_VERSION:
            raise MerchantFault(f"a merchant profile of version {version}; this release reads {MERCHANT_VERSION}")
        stored = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MerchantFault(f"not a merchant profile: {error}") from None
    profile.tenant, profile.merchant_id = stored.tenant, stored.merchant_id
    profile.newest, profile.admitted, profile.told = stored.newest, stored.admitted, stored.told
    profile.left_out, profile.borrowers = stored.left_out, stored.borrowers
    return profile
