"""What can be wrong with a model, a snapshot or a blob of predictions that comes from outside, and the seal that
finds it.

A seal is one JSON object `{"format", "checksum", "body"}`: the checksum is over the bytes of the body, so that a
digit that flipped on a disk is refused as well as a file that was cut. Nothing here is ever unpickled: reading a
model runs no code.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec


class ModelFault(ValueError):
    """A model, snapshot or blob of predictions that cannot be used; the message says what is wrong with it."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    checksum: str
    body: msgspec.Raw


_sealed = msgspec.json.Decoder(_Sealed)


def _checksum(body: bytes | memoryview) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def seal(kind: str, body: bytes) -> bytes:
    """Wrap `body` (JSON) so that `unseal` can tell whether it is whole. `kind` names the format and its version."""
    return msgspec.json.encode(_Sealed(format=kind, checksum=_checksum(body), body=msgspec.Raw(body)))


def unseal(kind: str, data: bytes) -> bytes:
    """The body that `seal` wrapped. Raises `ModelFault` when `data` is no seal, of another kind, or was changed."""
    try:
        sealed = _sealed.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelFault(f"not a {kind}: {error}") from None
    if sealed.format != kind:
        raise ModelFault(f"not a {kind}: the format is {sealed.format!r}")
    body = bytes(sealed.body)
    if _checksum(body) != sealed.checksum:
        raise ModelFault(f"a corrupt {kind}: the checksum is {_checksum(body)}, {sealed.checksum} was written")
    return body
