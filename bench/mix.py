"""The event mix of the job: a seeded, endless sequence, so that systems which get different numbers of records get the
same ones.

An event is made without its time (`Made`): a backlog stamps it with a simulated clock, live load with the clock of its
sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

TENANT = "bench-bank"
PLANTED_AMOUNT = 1
"""A purchase of one cent is planted, as somebody who tests a stolen card makes it: one rule fires on those and on
nothing else."""

SENTINELS = 200
"""Planted purchases that close a backlog: when all their alerts are out, everything before them has been through. With
four partitions before and four after a repartitioning, 200 leave one of the 16 ways unused with a chance of 4e-5."""

PLANTED_SHARE = 0.02
INVALID_SHARE = 0.001
SEED = 7

_MERCHANTS = 2_000
_KINDS = (
    ("LoginSucceeded", 24), ("LoginFailed", 6), ("DeviceSeen", 8), ("DeviceChanged", 2), ("PurchaseMade", 36),
    ("InstalmentDue", 4), ("RepaymentReceived", 12), ("RepaymentReversed", 1), ("LoanApplied", 7),
)  # fmt: skip
_WHEEL = tuple(kind for kind, parts in _KINDS for _ in range(parts))


class Made(NamedTuple):
    """An event that waits for its time: `value = head + RFC 3339 time + tail`."""

    key: bytes
    head: bytes
    tail: bytes

    def at(self, epoch_seconds: float) -> bytes:
        """The record's value, occurred at `epoch_seconds`."""
        return (
            self.head
            + datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds").encode()
            + self.tail
        )


@dataclass(frozen=True, kw_only=True)
class Population:
    """Who the events are about. Every customer is equally likely; `introduce` gives each one event first, in order."""

    customers: int
    introduce: bool = False
    seed: int = SEED


def events(population: Population) -> Iterator[Made]:
    """The endless sequence. Event `i` has the id `e<i>`, nine digits."""
    random = Random(population.seed)
    below, chance = random.randrange, random.random
    customers, introduced = population.customers, population.customers if population.introduce else 0
    number = 0
    while True:
        customer = number if number < introduced else below(customers)
        kind = _WHEEL[below(100)]
        luck = chance()
        if luck < PLANTED_SHARE:
            yield _made(number, customer, "PurchaseMade", _purchase(random, customer, PLANTED_AMOUNT))
        elif luck > 1 - INVALID_SHARE:
            yield _made(number, customer, "PurchaseMade", _INVALID[below(len(_INVALID))])
        else:
            yield _made(number, customer, kind, _BODY[kind](random, customer))
        number += 1


def sentinels(population: Population, round_: int = 0) -> Iterator[Made]:
    """`SENTINELS` planted purchases of as many customers of their own, with ids that start with `z<round>`."""
    random = Random(population.seed)
    for number in range(SENTINELS):
        body = _purchase(random, number, PLANTED_AMOUNT)
        yield _compose(f"z{round_}{number:08d}", f"z{number:07d}", "PurchaseMade", body)


def planted(made: Iterable[Made], apart: float = 0) -> list[int]:
    """Places of the planted purchases in a stretch of the sequence; only those at least `apart` places behind the
    customer's one before, because the rule's cooldown may swallow the others."""
    mark = f'"amount":{PLANTED_AMOUNT},'.encode()
    last: dict[bytes, int] = {}
    found = []
    for number, event in enumerate(made):
        if mark in event.tail:
            if number - last.get(event.key, -number - 1 - int(apart)) >= apart:
                found.append(number)
            last[event.key] = number
    return found


def _made(number: int, customer: int, kind: str, body: str) -> Made:
    return _compose(f"e{number:09d}", f"c{customer:07d}", kind, body)


def _compose(event_id: str, customer_id: str, kind: str, body: str) -> Made:
    head = (
        f'{{"type":"{kind}","event_id":"{event_id}","tenant":"{TENANT}","customer_id":"{customer_id}","occurred_at":"'
    )
    return Made(f"{TENANT}/{customer_id}".encode(), head.encode(), f'",{body}}}'.encode())


