"""The table of the stories that are planted among healthy customers.

Every story is a function that turns a few healthy customers into its cast: phases of their daily life, loans with the
terms on which they are paid, and events of its own. Hard negatives (traveller, holiday shopper, new phone) are stories
too: they look unusual and nothing should be raised.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from riskwatch.lab.frauds import account_takeover, device_farm, synthetic_identity
from riskwatch.lab.hardships import first_payment_default, job_loss, self_cure
from riskwatch.lab.lookalikes import holiday_shopper, new_phone, traveller
from riskwatch.lab.people import Customer, utc
from riskwatch.lab.plot import Expected, Plant, Plot, Truth
from riskwatch.streams.outputs import AlertKind


class Story(Struct, frozen=True, kw_only=True):
    """A kind of story: its share of the customers, how many customers play in one, and what each instance deserves.

    `also`: kinds of alert that are no mistake there, such as the fraud alert on a first payment that never came.
    """

    kind: str
    share: float
    cast: int
    expected: Expected
    plant: Plant
    also: tuple[AlertKind, ...] = ()


STORIES = (
    Story(kind="account-takeover", share=0.030, cast=1, expected="fraud", plant=account_takeover),
    Story(kind="device-farm", share=0.030, cast=4, expected="fraud", plant=device_farm),
    Story(
        kind="synthetic-identity",
        share=0.020,
        cast=1,
        expected="fraud",
        plant=synthetic_identity,
        also=("early-warning",),
    ),
    Story(
        kind="first-payment-default",
        share=0.020,
        cast=1,
        expected="early-warning",
        plant=first_payment_default,
        also=("fraud",),
    ),
    Story(kind="job-loss", share=0.025, cast=1, expected="early-warning", plant=job_loss),
    Story(kind="self-cure", share=0.030, cast=1, expected="early-warning", plant=self_cure),
    Story(kind="traveller", share=0.025, cast=1, expected="none", plant=traveller),
    Story(kind="holiday-shopper", share=0.025, cast=1, expected="none", plant=holiday_shopper),
    Story(kind="new-phone", share=0.030, cast=1, expected="none", plant=new_phone),
)


def truth_of(story: Story, cast: Sequence[Customer], plot: Plot) -> Truth:
    """The truth about one planted instance."""
    return Truth(
        kind=story.kind,
        expected=story.expected,
        customers=tuple((member.institution.tenant, member.customer_id) for member in cast),
        begins=utc(plot.begins),
        ends=utc(plot.ends),
        also=story.also,
    )
