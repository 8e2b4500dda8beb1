"""Stories of repayment: a first payment that never comes, a job lost, a delay that cures itself."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from riskwatch.lab.life import Scribe
from riskwatch.lab.loans import Part, Terms, draw_loan
from riskwatch.lab.people import DAY, Calendar, Customer, Phase
from riskwatch.lab.plot import Life, Plot, some_day, within
from riskwatch.streams.events import ContactMade, PromiseMade, RepaymentReversed


def first_payment_default(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """A loan is taken, the money is spent, and not one instalment is ever paid."""
    (person,) = cast
    opened = some_day(random, calendar, 0.15, 0.55)
    loan = draw_loan(random, person, opened_on=opened, product="shopping-instalments")
    terms: Terms = dict.fromkeys(range(1, loan.instalments + 1), ())
    due = calendar.at(loan.due_day(1))
    spree = Phase(begins=calendar.at(opened), ends=calendar.at(opened + 4), purchases=1.6)
    gone = Phase(begins=calendar.at(opened + 9), ends=calendar.end + DAY, quiet=True)
    life = Life(phases=(spree, gone), loans=((loan, terms),), from_day=max(0, opened - 12))
    return Plot(lives=(life,), begins=due + DAY, ends=calendar.end)


def job_loss(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """After a few good instalments payments come later and smaller, one bounces, a promise is broken, then nothing
    comes.
    """
    (person,) = cast
    loan = draw_loan(random, person, opened_on=random.randint(1, 12), product="shopping-instalments")
    lost = random.randint(3, 4)
    terms: dict[int, Sequence[Part]] = {
        lost: (Part(4, 0.6), Part(8, 0.4)),
        lost + 1: (Part(7, 0.4),),
        **dict.fromkeys(range(lost + 2, loan.instalments + 1), ()),
    }
    scribe = Scribe(person, calendar, "j")
    loan_id = f"loan-{person.customer_id}-{loan.opened_on}"
    currency = person.institution.currency
    second = loan.due_day(lost + 1)
    events = [
        scribe.write(ContactMade, calendar.at(second + 3, 10), channel="sms", outcome="delivered", loan_id=loan_id),
        scribe.write(
            RepaymentReversed,
            calendar.at(second + 9, 11),
            loan_id=loan_id,
            amount=round(loan.instalment * 0.4),
            currency=currency,
            payment_id=f"pay-{loan_id}-{lost + 1}-7",
            reason="insufficient funds",
        ),
        scribe.write(ContactMade, calendar.at(second + 10, 15), channel="phone", outcome="promised", loan_id=loan_id),
        scribe.write(
            PromiseMade,
            calendar.at(second + 10, 15.1),
            loan_id=loan_id,
            amount=loan.instalment,
            currency=currency,
            pay_by=calendar.day(second + 15),
        ),
    ]
    tight = Phase(begins=calendar.at(loan.due_day(lost) - 5), ends=calendar.end + DAY, purchases=0.5, amounts=0.6)
    life = Life(phases=(tight,), loans=((loan, terms),), events=within(events, calendar))
    return Plot(lives=(life,), begins=calendar.at(loan.due_day(lost) + 1), ends=calendar.end)


def self_cure(cast: Sequence[Customer], calendar: Calendar, random: Random, town: Sequence[str]) -> Plot:
    """One instalment is more than a week late, then paid in full; all others are paid in time."""
    (person,) = cast
    loan = draw_loan(random, person, opened_on=random.randint(1, 20), product="shopping-instalments")
    late, days_late = random.randint(2, 4), random.randint(9, 13)
    begins = calendar.at(loan.due_day(late) + 1)
    life = Life(loans=((loan, {late: (Part(days_late),)}),))
    return Plot(lives=(life,), begins=begins, ends=calendar.at(loan.due_day(late) + days_late + 1))
