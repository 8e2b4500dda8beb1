"""What the rooms of a fold have to say of their batch, put into its `Folded`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from riskwatch.agents.casework import Casework
from riskwatch.agents.deciding import Deciding
from riskwatch.agents.folded import Folded
from riskwatch.agents.inforce import InForce
from riskwatch.agents.labelling import Labelling
from riskwatch.agents.partition import MODEL_PREFIX, pack_reserved
from riskwatch.agents.store import Row
from riskwatch.scoring.linear import LinearModel, encode_model


def tell_decisions(out: Folded, deciding: Deciding) -> None:
    """Decisions on applications, what is asked for them, and the policies that are published behind the batch."""
    out.decisions, out.shadow_decisions = deciding.trails, deciding.shadow_trails
    out.undecided, out.failures = deciding.waiting, [*deciding.failures, *out.failures]
    out.counts.without_policy, out.counts.unanswered = deciding.without_policy, deciding.unanswered
    out.probes = [*deciding.probes, *out.probes]
    out.shelf = deciding.shelf


def tell_cases(out: Folded, casework: Casework) -> None:
    """Late matches, what goes to every partition and to the link profiles, and the library behind the batch."""
    out.alerts = [*out.alerts, *casework.alerts]
    out.broadcasts, out.taints, out.counts.left_out = casework.broadcasts, casework.taints, casework.left_out
    out.library = casework.library if casework.changed else None


def tell_models(out: Folded, models: InForce, labels: Labelling) -> None:
    """Models that came into force, predictions that are kept, and those that have got their label."""
    out.models = models.promoted
    out.examples, out.kept = labels.examples, labels.kept
    out.labelled, out.verdicts, out.fallen = labels.labelled, labels.verdicts, labels.fallen


def rows_of(models: Mapping[str, LinearModel], reserved: Iterable[tuple[bytes, bytes | None]], end: int) -> list[Row]:
    """Rows that the partition keeps for itself, with the watermark `end`; None deletes one."""
    rows: list[Row] = [(key, None if value is None else pack_reserved(end, value)) for key, value in reserved]
    rows += [(MODEL_PREFIX + name.encode(), pack_reserved(end, encode_model(model))) for name, model in models.items()]
    return rows
