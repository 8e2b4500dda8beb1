"""What is wrong with a collections policy although each of its tables reads. A policy that passes is one by which
`decide` raises nothing, whatever the state and the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isfinite

from riskwatch.features.collectionledger import REVIEW
from riskwatch.policy.cardreader import wrong_kind
from riskwatch.policy.collectionpolicy import RECORD_FIELDS, Band, CollectionPolicy, Stage, Treatment, cells
from riskwatch.policy.collectionvocabulary import COLLECTION_VOCABULARY
from riskwatch.policy.contactrules import CONTACT_CHANNELS
from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.flaws import CURRENCY, NAME, NAME_HINT, TENANT, Flaw
from riskwatch.policy.nextaction import WAIT

MOST_DAYS = 365
MOST_COST = 10**12


def collection_flaws(policy: CollectionPolicy) -> list[Flaw]:
    """Every flaw, from the top of a file to its end."""
    return [
        *_head(policy),
        *_bands(("score_bands",), policy.score_bands),
        *_bands(("exposure_bands",), policy.exposure_bands),
        *_cards(policy),
        *_stages(policy),
        *_treatments(policy),
        *_files(policy),
        *_strategy(policy),
    ]


def _head(policy: CollectionPolicy) -> Iterator[Flaw]:
    if NAME.fullmatch(policy.name) is None:
        yield Flaw(("name",), f'`name` cannot be "{policy.name}"', NAME_HINT)
    if TENANT.fullmatch(policy.tenant) is None:
        yield Flaw(("tenant",), f'`tenant` cannot be "{policy.tenant}"', f'{NAME_HINT}, or "*" for every institution')
    if CURRENCY.fullmatch(policy.currency) is None:
        yield Flaw(("collections", "currency"), f'`currency` cannot be "{policy.currency}"', "three capitals")
    for key in ("self_cure", "lost_contact"):
        yield from _named(("collections", key), getattr(policy, key), policy.cards, "card")
    yield from _named(("collections", "ceiling"), policy.ceiling, policy.place_of, "stage")
    for path, days, least in (
        (("collections", "rest_days"), policy.rest_days, 0),
        (("collections", "remind_days"), policy.remind_days, 0),
        (("promises", "grace_days"), policy.promises.grace_days, 0),
        (("promises", "longest_days"), policy.promises.longest_days, 1),
        (("promises", "most"), policy.promises.most, 1),
    ):
        if not least <= days <= MOST_DAYS:
            yield Flaw(path, f"`{path[1]}` is {days}", f"from {least} to {MOST_DAYS}")
    if not 0 < policy.step_down_share <= 1:
        said = f"`step_down_share` is {policy.step_down_share}"
        yield Flaw(("collections", "step_down_share"), said, "a share above 0, at most 1")
    if not 0 <= policy.holdout.share <= 0.5:
        yield Flaw(("holdout", "share"), f"`share` is {policy.holdout.share}", "a share from 0 to 0.5")
    if policy.holdout.share > 0 and not 1 <= len(policy.holdout.key.encode()) <= 64:
        yield Flaw(("holdout",), "a holdout needs a `key` of 1 to 64 bytes", "any text; another key, other loans")
    if not 1 <= policy.review.expires_hours <= 24 * MOST_DAYS:
        said = f"`expires_hours` is {policy.review.expires_hours}"
        yield Flaw(("review", "expires_hours"), said, "hours from 1 on")


def _bands(path: tuple[str], bands: Mapping[str, Band]) -> Iterator[Flaw]:
    """Bands that leave a gap, overlap or are empty: every number is in one of them."""
    if not bands:
        yield Flaw((), f"there are no {path[0]}", f"write `[{path[0]}.all]` for one that holds everything")
    spans = []
    for name, band in bands.items():
        low, high = -inf if band.at_least is None else band.at_least, inf if band.below is None else band.below
        if low >= high or not all(bound is None or isfinite(bound) for bound in (band.at_least, band.below)):
            yield Flaw((*path, name), f"no number is at least {low:g} and below {high:g}", "at_least < below")
            return
        spans.append((low, high, name))
    reach = -inf
    for low, high, name in sorted(spans):
        if low < reach:
            yield Flaw((*path, name), f"two bands hold {low:g}", "let one end where the other begins")
            return
        if low > reach:
            yield Flaw((*path, name), f"no band holds numbers just below {low:g}", "let bands meet, the first be open")
            return
        reach = high
    if spans and reach < inf:
        yield Flaw(path, f"no band holds numbers from {reach:g} on", "leave `below` out of the last band")


def _cards(policy: CollectionPolicy) -> Iterator[Flaw]:
    for name, card in policy.cards.items():
        for each in card.characteristics:
            wrong = wrong_kind(each, COLLECTION_VOCABULARY.inputs.get(each.reads))
            if wrong is not None:
                yield Flaw(("cards", name, "characteristics", each.name, "bins"), *wrong)


def _stages(policy: CollectionPolicy) -> Iterator[Flaw]:
    orders: dict[int, str] = {}
    if not policy.stages:
        yield Flaw((), "there are no stages", "add `[stages.<name>]`")
    for stage in policy.stages:
        path = ("stages", stage.name)
        if stage.order in orders:
            yield Flaw((*path, "order"), f"`order` {stage.order} is that of `{orders[stage.order]}` too", "one each")
        orders[stage.order] = stage.name
        yield from _stage(policy, stage, path)


def _stage(policy: CollectionPolicy, stage: Stage, path: tuple[str, str]) -> Iterator[Flaw]:
    if NAME.fullmatch(stage.name) is None:
        yield Flaw(path, f'a stage\'s name cannot be "{stage.name}"', NAME_HINT)
    for name in stage.treatments:
        yield from _named((*path, "treatments"), name, policy.treatments, "treatment")
    if not 1 <= stage.min_days <= MOST_DAYS:
        yield Flaw((*path, "min_days"), f"`min_days` is {stage.min_days}", f"days from 1 to {MOST_DAYS}")
    if stage.escalate_after < 0:
        yield Flaw((*path, "escalate_after"), f"`escalate_after` is {stage.escalate_after}", "0 for never")


def _treatments(policy: CollectionPolicy) -> Iterator[Flaw]:
    for treatment in policy.treatments.values():
        path = ("treatments", treatment.name)
        if treatment.name in (WAIT, REVIEW) or NAME.fullmatch(treatment.name) is None:
            said = f'a treatment\'s name cannot be "{treatment.name}"'
            yield Flaw(path, said, f"{NAME_HINT}; {WAIT} and {REVIEW} have a meaning")
        yield from _chances(policy, treatment, path)
        for key, number, least, most in (
            ("cost", treatment.cost, 0, MOST_COST),
            ("recovers", treatment.recovers, 0, 1),
            ("min_days", treatment.min_days, 1, MOST_DAYS),
            ("expires_hours", treatment.expires_hours, 1, 24 * MOST_DAYS),
            ("least_hours", treatment.least_hours, 0, 12),
        ):
            if not least <= number <= most:
                yield Flaw((*path, key), f"`{key}` is {number}", f"from {least} to {most}")
        if treatment.channel == "none":
            yield Flaw((*path, "channel"), "a treatment has a channel", "`none` is that of waiting")
        elif treatment.channel in CONTACT_CHANNELS and treatment.channel not in policy.rules.channels:
            said = f"`{treatment.channel}` may not be used under the rules `{policy.rules.name}`"
            yield Flaw((*path, "channel"), said, f"channels are {', '.join(policy.rules.channels)}")
        if (treatment.channel == "batch") != bool(treatment.file):
            yield Flaw(path, "a `file` goes with the channel `batch`, and the channel with a file", "write both")
        if treatment.file:
            yield from _named((*path, "file"), treatment.file, policy.files, "file")


def _chances(policy: CollectionPolicy, treatment: Treatment, path: tuple[str, str]) -> Iterator[Flaw]:
    if bool(treatment.card) == (treatment.probability is not None):
        yield Flaw(path, "success has a `card` or a `probability`", "write one of the two")
    if treatment.card:
        yield from _named((*path, "card"), treatment.card, policy.cards, "card")
    if treatment.probability is not None and not 0 <= treatment.probability <= 1:
        yield Flaw((*path, "probability"), f"`probability` is {treatment.probability}", "from 0 to 1")


def _files(policy: CollectionPolicy) -> Iterator[Flaw]:
    known = (*RECORD_FIELDS, *COLLECTION_VOCABULARY.inputs)
    for name, file in policy.files.items():
        if "loan_id" not in file.fields:
            yield Flaw(("files", name, "fields"), "`fields` lacks `loan_id`", "a list must say which loans it takes")
        for field in file.fields:
            if field not in known:
                near = did_you_mean(field, known) or "docs/collections.md lists the fields"
                yield Flaw(("files", name, "fields"), f"there is no field `{field}`", near)


def _strategy(policy: CollectionPolicy) -> Iterator[Flaw]:
    whole = True
    for line in policy.lines:
        path = ("strategy", line.name)
        wrong = list(_named((*path, "stage"), line.stage, policy.place_of, "stage"))
        lists: tuple[tuple[str, tuple[str, ...], Mapping[str, object], str], ...] = (
            ("score_bands", line.score_bands, policy.score_bands, "score band"),
            ("exposure_bands", line.exposure_bands, policy.exposure_bands, "exposure band"),
            ("without", line.without, policy.treatments, "treatment"),
        )
        for key, names, known, what in lists:
            for name in names:
                wrong += _named((*path, key), name, known, what)
        whole = whole and not wrong
        yield from wrong
    missing = [cell for cell in cells(policy) if policy.line_for(*cell) is None] if whole else []
    if missing:
        first = ", ".join(missing[0])
        more = "" if len(missing) == 1 else f" and {len(missing) - 1} more"
        yield Flaw((), f"the strategy table says nothing of {first}{more}", "add a line under `[strategy]`")


def _named(path: tuple[str, ...], name: str, known: Mapping[str, object], what: str) -> Iterator[Flaw]:
    if name not in known:
        near = did_you_mean(name, known) or f"there are {', '.join(known) or 'none'}"
        yield Flaw(path, f"there is no {what} `{name}`", near)
