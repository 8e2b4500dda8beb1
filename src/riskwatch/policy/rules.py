"""From a policy file to rules that judge: `load_policy`, then `compile_rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from msgspec.structs import replace

from riskwatch.features.table import FEATURES
from riskwatch.policy.columns import FIELD_OF, KIND_NAMES, KINDS
from riskwatch.policy.columnwise import Columnwise
from riskwatch.policy.expression import Condition, Measure, check_condition, check_measure
from riskwatch.policy.faults import Fault, PolicyError
from riskwatch.policy.judging import CompiledRule, Failure, Judgement, RuleSet
from riskwatch.policy.policyfile import Policy, Rule, read_policy
from riskwatch.policy.reasons import Template, read_template
from riskwatch.policy.rowwise import compile_row
from riskwatch.policy.vocabulary import Column, vocabulary

__all__ = [
    "Failure",
    "Fault",
    "Judgement",
    "Policy",
    "PolicyError",
    "Rule",
    "RuleSet",
    "base_policy",
    "compile_rules",
    "examine_policy",
    "load_policy",
    "parse_policy",
    "standard_features",
]


def standard_features() -> tuple[str, ...]:
    """Names of the feature table, in column order."""
    return tuple(feature.name for feature in FEATURES)


def examine_policy(
    text: str, source: str = "policy", feature_names: Sequence[str] | None = None
) -> tuple[Policy | None, list[Fault]]:
    """The policy as far as it reads, and every fault of form, condition and reason, in file order."""
    policy, faults = read_policy(text, source)
    if policy is not None:
        columns = vocabulary(standard_features() if feature_names is None else feature_names)
        for rule in policy.rules:
            faults += [fault for part in _check(policy, rule, columns) if isinstance(part, list) for fault in part]
    return policy, sorted(faults, key=lambda fault: fault.line or 0)


def parse_policy(text: str, source: str = "policy", feature_names: Sequence[str] | None = None) -> Policy:
    """The policy of a TOML text. Raises `PolicyError` with every fault."""
    policy, faults = examine_policy(text, source, feature_names)
    if policy is None or faults:
        raise PolicyError(faults, source)
    return policy


def load_policy(path: str | Path, feature_names: Sequence[str] | None = None) -> Policy:
    """Reads and checks a policy file against the feature table (or `feature_names`).

    Raises `PolicyError` with every fault of the file, also where it cannot be read at all.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Fault(message=f"the file cannot be read: {error}")], str(path)) from error
    return parse_policy(text, str(path), feature_names)


def base_policy() -> Policy:
    """The policy that comes with riskwatch."""
    return parse_policy(
        resources.files("riskwatch.policy").joinpath("base.toml").read_text(encoding="utf-8"), "base.toml"
    )


def compile_rules(policy: Policy, feature_names: Sequence[str]) -> RuleSet:
    """Makes the rules ready for a matrix whose columns are `feature_names`. Raises `PolicyError` with every fault."""
    columns = vocabulary(feature_names)
    feature_columns = {name: place for place, name in enumerate(feature_names) if name not in FIELD_OF}
    checked = [(rule, *_check(policy, rule, columns)) for rule in policy.rules]
    faults = [fault for _, *parts in checked for part in parts if isinstance(part, list) for fault in part]
    if faults:
        raise PolicyError(faults, policy.source)
    shared = Columnwise(feature_columns)
    sound = [
        (rule, condition, template, measure if isinstance(measure, Measure) else None)
        for rule, condition, template, measure in checked
        if isinstance(condition, Condition) and isinstance(template, tuple)
    ]
    for _, condition, _, _ in sound:
        shared.count(condition.tree)
    compiled = [
        CompiledRule(
            rule=rule,
            names=tuple(
                dict.fromkeys(
                    (
                        *condition.names,
                        *(piece.name for piece in template if piece.name is not None),
                        *(() if measure is None else measure.names),
                    )
                )
            ),
            template=template,
            columnwise=shared.compile(condition.tree),
            rowwise=compile_row(condition.tree, feature_columns),
            measure=None if measure is None else compile_row(measure.tree, feature_columns),
        )
        for rule, condition, template, measure in sound
    ]
    return RuleSet(policy, compiled, feature_columns, shared.slots)


def _check(
    policy: Policy, rule: Rule, columns: Mapping[str, Column]
) -> tuple[Condition | list[Fault], Template | list[Fault], Measure | list[Fault]]:
    condition = check_condition(rule.when, columns) if rule.when else []
    template = read_template(rule.reason, columns) if rule.reason else []
    if isinstance(condition, Condition):
        condition = _unreachable(rule, condition.names) or condition
    measure = check_measure(rule.episode.worse_by, columns) if rule.episode and rule.episode.worse_by else []
    if isinstance(measure, Measure):
        measure = _unreachable(rule, measure.names) or measure
    return (
        [_placed(policy, rule, "when", fault) for fault in condition] if isinstance(condition, list) else condition,
        [_placed(policy, rule, "reason", fault) for fault in template] if isinstance(template, list) else template,
        [_placed(policy, rule, "worse_by", fault) for fault in measure] if isinstance(measure, list) else measure,
    )


def _unreachable(rule: Rule, names: tuple[str, ...]) -> list[Fault]:
    """Fields that none of the rule's kinds ever carries."""
    kinds = {KINDS[name] for name in rule.on}
    faults = []
    for name in names:
        field = FIELD_OF.get(name)
        if field is not None and field.kinds is not None and not field.kinds & kinds:
            has = ", ".join(KIND_NAMES[kind] for kind in sorted(field.kinds))
            faults.append(
                Fault(message=f"`{name}` is never known at {', '.join(rule.on)}", line=1, suggestion=f"{has} have it")
            )
    return faults


def _placed(policy: Policy, rule: Rule, key: str, fault: Fault) -> Fault:
    places = policy.whereabouts
    line = None if places is None else places.text(rule.name, key, fault.line or 1)
    return replace(fault, line=line, rule=rule.name)
