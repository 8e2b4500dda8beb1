"""Events that were built in Python: constructors of structs check nothing, so they are checked before they are
published."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from msgspec import Struct

from riskwatch.streams.codec import Fault, Faults, Outcome, decode_event, encode_event
from riskwatch.streams.events import AnyEvent


class InvalidEvent(ValueError):
    """An event has faults. `faults`: all of them."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(str(faults))
        self.faults = faults


def checked(event: AnyEvent) -> AnyEvent:
    """The event as a worker will read it. Raises `InvalidEvent` with every fault, `TypeError` for what is no event."""
    try:
        encoded = encode_event(event)
    except UnicodeEncodeError as error:
        message = f"found a lone surrogate (U+{ord(error.object[error.start]):04X})"
        raise InvalidEvent(Faults((Fault(code="bad-text", path="", message=message),))) from error
    found = decode_event(encoded)
    if isinstance(found, Faults):
        raise InvalidEvent(Faults((*_unwritable(event), *found.faults)))
    assert not isinstance(found, Outcome), "JSON is never null"
    if found != event:  # other spelling of a text; or a NaN, which JSON writes as null
        faults = tuple(_unwritable(event))
        if faults:
            raise InvalidEvent(Faults(faults))
    return found


def _unwritable(struct: Struct, path: str = "") -> Iterator[Fault]:
    """Floats that JSON cannot write."""
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, Struct):
            yield from _unwritable(value, f"{path}{name}.")
        elif isinstance(value, float) and not isfinite(value):
            yield Fault(code="not-a-number", path=path + name, message=f"found {value}, expected a number or None")