def _where(random: Random, customer: int) -> str:
    """Device, address and place: mostly the customer's own, sometimes another."""
    device = f"d{customer:07d}" if random.random() < 0.97 else f"d{random.randrange(1_000_000):07d}-x"
    latitude = 22 + customer % 18 + random.random() * 0.05
    longitude = 103 + customer % 17 + random.random() * 0.05
    ip = f"10.{customer % 200}.{customer // 200 % 250}.{random.randrange(4)}"
    return f'"device_id":"{device}","ip":"{ip}","geo":{{"latitude":{latitude:.4f},"longitude":{longitude:.4f}}}'


def _login(random: Random, customer: int) -> str:
    session = f'"session":{{"seconds":{random.randrange(5, 400)},"paste_share":{random.randrange(100) / 100}}}'
    return f'"channel":"app",{_where(random, customer)},{session}'


def _device(random: Random, customer: int) -> str:
    emulator = "true" if random.random() < 0.01 else "false"
    rooted = "true" if random.random() < 0.02 else "false"
    return f'"emulator":{emulator},"rooted":{rooted},"proxy":false,{_where(random, customer)}'


def _device_changed(random: Random, customer: int) -> str:
    sim = "true" if random.random() < 0.2 else "false"
    return f'"sim_changed":{sim},{_device(random, customer)}'


def _purchase(random: Random, customer: int, amount: int | None = None) -> str:
    if amount is None:
        amount = min(max(int(random.lognormvariate(8.5, 1.0)), 100), 300_000)
    merchant = random.randrange(_MERCHANTS)
    return (
        f'"amount":{amount},"currency":"CNY","merchant_id":"m{merchant:05d}",'
        f'"merchant_category":"{5000 + merchant % 90}","channel":"app",{_where(random, customer)}'
    )


def _instalment_due(random: Random, customer: int) -> str:
    # Due far ahead: what falls overdue is no part of the job, since the peers keep no ledger of loans.
    number = random.randrange(1, 13)
    return (
        f'"loan_id":"l{customer:07d}","number":{number},"due_on":"2099-{number:02d}-15","amount":85000,"currency":"CNY"'
    )


def _repayment(random: Random, customer: int) -> str:
    number = random.randrange(1, 13)
    return (
        f'"loan_id":"l{customer:07d}","amount":{random.randrange(20_000, 85_000)},"currency":"CNY",'
        f'"payment_id":"p{random.randrange(10**9)}","instalment_number":{number},"channel":"app"'
    )


def _reversal(random: Random, customer: int) -> str:
    return (
        f'"loan_id":"l{customer:07d}","amount":{random.randrange(20_000, 85_000)},"currency":"CNY",'
        f'"payment_id":"p{random.randrange(10**9)}","reason":"insufficient funds"'
    )


def _application(random: Random, customer: int) -> str:
    amount, income = random.randrange(100_000, 3_000_000), random.randrange(400_000, 2_000_000)
    return (
        f'"application_id":"a{random.randrange(10**9)}","product":"cash-instalments","amount":{amount},'
        f'"currency":"CNY","term_months":12,"channel":"app",{_where(random, customer)},'
        f'"declared":{{"monthly_income":{income},"employment":"employed"}},'
        f'"bureau":{{"score":{random.randrange(300, 900)}}}'
    )


_BODY = {
    "LoginSucceeded": _login, "LoginFailed": _login, "DeviceSeen": _device, "DeviceChanged": _device_changed,
    "PurchaseMade": _purchase, "InstalmentDue": _instalment_due, "RepaymentReceived": _repayment,
    "RepaymentReversed": _reversal, "LoanApplied": _application,
}  # fmt: skip

_INVALID = (
    '"amount":"12.50","currency":"CNY"',
    '"amount":-3,"currency":"CNY"',
    '"amount":1250,"currency":"yuan"',
    '"amount":1250',
)
