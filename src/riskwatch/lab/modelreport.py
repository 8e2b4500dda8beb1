"""How the model did on the examples that were labelled: each was scored before anything was learned from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC

from msgspec import Struct

from riskwatch.scoring.settings import ARREARS
from riskwatch.streams.outputs import TrainingExample

CARDS_A_DAY = 100


class ModelVerdict(Struct, frozen=True, kw_only=True):
    """Progressive figures of a model, over the examples that it scored. None: no score, or only one class.

    `card_precision`: the mean over days of the share of frauds among the day's customers of highest score
    (`cards_a_day` of them); a customer whose fraud was found so is left out on later days, as in the Fraud Detection
    Handbook. Days with fewer customers than that do not count.
    """

    model: str
    examples: int
    positives: int
    scored: int
    versions: int
    auc: float | None
    average_precision: float | None
    card_precision: float | None
    cards_a_day: int = CARDS_A_DAY
    first_scored: str | None = None
    last_scored: str | None = None


def judge_model(examples: Sequence[TrainingExample], cards_a_day: int = CARDS_A_DAY) -> list[ModelVerdict]:
    """One verdict for each model, by name. Repeats of an example count once."""
    unique = {example.example_id: example for example in examples}
    of_model: dict[str, list[TrainingExample]] = defaultdict(list)
    for example in unique.values():
        of_model[example.model].append(example)
    return [_judge(name, of_model[name], cards_a_day) for name in sorted(of_model)]


def _judge(name: str, examples: Sequence[TrainingExample], cards_a_day: int) -> ModelVerdict:
    scored = [example for example in examples if example.score is not None]
    labels = [example.label for example in scored]
    both = len(set(labels)) == 2
    auc = average_precision = None
    if both:
        from sklearn.metrics import average_precision_score, roc_auc_score

        scores = [example.score for example in scored]
        auc, average_precision = float(roc_auc_score(labels, scores)), float(average_precision_score(labels, scores))
    days = sorted(example.occurred_at.astimezone(UTC).date() for example in scored)
    return ModelVerdict(
        model=name,
        examples=len(examples),
        positives=sum(example.label for example in examples),
        scored=len(scored),
        versions=len({example.model_version for example in scored}),
        auc=auc,
        average_precision=average_precision,
        card_precision=card_precision(scored, cards_a_day) if both and name != ARREARS else None,
        cards_a_day=cards_a_day,
        first_scored=days[0].isoformat() if days else None,
        last_scored=days[-1].isoformat() if days else None,
    )


def card_precision(examples: Sequence[TrainingExample], cards_a_day: int) -> float | None:
    """See `ModelVerdict.card_precision`. None where no day has enough customers."""
    of_day: dict[object, dict[str, tuple[float, bool]]] = defaultdict(dict)
    for example in examples:
        if example.score is None:
            continue
        day = of_day[example.occurred_at.astimezone(UTC).date()]
        score, fraud = day.get(example.customer_id, (0.0, False))
        day[example.customer_id] = max(score, example.score), fraud or example.label
    found: set[str] = set()
    shares = []
    for date in sorted(of_day, key=str):
        cards = [(score, fraud, card) for card, (score, fraud) in of_day[date].items() if card not in found]
        if len(cards) < cards_a_day:
            continue
        top = sorted(cards, key=lambda each: (-each[0], each[2]))[:cards_a_day]
        shares.append(sum(fraud for _, fraud, _ in top) / cards_a_day)
        found.update(card for _, fraud, card in top if fraud)
    return sum(shares) / len(shares) if shares else None
