"""What is wrong with a policy although each of its tables reads, told with the key that says it."""

from __future__ import annotations

import re

from msgspec import Struct

from riskwatch.policy.tomlplaces import Path

NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}|\*")
CURRENCY = re.compile(r"[A-Z]{3}")
NAME_HINT = "lower-case letters, digits and hyphens"


class Flaw(Struct, frozen=True):
    """What is wrong, and the key that says it: the path of a table or key in the file."""

    path: Path
    message: str
    suggestion: str | None = None
