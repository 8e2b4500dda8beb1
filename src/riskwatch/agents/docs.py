"""The reference of settings, made from themselves: `python -m riskwatch.agents.docs` writes docs/settings.md."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from riskwatch.agents.settings import Settings
from riskwatch.streams.connecting import ENVIRONMENT

_PAGE = """\
# Settings

Generated from `riskwatch.agents.settings` by `make docs`.

A worker reads its settings once, when it starts. Each is an environment variable; those that `riskwatch worker --help`
names are options too, and an option goes before its variable.

| setting | variable | takes | default | meaning |
|---|---|---|---|---|
{settings}

`identifier_key` has a default for trying riskwatch out. Give your own before the first real event, and keep it: with
another key the same person has other hashes. How to change it: [identifiers.md](identifiers.md).

## A secured broker

Every command that reaches a broker reads these. Without them it speaks plaintext.

| variable | takes |
|---|---|
{security}
"""

_SECURITY: dict[str, str] = {
    "protocol": "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
    "mechanism": "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512` (the default)",
    "username": "user name for SASL",
    "password": "password for SASL",
    "ca_file": "file of the certificate authorities to trust; the system's if absent",
    "certificate_file": "file of the client's certificate",
    "key_file": "file of the client's private key",
}


def settings_page() -> str:
    """The text of docs/settings.md."""
    settings = "\n".join(_row(name, field) for name, field in Settings.model_fields.items())
    security = "\n".join(f"| `{variable}` | {_SECURITY[field]} |" for field, variable in ENVIRONMENT.items())
    return _PAGE.format(settings=settings, security=security)


def _row(name: str, field: FieldInfo) -> str:
    variable = f"{Settings.model_config.get('env_prefix', '')}{name}".upper()
    takes = _takes(field.annotation) + "".join(f", {limit}" for limit in _limits(field.metadata))
    return f"| `{name}` | `{variable}` | {takes} | {_default(field)} | {field.description} |"


def _takes(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_takes(each) for each in arguments if each is not type(None))
    if origin in (frozenset, set, list, tuple):
        return f"a JSON list of {_takes(arguments[0])}"
    if origin is dict:
        return "a JSON object"
    names = {
        str: "text",
        SecretStr: "secret text",
        Path: "path",
        int: "whole number",
        float: "number",
        bool: "true, false",
    }
    return names[annotation]


def _limits(metadata: Iterable[Any]) -> Iterator[str]:
    for limit in metadata:
        match limit:
            case Ge(ge=bound):
                yield f"at least {bound}"
            case Gt(gt=bound):
                yield f"above {bound}"
            case Le(le=bound):
                yield f"at most {bound}"
            case Lt(lt=bound):
                yield f"below {bound}"


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, SecretStr):
        return "for development only"
    if isinstance(default, frozenset):
        return f"all: `{', '.join(sorted(default))}`"
    return "" if default is None or default in ({}, ()) else f"`{default}`"


if __name__ == "__main__":
    Path("docs/settings.md").write_text(settings_page(), encoding="utf-8")
