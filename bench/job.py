"""The job that every system does: validate each event, bring 68 rolling features up to date, judge 100 rules, keep the
state durably, publish alerts with their reasons.

The rules are this one list. riskwatch gets it as a policy file (`policy_toml`), the peers as compiled Python functions
(`compile_rules` in `bench.peers.rules`). They read only features that the peers compute too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from bench.mix import PLANTED_AMOUNT

PLANTED_RULE = "card-testing"
"""Fires on planted purchases and on nothing else; its cooldown of a second never suppresses one of them."""

SEVERITIES = ("low", "medium", "high", "critical")

LOGINS = ("LoginSucceeded", "LoginFailed")
SUCCESS = ("LoginSucceeded",)
PURCHASES = ("PurchaseMade",)
DEVICES = ("DeviceSeen", "DeviceChanged")
APPLICATIONS = ("LoanApplied",)
REPAYMENTS = ("RepaymentReceived", "RepaymentReversed")
ACTIVITY = ("LoginSucceeded", "DeviceSeen", "DeviceChanged", "PurchaseMade", "LoanApplied")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: judged at the kinds of event `on`; `when` is a condition both in riskwatch's language and in Python."""

    name: str
    on: tuple[str, ...]
    when: str
    severity: str
    cooldown_seconds: int = 3600


def ladder(name: str, on: tuple[str, ...], when: str, *thresholds: float, and_: str = "") -> Iterator[Rule]:
    """The same condition at rising thresholds: low, medium, high, critical. `{}` in `when` stands for the threshold."""
    for step, threshold in enumerate(thresholds):
        condition = when.format(repr(threshold)) + (f" and {and_}" if and_ else "")
        yield Rule(name=f"{name}-{step + 1}", on=on, when=condition, severity=SEVERITIES[step])


