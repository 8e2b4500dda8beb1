"""Predictions wait for their label: kept with the vector that they used, labelled once what proved true had time to
arrive.

A purchase is fraud if a fraud case named it, and silence means that it was good, but only once there was time to speak:
the model's horizon for the case, `GRACE` for the way of the case to the journal. Every prediction is labelled at that
same age. If frauds were learned from as soon as they are confirmed, the learner would see each day's frauds before its
good purchases. A loan falls behind if it is 30 days past due within the horizon.

The monitor keeps predictions in blobs, one for each batch and hour of maturity, under keys that sort by that hour.
The hour comes from the event alone, so that a batch repeated after a crash, cut differently, puts its rows under the
same hour, where `matured` drops them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from riskwatch.scoring.faults import ModelFault
from riskwatch.scoring.settings import ARREARS, HORIZON_DAYS, TRANSACTION_FRAUD
from riskwatch.streams.outputs import TrainingExample
from riskwatch.streams.packing import from_ms, split_key

HOUR_MS = 3_600_000
GRACE_MS = 12 * HOUR_MS

PENDING = b"\x00pending/"
BLOB_VERSION = 2
NONE_FALLEN: Mapping[int, Sequence[int]] = {}


def prediction_dtype(inputs: int) -> np.dtype[np.void]:
    """One prediction. `customer`: its place among the blob's customer keys; `event`: hash of the event; `subject`: hash
    of what it is about (of a loan, `ENTRY.subject`); `score`: NaN where no model scored yet; `vector`: the raw inputs,
    NaN for unknown."""
    return np.dtype(
        [
            ("event", "<u8"),
            ("subject", "<u8"),
            ("occurred_at", "<i8"),
            ("customer", "<u4"),
            ("score", "<f4"),
            ("vector", "<f4", (inputs,)),
        ]
    )


class Predictions(Struct, frozen=True, kw_only=True):
    """The predictions of one blob. `rows`: `prediction_dtype(len(features))`[n]; `customers`: customer keys."""

    model: str
    model_version: int
    features: tuple[str, ...]
    customers: tuple[bytes, ...]
    rows: NDArray[np.void]


class _Blob(Struct, frozen=True, kw_only=True, array_like=True):
    version: int
    model: str
    model_version: int
    features: tuple[str, ...]
    customers: tuple[bytes, ...]
    rows: bytes


_blobs = msgspec.msgpack.Decoder(_Blob)


def horizon_ms(model: str) -> int:
    """How long after an event what a model predicts may come true."""
    return HORIZON_DAYS.get(model, HORIZON_DAYS[TRANSACTION_FRAUD]) * 24 * HOUR_MS


def maturity_ms(occurred_at: int, model: str = TRANSACTION_FRAUD) -> int:
    """When the prediction of a model about an event of `occurred_at` (ms) gets its label."""
    return occurred_at + horizon_ms(model) + GRACE_MS


def bucket_hours(occurred_at: NDArray[np.int64], model: str = TRANSACTION_FRAUD) -> NDArray[np.int64]:
    """The hour since 1970 by whose beginning predictions about events of these times (ms) are all mature."""
    hours: NDArray[np.int64] = -((-(occurred_at + horizon_ms(model) + GRACE_MS)) // HOUR_MS)
    return hours


def pending_key(bucket_hour: int, offset: int) -> bytes:
    """Where a blob is kept. `offset`: journal offset of the batch's first entry. Keys sort by hour, then offset."""
    return PENDING + bucket_hour.to_bytes(8, "big") + offset.to_bytes(8, "big")


def is_due(key: bytes, now_ms: int) -> bool:
    """Whether every prediction under a pending key has its label by now. The monitor then reads, emits and deletes
    it."""
    return key.startswith(PENDING) and int.from_bytes(key[len(PENDING) : len(PENDING) + 8], "big") * HOUR_MS <= now_ms


