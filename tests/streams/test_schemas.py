"""JSON Schemas and the reference of events are current, and say what the decoder does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from riskwatch.streams.codec import encode_event
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.reference import events_reference
from riskwatch.streams.schemas import file_name, rendered, schemas
from riskwatch.streams.topics import TOPICS

DOCS = Path(__file__).parents[2] / "docs"
RENEW = "run `python -m riskwatch.streams.schemas`"


def test_the_committed_schemas_are_current() -> None:
    committed = {path.name: path.read_text() for path in (DOCS / "schemas").glob("*.json")}
    assert committed == {name: rendered(schema) for name, schema in schemas().items()}, RENEW


def test_the_committed_reference_is_current() -> None:
    assert (DOCS / "events.md").read_text() == events_reference(), RENEW


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])


def test_there_is_an_example_of_each_event() -> None:
    assert [type(each) for each in EXAMPLES] == list(get_args(AnyEvent))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("union", [True, False], ids=["any", "own"])
def test_the_examples_match_their_schemas(event: AnyEvent, union: bool) -> None:
    schema = schemas()["event.json" if union else file_name(type(event).__name__)]
    Draft202012Validator(schema).validate(json.loads(encode_event(event)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("tenant", "acme\n"), ("tenant", "ACME"), ("event_id", ""), ("amount", -1), ("amount", 1.5), ("currency", "yuan")],
)
def test_the_schema_refuses_what_the_decoder_refuses(field: str, value: object) -> None:
    purchase = json.loads(encode_event(EXAMPLES[5])) | {field: value}
    assert not Draft202012Validator(schemas()["purchase-made.json"]).is_valid(purchase)


def test_the_reference_names_every_topic() -> None:
    reference = events_reference()
    assert all(f"`riskwatch.{topic.name}.v1`" in reference for topic in TOPICS)