RULES: tuple[Rule, ...] = tuple(
    chain(
        [
            Rule(
                name=PLANTED_RULE, on=PURCHASES, when=f"amount <= {PLANTED_AMOUNT}", severity="high", cooldown_seconds=1
            )
        ],
        # logins
        ladder("failed-login-burst", LOGINS, "login_failed_count_10m >= {}", 2, 3, 5, 8),
        ladder("failed-logins-hour", LOGINS, "login_failed_count_1h >= {}", 3, 4, 6, 10),
        ladder("failed-logins-day", LOGINS, "login_failed_count_24h >= {}", 4, 6, 8, 12),
        ladder("failed-share-day", LOGINS, "login_failed_share_24h >= {}", 0.6, 0.8, 0.95, and_="login_count_24h >= 5"),
        ladder(
            "guessed-password",
            SUCCESS,
            "login_failed_count_1h >= {}",
            2,
            4,
            and_="seconds_since_last_login_failed < 600",
        ),
        ladder("login-surge-week", LOGINS, "login_count_7d >= {}", 45, 60),
        ladder("session-unlike-usual", LOGINS, "session_seconds_z >= {}", 5, 8, and_="login_count_30d >= 5"),
        ladder("pasted-sessions", LOGINS, "session_paste_heavy_count_24h >= {}", 6, 9),
        # devices
        ladder("device-hopping-day", ACTIVITY, "device_distinct_24h >= {}", 4, 5, 6, 8),
        ladder("device-hopping-month", ACTIVITY, "device_distinct_30d >= {}", 5, 7),
        ladder("device-changes", DEVICES, "device_changed_count_24h >= {}", 2, 3),
        ladder("emulator", DEVICES, "emulator_count_30d >= {}", 2, 3, and_="emulator"),
        ladder("rooted", DEVICES, "rooted_count_30d >= {}", 2, 3, and_="rooted"),
        ladder("address-hopping", ACTIVITY, "ip_distinct_24h >= {}", 5, 7, 9, 12),
        # purchases
        ladder("purchase-burst", PURCHASES, "purchase_count_10m >= {}", 3, 4, 6, 9),
        ladder("purchases-hour", PURCHASES, "purchase_count_1h >= {}", 4, 5, 7, 10),
        ladder("purchases-day", PURCHASES, "purchase_count_24h >= {}", 10, 12, 16, 24),
        ladder("purchases-quarter", PURCHASES, "purchase_count_90d >= {}", 400, 600),
        ladder("spend-hour", PURCHASES, "purchase_amount_sum_1h >= {}", 200_000, 400_000),
        ladder("spend-day", PURCHASES, "purchase_amount_sum_24h >= {}", 250_000, 350_000, 450_000, 600_000),
        ladder(
            "spend-over-month",
            PURCHASES,
            "purchase_amount_24h_over_daily_30d >= {}",
            27,
            28.5,
            29.5,
            and_="purchase_count_30d >= 12",
        ),
        ladder("amount-unlike-usual", PURCHASES, "purchase_amount_z >= {}", 10, 15, 25, 40),
        ladder(
            "amount-over-mean",
            PURCHASES,
            "purchase_amount_over_mean >= {}",
            12,
            20,
            40,
            and_="purchase_amount_mean > 0",
        ),
        ladder("many-merchants-hour", PURCHASES, "counterparty_distinct_1h >= {}", 3, 5, 7),
        ladder("many-merchants-day", PURCHASES, "counterparty_distinct_24h >= {}", 10, 12),
        ladder(
            "night-unlike-habit", PURCHASES, "night_activity_share < {}", 0.02, 0.01, and_="activity_hour_habit < 0.02"
        ),
        ladder("after-sim-change", PURCHASES, "amount >= {}", 60000, 150000, and_="seconds_since_sim_change < 3600"),
        ladder(
            "dormant-then-busy", PURCHASES, "seconds_since_last_activity >= {}", 172800, 604800, and_="amount >= 50000"
        ),
        # repayments
        ladder("reversals", REPAYMENTS, "repayment_reversed_count_30d >= {}", 2, 3),
        ladder(
            "reversed-then-spends",
            PURCHASES,
            "seconds_since_repayment_reversed < {}",
            3600,
            600,
            and_="amount >= 30000",
        ),
        ladder(
            "many-small-repayments",
            REPAYMENTS,
            "repayment_count_30d >= {}",
            30,
            45,
            and_="repayment_amount_sum_30d < 1500000",
        ),
        # applications
        ladder("application-velocity-day", APPLICATIONS, "application_count_24h >= {}", 4, 5, 7),
        ladder("application-velocity-hour", APPLICATIONS, "application_count_1h >= {}", 2, 3),
        ladder("applied-sum", APPLICATIONS, "applied_amount_sum_30d >= {}", 15_000_000, 25_000_000),
        ladder("low-bureau-score", APPLICATIONS, "bureau_score_last < {}", 330, 310, and_="amount >= 2500000"),
        ladder(
            "applies-after-failures",
            APPLICATIONS,
            "login_failed_count_24h >= {}",
            2,
            3,
            and_="seconds_since_last_login_failed < 7200",
        ),
        ladder(
            "busy-beyond-habit",
            ACTIVITY,
            "entries_count_24h_over_daily_30d >= {}",
            20,
            25,
            and_="days_since_first_seen >= 2",
        ),
    )
)


def policy_toml() -> str:
    """The rules as a policy file of riskwatch."""
    lines = ['name = "benchmark"']
    for rule in RULES:
        kinds = ", ".join(f'"{kind}"' for kind in rule.on)
        lines += [
            "",
            f"[rules.{rule.name}]",
            f"on = [{kinds}]",
            f'when = "{rule.when}"',
            f'severity = "{rule.severity}"',
            'output = "fraud"',
            f'reason = "{reason_of(rule)}"',
            f'cooldown = "{rule.cooldown_seconds}s"',
            f'description = "Part of the benchmark: {rule.when}"',
        ]
    return "\n".join(lines) + "\n"


def reason_of(rule: Rule) -> str:
    """The sentence of a rule's alert, with the first of its numbers filled in."""
    first = rule.when.split()[0]
    return f"{rule.name.replace('-', ' ')}: {first} was {{{first}:.2f}}"
