"""Names that a policy file uses and that something else has to know: inputs, and reasons with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskwatch.policy.adverse import Texts
from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.lendingvocabulary import Inputs
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables


def check_codes(tables: Tables, used: Sequence[tuple[Path, str]], known: Mapping[str, Texts]) -> None:
    """Tells each code that has no texts. `used`: the key that says a code, and the code."""
    for path, code in used:
        if code not in known:
            near = did_you_mean(code, known)
            tables.fault(path, f"the reason `{code}` has no text", near or f"add `[texts.{code}]` with `en` and `zh`")


def check_inputs(tables: Tables, path: Path, names: Sequence[str], inputs: Inputs) -> None:
    """Tells each name that is no input. `path`: the key that says them."""
    for name in names:
        if name not in inputs.of:
            near = did_you_mean(name, inputs.of) or f"{inputs.page} lists the inputs"
            tables.fault(path, f"there is no input `{name}`", near)
