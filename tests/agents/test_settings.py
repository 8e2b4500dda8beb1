"""Settings that a worker refuses to start with, and what they come to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from riskwatch.agents.settings import Settings
from riskwatch.cli import mendable
from riskwatch.streams.keys import Keys

NEW, OLD = "the-new-key-of-an-institution", "the-old-key-of-an-institution"


def settings(**given: object) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


def test_without_earlier_keys_identifiers_are_hashed_under_one() -> None:
    assert settings(identifier_key=NEW).identifier_keys == Keys(current=NEW.encode())


def test_earlier_keys_are_read_from_the_environment_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKWATCH_IDENTIFIER_KEY", NEW)
    monkeypatch.setenv("RISKWATCH_IDENTIFIER_PREVIOUS_KEYS", f'["{OLD}", "1234567890123456"]')
    assert settings().identifier_keys == Keys(current=NEW.encode(), previous=(OLD.encode(), b"1234567890123456"))


@pytest.mark.parametrize(
    ("previous", "words"),
    [
        (["short"], "at least 16 bytes"),
        ([NEW], "two keys for identifiers have one id"),
        (["1" * 16, "2" * 16, "3" * 16], "there may be 2 earlier keys, not 3"),
    ],
)
def test_earlier_keys_that_cannot_be_are_refused_at_the_start(previous: list[str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(identifier_key=NEW, identifier_previous_keys=previous)


def test_an_error_never_shows_a_key() -> None:
    with pytest.raises(ValidationError) as found:
        settings(identifier_key="a-short-one", identifier_previous_keys=["a-shorter-one"])
    assert "short" not in str(found.value).replace("too_short", "")


def test_keys_that_are_no_json_are_an_error_without_them_and_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RISKWATCH_IDENTIFIER_PREVIOUS_KEYS", OLD)
    with pytest.raises(SettingsError) as found:
        settings()
    assert OLD not in str(found.value)
    assert mendable(found.value)


def test_the_region_of_each_tenant_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKWATCH_REGIONS", '{"sunrise": "CN"}')
    assert settings().regions == {"sunrise": "CN"}


@pytest.mark.parametrize("region", ["China", "cn", "ZZ", ""])
def test_a_region_that_does_not_exist_is_refused_at_the_start_with_its_tenant(region: str) -> None:
    with pytest.raises(ValidationError, match=f"sunrise: region '{region}' is unknown"):
        settings(regions={"sunrise": region})