def pending_until(now_ms: int) -> bytes:
    """The key that lies just above all pending keys that are due at `now_ms`, for a scan of a sorted store."""
    return pending_key(now_ms // HOUR_MS + 1, 0)


def keep_predictions(
    *,
    model: str,
    model_version: int,
    features: Sequence[str],
    keys: Sequence[bytes],
    events: NDArray[np.uint64],
    subjects: NDArray[np.uint64],
    occurred_at: NDArray[np.int64],
    scores: NDArray[np.floating] | None,
    vectors: NDArray[np.float32],
    offset: int,
) -> dict[bytes, bytes]:
    """The blobs, by pending key, of a batch's n predictions: one for each hour of maturity.

    `keys`: customer key of each; `scores`: None where no model scored yet; `vectors`: [n, features];
    `offset`: journal offset of the batch's first entry.
    """
    place: dict[bytes, int] = {}
    rows = np.empty(len(keys), prediction_dtype(len(features)))
    rows["customer"] = [place.setdefault(key, len(place)) for key in keys]
    rows["event"], rows["subject"], rows["occurred_at"], rows["vector"] = events, subjects, occurred_at, vectors
    rows["score"] = np.nan if scores is None else scores
    customers = list(place)
    hours = bucket_hours(rows["occurred_at"], model)
    kept = {}
    for hour in np.unique(hours).tolist():
        part = rows[hours == hour]
        used, part["customer"] = np.unique(part["customer"], return_inverse=True)
        kept[pending_key(hour, offset)] = pack_predictions(
            Predictions(
                model=model,
                model_version=model_version,
                features=tuple(features),
                customers=tuple(customers[i] for i in used),
                rows=part,
            )
        )
    return kept


def pack_predictions(predictions: Predictions) -> bytes:
    """msgpack; the rows as they lie in memory (little-endian)."""
    return msgspec.msgpack.encode(
        _Blob(
            version=BLOB_VERSION,
            model=predictions.model,
            model_version=predictions.model_version,
            features=predictions.features,
            customers=predictions.customers,
            rows=predictions.rows.tobytes(),
        )
    )


def unpack_predictions(data: bytes) -> Predictions:
    """Read what `pack_predictions` wrote. Raises `ModelFault` where that is not what it is."""
    try:
        blob = _blobs.decode(data)
    except msgspec.DecodeError as error:
        raise ModelFault(f"not a blob of predictions: {error}") from None
    dtype = prediction_dtype(len(blob.features))
    if blob.version != BLOB_VERSION or len(blob.rows) % dtype.itemsize:
        raise ModelFault(f"not a blob of predictions of version {BLOB_VERSION}: version {blob.version}, or cut")
    rows = np.frombuffer(blob.rows, dtype)
    if len(rows) and rows["customer"].max() >= len(blob.customers):
        raise ModelFault("a blob of predictions names customers that it does not hold")
    return Predictions(
        model=blob.model,
        model_version=blob.model_version,
        features=blob.features,
        customers=blob.customers,
        rows=rows,
    )


def matured(
    blobs: Iterable[bytes], confirmed: Container[int], now_ms: int, negative_share: float = 1.0,
    fallen: Mapping[int, Sequence[int]] = NONE_FALLEN,
) -> list[TrainingExample]:  # fmt: skip
    """The training examples of all predictions in `blobs` that are mature by `now_ms`, by event time, then event hash.

    `confirmed`: hashes of events that fraud cases name; such an event is a positive, every other one a negative.
    `fallen`: subject of a loan → when (ms) it came to be 30 days past due; a positive of the arrears model is about a
    loan that did within the horizon. An event that is in several blobs gives one example, that of the first.
    `negative_share` of the negatives are kept, chosen by event hash, each with the weight 1 / share. A blob may be
    deleted once its key `is_due`.
    """
    found: dict[tuple[int, str], tuple[int, TrainingExample]] = {}
    for blob in blobs:
        predictions = unpack_predictions(blob)
        for occurred_at, event, example in _examples(predictions, confirmed, fallen, now_ms, negative_share):
            found.setdefault((event, predictions.model), (occurred_at, example))
    return [example for _, (_, example) in sorted(found.items(), key=lambda each: (each[1][0], each[0]))]


def _examples(
    predictions: Predictions,
    confirmed: Container[int],
    fallen: Mapping[int, Sequence[int]],
    now_ms: int,
    negative_share: float,
) -> Iterator[tuple[int, int, TrainingExample]]:
    customers = [split_key(key) for key in predictions.customers]
    names = list(predictions.features)
    rows = predictions.rows
    horizon = horizon_ms(predictions.model)
    rows = rows[rows["occurred_at"] + (horizon + GRACE_MS) <= now_ms]
    kept = keep_negatives(rows["event"], negative_share)
    arrears = predictions.model == ARREARS
    fields = ("event", "subject", "occurred_at", "customer", "score", "vector")
    columns = (*(rows[name].tolist() for name in fields), kept.tolist())
    for event, subject, occurred_at, customer, score, vector, keep in zip(*columns, strict=True):
        if arrears:
            label = any(occurred_at < at_ms <= occurred_at + horizon for at_ms in fallen.get(subject, ()))
        else:
            label = event in confirmed
        if not (label or keep):
            continue
        tenant, customer_id = customers[customer]
        yield (
            occurred_at,
            event,
            TrainingExample(
                example_id=example_identity(predictions.model, predictions.customers[customer], event),
                model=predictions.model,
                model_version=predictions.model_version,
                tenant=tenant,
                customer_id=customer_id,
                event_id=f"{event:016x}",
                subject_id=f"{subject:016x}",
                occurred_at=from_ms(occurred_at),
                labelled_at=from_ms(maturity_ms(occurred_at, predictions.model)),
                score=None if score != score else score,
                label=label,
                names=names,
                vector=[None if value != value else value for value in vector],
                weight=1.0 if label else 1.0 / negative_share,
            ),
        )


def example_identity(model: str, customer: bytes, event: int) -> str:
    """The id of the example that `model` gets from an event of a customer (key): 32 hexadecimal characters, whatever
    the batch, the partition or the model's version."""
    name = model.encode()
    parts = len(name).to_bytes(4, "little") + name + len(customer).to_bytes(4, "little") + customer
    return blake2b(parts + event.to_bytes(8, "little"), digest_size=16, person=b"example").hexdigest()


def keep_negatives(events: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Which of these events are kept when `share` of the negatives is; bool[n]. The same event always gives the same
    answer.

    Raises `ValueError` for a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of negatives kept must be above 0 and at most 1, not {share}")
    if share == 1:
        return np.ones(len(events), np.bool_)
    # SplitMix64's last steps: the choice does not go along with anything else that is made from the event's hash.
    mixed = (events ^ (events >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: NDArray[np.bool_] = (mixed >> np.uint64(11)) * 2.0**-53 < share
    return drawn
