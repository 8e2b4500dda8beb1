"""The table of the stories that are planted among healthy customers.

Every story is a function that turns a few healthy customers into its cast: phases of their daily life, loans with the
terms on which they are paid, and events of its own. Hard negatives (traveller, holiday shopper, new phone) are stories
too: they look unusual and nothing should be raised.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from riskwatch.lab.applicants import applicant_ring, cleared_case, tainted_phone
from riskwatch.lab.frauds import account_takeover, device_farm, synthetic_identity
from riskwatch.lab.hardships import first_payment_default, job_loss, self_cure
from riskwatch.lab.lookalikes import holiday_shopper, new_phone, traveller
from riskwatch.lab.merchants import merchant_trouble
from riskwatch.lab.neighbours import household, office
from riskwatch.lab.people import Customer, utc
from riskwatch.lab.plot import Expected, Plant, Plot, Truth
from riskwatch.streams.outputs import AlertKind


class Story(Struct, frozen=True, kw_only=True):
    """A kind of story: its share of the customers, how many customers play in one, and what each instance deserves.

    `also`: kinds of alert that are no mistake there, such as the fraud alert on a first payment that never came.
    `stops`: whether the applications of the story should be stopped for what they share (None: not a matter of it).
    `tenant`: the institution where it plays, where that is not open: the one whose applications a policy decides.
    """

    kind: str
    share: float
    cast: int
    expected: Expected
    plant: Plant
    also: tuple[AlertKind, ...] = ()
    stops: bool | None = None
    tenant: str | None = None


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
    # What applicants share. Links between them are known where they apply, and decided upon where a policy decides.
    Story(
        kind="applicant-ring",
        share=0.030,
        cast=6,
        expected="fraud",
        plant=applicant_ring,
        stops=True,
        tenant="harbour-finance",
    ),
    Story(
        kind="tainted-phone",
        share=0.020,
        cast=3,
        expected="fraud",
        plant=tainted_phone,
        tenant="harbour-finance",
    ),
    Story(
        kind="cleared-case",
        share=0.010,
        cast=2,
        expected="fraud",
        plant=cleared_case,
        tenant="harbour-finance",
    ),
    Story(
        kind="household",
        share=0.025,
        cast=3,
        expected="none",
        plant=household,
        stops=False,
        tenant="harbour-finance",
    ),
    Story(
        kind="office",
        share=0.030,
        cast=12,
        expected="none",
        plant=office,
        stops=False,
        tenant="harbour-finance",
    ),
    Story(kind="merchant-trouble", share=0.040, cast=16, expected="early-warning", plant=merchant_trouble),
)


def truths_of(story: Story, cast: Sequence[Customer], plot: Plot) -> list[Truth]:
    """The truth about one planted instance: one for all of its cast, or one for each role."""
    named = [(member.institution.tenant, member.customer_id) for member in cast]
    if not plot.roles:
        return [
            Truth(
                kind=story.kind,
                expected=story.expected,
                customers=tuple(named),
                begins=utc(plot.begins),
                ends=utc(plot.ends),
                also=story.also,
                stops=story.stops,
            )
        ]
    return [
        Truth(
            kind=role.kind,
            expected=role.expected,
            customers=() if role.subject else (named[role.member],),
            subjects=((named[role.member][0], role.subject),) if role.subject else (),
            begins=utc(role.begins),
            ends=utc(role.ends),
            also=story.also,
            stops=role.stops,
        )
        for role in plot.roles
    ]
