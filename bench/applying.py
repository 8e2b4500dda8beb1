"""Applications as load: every one with identifiers, most of them its customer's own, some shared.

Live load runs in a process of its own (`python -m bench.applying`), as that of `bench.load` does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from random import Random

from bench.load import publish_paced
from bench.mix import TENANT, Made

CUSTOMERS = 50_000
SHARED = 0.03
"""Share of the applications whose device, phone or address is that of somebody else."""


def applications(prefix: str = "a", seed: int = 11) -> Iterator[Made]:
    """The endless sequence. Application `i` has the event id `<prefix><i>`, eight digits."""
    random = Random(seed)
    number = 0
    while True:
        customer = random.randrange(CUSTOMERS)
        device, phone, home = (random.randrange(CUSTOMERS) if random.random() < SHARED else customer for _ in range(3))
        body = {
            "application_id": f"{prefix}{number:08d}", "product": "cash-instalments",
            "amount": 100_000 * random.randrange(5, 40), "currency": "CNY", "term_months": 12,
            "merchant_id": f"m{customer % 300}", "device_id": f"d{device:07d}",
            "ip": f"10.{home % 250}.{home // 250}.{home % 7}",
            "declared": {
                "monthly_income": 100_000 * random.randrange(6, 30), "employment": "employed", "employed_months": 48,
                "monthly_debt_service": 90_000, "birth_date": f"1988-01-0{1 + customer % 9}", "region": "Shanghai",
            },
            "bureau": {
                "score": 600 + customer % 180, "open_loans": customer % 4, "outstanding": 500_000, "max_dpd_12m": 0,
                "inquiries_90d": customer % 5,
            },
            "identifiers": {
                "phone": f"+86138{phone:08d}", "email": f"c{customer}@example.com",
                "bank_card": f"62220202{customer:08d}", "name": f"Customer {customer}",
                "address": f"{home} High Street",
            },
        }  # fmt: skip
        head = (
            f'{{"type":"LoanApplied","event_id":"{prefix}{number:08d}","tenant":"{TENANT}",'
            f'"customer_id":"c{customer:07d}","occurred_at":"'
        )
        yield Made(f"{TENANT}/c{customer:07d}".encode(), head.encode(), f'",{json.dumps(body)[1:]}'.encode())
        number += 1


def main() -> None:
    """Publishes applications at a steady rate and prints what was sent as one line of JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    print(json.dumps(publish_paced(given.broker, given.topic, applications(), given.rate, given.seconds)))


if __name__ == "__main__":
    main()
