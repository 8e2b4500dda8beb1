"""Applications that wait for what is known of their identifiers: asked once, decided with the answers or at their
deadline, the same however the journal is cut."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from shared_journal import World, applied, at, program, refold

from riskwatch.agents.statecodec import split_state
from riskwatch.features.account import decode_account
from riskwatch.features.linkmessages import Probe
from riskwatch.features.pending import MAX_PENDING
from riskwatch.policy.lendingbook import LendingBook, packaged_book
from riskwatch.streams import events
from riskwatch.streams.decisions import DecisionTrail, encode_decision

PHONE = "+8613800138000"


def phone(customer: str, seconds: float, text: str = PHONE) -> events.LoanApplied:
    return applied(customer, seconds, identifiers=events.Identifiers(phone=text))


def told(trails: Sequence[DecisionTrail]) -> list[bytes]:
    return [encode_decision(trail) for trail in trails]


def outcome(trail: DecisionTrail) -> tuple[str, str]:
    return trail.decision.outcome, trail.decision.reasons[0].code if trail.decision.reasons else ""


def test_an_application_waits_for_every_answer_and_is_then_decided() -> None:
    world = World(prompt=False).say(phone("c1", 0))
    assert world.decisions == []
    assert sorted(each.kind for each in world.asked) == ["device", "phone"]
    world.answer()
    (trail,) = world.decisions
    assert (outcome(trail)[0], trail.inputs["links.answered"]) == ("approve", True)
    assert (trail.inputs["links.phone_customers"], trail.inputs["links.device_customers"]) == (1.0, 1.0)
    assert (trail.inputs["links.ring_size"], trail.inputs.get("links.email_customers")) == (1.0, None)


def test_without_answers_it_is_referred_by_the_first_tick_from_its_deadline_on_and_says_so() -> None:
    world = World(prompt=False).say(phone("c1", 0), at(0.799))
    assert world.decisions == []
    world.say(at(0.8))
    (trail,) = world.decisions
    assert outcome(trail) == ("refer", "links-missing")
    assert trail.inputs["links.answered"] is False
    world.answer()
    assert len(world.decisions) == 1


def test_what_speaks_against_an_applicant_without_the_answers_declines_at_the_deadline_all_the_same() -> None:
    world = World(prompt=False).say(applied("c1", 0, declared=events.Declared(monthly_income=1)), at(2))
    assert (outcome(world.decisions[0])[0], world.decisions[0].inputs["links.answered"]) == ("decline", False)


def test_answers_that_came_before_the_deadline_count_though_others_are_missing() -> None:
    world = World().say(*[applied(f"x{n}", n, device_id="shared") for n in range(3)])
    world.prompt = False
    world.say(applied("c1", 10, device_id="shared", identifiers=events.Identifiers(phone=PHONE)))
    questions, world.asked = world.asked, [each for each in world.asked if each.kind != "phone"]
    world.answer()
    assert questions[-1].kind == "phone"
    world.say(at(12))
    assert outcome(world.decisions[-1]) == ("refer", "links-missing")
    assert world.decisions[-1].inputs["links.device_customers"] == 4.0


def test_a_device_of_four_customers_refers_the_fourth() -> None:
    world = World().say(*[applied(f"c{n}", n, device_id="shared") for n in range(4)])
    assert [trail.inputs["links.device_customers"] for trail in world.decisions] == [1.0, 2.0, 3.0, 4.0]
    assert [outcome(trail)[0] for trail in world.decisions] == ["approve", "approve", "approve", "refer"]
    assert outcome(world.decisions[3]) == ("refer", "device-shared")


def test_one_phone_in_two_spellings_joins_two_customers_and_the_ring_is_told() -> None:
    world = World().say(phone("c1", 0), phone("c2", 5, "+86 138-0013-8000"))
    first, second = world.decisions
    assert (first.inputs["links.ring_size"], second.inputs["links.ring_size"]) == (1.0, 2.0)
    (alert,) = world.ring_alerts
    assert (alert.rule, alert.severity, alert.reasons[0].values["customers"]) == ("ring-grown", "low", 2.0)
    assert alert.reasons[0].values["members"] == "c1, c2"


def test_the_trail_holds_what_was_answered_about_each_identifier() -> None:
    world = World().say(phone("c1", 0), phone("c2", 60))
    links = {each.kind: each for each in world.decisions[1].links}
    assert set(links) == {"device", "phone"}
    assert (links["phone"].customers, links["phone"].new_1d, links["phone"].applications_7d) == (2, 2, 2)
    assert (links["phone"].first_seen, links["device"].customers) == (at(0), 1)


def test_a_ring_of_five_over_different_identifiers_refers_and_alerts_at_each_step() -> None:
    world = World()
    for n in range(5):  # each shares a device with the one before and a phone with the one after
        identifiers = events.Identifiers(phone=f"+861380013800{n // 2}")
        world.say(applied(f"c{n}", n, device_id=f"d{(n + 1) // 2}", identifiers=identifiers))
    assert [trail.inputs["links.ring_size"] for trail in world.decisions] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert outcome(world.decisions[4]) == ("refer", "linked-group")
    assert [alert.reasons[0].values["step"] for alert in world.ring_alerts] == [2.0, 3.0, 5.0]


def test_an_office_address_on_the_network_is_no_ring_and_its_applicants_are_approved() -> None:
    world = World().say(*[applied(f"c{n:02}", n, ip="203.0.113.7") for n in range(30)])
    assert {outcome(trail)[0] for trail in world.decisions} == {"approve"}
    assert world.decisions[-1].inputs["links.ip_customers"] == 30.0
    assert world.decisions[-1].inputs["links.ring_size"] == 1.0
    assert max(float(alert.reasons[0].values["step"]) for alert in world.ring_alerts) == 3.0  # before it was public


def test_a_policy_that_asks_nothing_of_links_decides_at_once() -> None:
    (cash,) = [each for each in packaged_book().policies if each.product == "cash-instalments"]
    characteristics = tuple(c for c in cash.scorecard.characteristics if not c.reads.startswith("links."))
    blind = replace(
        cash,
        antifraud=tuple(rule for rule in cash.antifraud if "links." not in rule.when),
        scorecard=replace(cash.scorecard, characteristics=characteristics),
    )
    world = World(prompt=False, book=LendingBook([blind])).say(phone("c1", 0))
    assert [outcome(trail)[0] for trail in world.decisions] == ["approve"]
    assert world.decisions[0].inputs["links.answered"] is None
    assert len(world.asked) == 2, "the profiles count the application all the same"


def test_with_links_turned_off_nothing_is_asked_and_nobody_waits() -> None:
    world = World(prompt=False, links=False).say(phone("c1", 0))
    assert (len(world.decisions), world.asked) == (1, [])


def test_the_question_about_an_application_is_one_for_each_identifier() -> None:
    everything = events.Identifiers(
        id_number="11010519491231002X", phone=PHONE, bank_card="6222020200112230", email="a@example.com", name="Li",
        address="1 High Street",
    )  # fmt: skip
    world = World(prompt=False).say(applied(identifiers=everything, ip="203.0.113.7", merchant_id="m1"))
    kinds = [each.kind for each in world.asked]
    assert sorted(kinds) == sorted(
        ["device", "phone", "id_number", "bank_card", "email", "address", "ip", "ip-net", "merchant"]
    )
    assert PHONE not in repr(world.asked)


def test_a_login_on_a_device_new_to_the_customer_is_asked_about_once() -> None:
    def login(n: int, device: str) -> events.LoginSucceeded:
        return events.LoginSucceeded(
            event_id=f"login-{n}", tenant="bank", customer_id="c1", occurred_at=at(n), device_id=device
        )

    world = World().say(login(1, "d1"), login(2, "d1"), login(3, "d2"), login(4, "d1"))
    assert [(each.kind, each.identifier) for each in world.asked if isinstance(each, Probe)] == [
        ("device", "d1"), ("device", "d2"),
    ]  # fmt: skip


def test_more_applications_than_may_wait_are_decided_without_their_answers() -> None:
    world = World(prompt=False).say(*[applied("c1", n, number=n) for n in range(MAX_PENDING + 2)])
    assert [outcome(trail)[1] for trail in world.decisions] == ["links-missing"] * 2
    world.answer()
    assert len(world.decisions) == MAX_PENDING + 2


def test_an_application_that_waits_is_in_the_stored_row_and_gone_once_decided() -> None:
    world = World(prompt=False).say(phone("c1", 0))
    waiting = next(row for key, row in world.partition.store.scan() if key == b"bank/c1")
    layout = world.program.layout.version
    (pending,) = decode_account(split_state(waiting, layout)[3]).pending
    assert (len(pending.waits), len(pending.features)) == (2, 8 * len(world.program.layout.names))
    assert split_state(waiting, layout)[1] == pending.deadline_ms
    world.answer()
    decided = next(row for key, row in world.partition.store.scan() if key == b"bank/c1")
    assert decode_account(split_state(decided, layout)[3]).pending == []


def crowded(seed: int) -> World:
    """Customers who share devices and phones; some answers come late, some never before the deadline."""
    random = Random(seed)
    world = World(prompt=False)
    now = 0.0
    for n in range(25):
        now += random.choice([0.1, 0.3, 1.0, 40.0])
        customer = f"c{random.randrange(8)}"
        identifiers = events.Identifiers(phone=f"+86138001380{random.randrange(3):02}")
        event = applied(customer, now, number=n, device_id=f"d{random.randrange(4)}", identifiers=identifiers)
        world.say(event if random.random() < 0.7 else at(now))
        if random.random() < 0.5:
            world.answer()
    world.say(at(now + 100))
    return world


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_the_same_journal_gives_the_same_decisions_questions_and_rows_however_it_is_cut(
    seed: int, share: float
) -> None:
    world = crowded(seed)
    random = Random(seed)
    cuts = sorted({at for at in range(1, len(world.log)) if random.random() < share})
    batches, rows = refold(program(), world.log, *cuts)
    assert told([trail for each in batches for trail in each.decisions]) == told(world.decisions)
    assert [probe for each in batches for probe in each.probes] == world.asked
    assert [each.alert_id for batch in batches for each in batch.alerts] == [each.alert_id for each in world.alerts]
    customers = {key: value for key, value in rows.items() if key[:1] != b"\x00"}
    assert customers == {key: value for key, value in world.partition.store.scan() if key[:1] != b"\x00"}


def test_answers_that_come_twice_change_nothing() -> None:
    world = World(prompt=False).say(phone("c1", 0), phone("c2", 5))
    world.answer()
    before = told(world.decisions)
    for record in [each for each in world.log if each[0] is not None]:
        world._fold(record)
    assert told(world.decisions) == before
