"""What was published, for a reader: what is in force, what waits, what was; and what a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from riskwatch.policy.publication import Mode, Place, Publication, ends_of, in_order

State = Literal["in force", "waits", "was in force", "never in force", "shadow", "shadow waits", "shadow ended"]


class Standing(Struct, frozen=True, kw_only=True):
    """A publication and how it stands at one instant. `until`: when another takes its place; None: no other does."""

    publication: Publication
    state: State
    until: datetime | None


class NothingBefore(LookupError):
    """There is no publication to go back to."""


def standings(publications: Iterable[Publication], now: datetime) -> list[Standing]:
    """Each publication, place by place in the order of publication. Withdrawals are told by what they end."""
    groups: dict[tuple[Place, str], list[Publication]] = {}
    for each in in_order(publications):
        groups.setdefault((each.place, "" if each.mode == "live" else each.version), []).append(each)
    found = []
    for _, own in sorted(groups.items(), key=lambda item: item[0]):
        for each, until in zip(own, ends_of(own), strict=True):
            if each.mode != "withdrawn":
                found.append(Standing(publication=each, state=_state(each, until, now), until=until))
    return found


def in_force(publications: Iterable[Publication], place: Place, now: datetime) -> Publication | None:
    """What was published and decides at a place at an instant, None where the workers' own policies do."""
    live = [each for each in _of(publications, place, ("live",)) if each.in_force_from <= now]
    return live[-1] if live else None


def shadows(publications: Iterable[Publication], place: Place, now: datetime) -> list[Publication]:
    """What is in shadow at a place, or waits to be."""
    return [
        each.publication
        for each in standings(_of(publications, place, ("shadow", "withdrawn")), now)
        if each.state in ("shadow", "shadow waits")
    ]


def one_before(publications: Iterable[Publication], place: Place, now: datetime) -> tuple[Publication, Publication]:
    """What is in force at a place, and the publication before it: the newest of another version that no rollback has
    taken back. Raises `NothingBefore`."""
    stack: list[Publication] = []
    for each in _of(publications, place, ("live",)):
        if each.in_force_from > now:
            continue
        while each.rolls_back is not None and stack and stack[-1].version != each.version:
            stack.pop()
        if stack and stack[-1].version == each.version:
            stack.pop()
        stack.append(each)
    where = f"{place[1]} in {place[2]} of {'every institution' if place[0] == '*' else place[0]}"
    if not stack:
        raise NothingBefore(f"nothing was published for {where} that is in force: the workers' own policies decide")
    if len(stack) == 1:
        raise NothingBefore(
            f"{stack[-1].policy.name}, version {stack[-1].version}, is all that was published for {where}: before it "
            "the workers' own policies decided. Publish the one that you want from its file"
        )
    return stack[-1], stack[-2]


def _of(publications: Iterable[Publication], place: Place, modes: Sequence[Mode]) -> list[Publication]:
    return in_order(each for each in publications if each.place == place and each.mode in modes)


def _state(publication: Publication, until: datetime | None, now: datetime) -> State:
    shadow = publication.mode == "shadow"
    if until is not None and until <= publication.in_force_from:
        return "shadow ended" if shadow else "never in force"
    if publication.in_force_from > now:
        return "shadow waits" if shadow else "waits"
    if until is not None and until <= now:
        return "shadow ended" if shadow else "was in force"
    return "shadow" if shadow else "in force"
