"""The worker's settings: read once, into one frozen record. Every field is documented in docs/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from riskwatch.streams.keys import Keys
from riskwatch.streams.spelling import check_region


class Settings(BaseSettings):
    """Each field can be given as an environment variable `RISKWATCH_<FIELD>` or as an option of `riskwatch worker`."""

    model_config = SettingsConfigDict(env_prefix="RISKWATCH_", frozen=True, extra="ignore", hide_input_in_errors=True)

    broker: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma-separated host:port")
    prefix: str = Field("riskwatch", description="first part of every topic's name")
    group: str = Field("riskwatch", description="consumer group; workers of one group share the partitions")
    member: str | None = Field(
        None, description="static member id: a worker that comes back under it takes up its partitions at once"
    )
    partitions: int = Field(4, ge=1, le=1024, description="partitions of every customer-keyed topic, fixed for life")
    replication: int = Field(1, ge=1, le=9, description="replicas of the topics that the worker creates")
    roles: frozenset[Literal["ingest", "monitor", "links", "learner", "serving"]] = Field(
        frozenset({"ingest", "monitor", "links", "learner", "serving"}), description="agents that this worker runs"
    )
    redis: str | None = Field(None, description="Redis URL for views of the alerts; none are kept where it is absent")
    store: Literal["rocksdb", "memory"] = Field(
        "rocksdb", description="local copy of the state; the changelog is the truth"
    )
    store_buffer_bytes: int = Field(
        16 * 1024 * 1024,
        ge=65_536,
        description="rows of a partition that RocksDB gathers before it writes them to disk; what a crash leaves to be "
        "restored from the changelog",
    )
    data_dir: Path = Field(Path("data"), description="folder of the local state, one for each worker")
    policy: Path | None = Field(None, description="policy file; the packaged base policy if absent")
    lending: str = Field(
        "packaged",
        description="lending policies that decide applications: `packaged`, `off`, or a folder of policy files",
    )
    lending_shadow: Path | None = Field(
        None, description="folder of lending policies that are assessed beside those that decide, and never act"
    )
    collections: str = Field(
        "packaged",
        description="collections policies by which loans are reminded and collected: `packaged`, `off`, or a folder of "
        "policy files",
    )
    servicing: Path | None = Field(
        None,
        description="file of servicing rules: how payments are allocated and days counted, for each institution and "
        "product; the packaged rules if absent",
    )
    links: bool = Field(
        True,
        description="ask who else uses the identifiers of an application or a new device; decisions that depend on it "
        "wait for the answer, at most until their policy's deadline. Without it and without `lending`, applications "
        "are not remembered for the fraud-case library either",
    )
    identifier_key: SecretStr = Field(
        SecretStr("riskwatch-development-key"),
        min_length=16,
        description="key of the hashes that stand for personal identifiers",
    )
    identifier_previous_keys: tuple[SecretStr, ...] = Field(
        (), description="earlier keys that identifiers are hashed under as well during a rotation, newest first"
    )
    regions: dict[str, str] = Field(
        default_factory=dict,
        description="region of each tenant, in which national phone and id numbers are read, as JSON: "
        "{tenant: ISO 3166-1 code of two capitals}",
    )
    clock: Literal["wall", "events"] = Field(
        "wall", description="where ticks come from: the wall clock, or the events' own time (replays, demo)"
    )
    tick_seconds: float = Field(1.0, gt=0, description="seconds between ticks of the wall clock")
    event_tick_seconds: float = Field(3600.0, gt=0, description="event time between ticks when `clock` is `events`")
    zones: dict[str, str] = Field(
        default_factory=dict, description="time zone of each tenant, as JSON: {tenant: IANA name}"
    )
    stale_after_hours: float = Field(
        6.0,
        ge=0,
        le=10_000,
        description="hours of event time by which an institution's repayments may be behind its other feeds; beyond "
        "that, if so long a silence is unusual, nothing is taken for overdue. 0 turns this off",
    )
    stale_after_hours_of: dict[str, Annotated[float, Field(ge=0, le=10_000)]] = Field(
        default_factory=dict, description="the same by tenant, as JSON, where it is not the same for all"
    )
    future_seconds: float = Field(
        600.0, ge=0, description="how far past the broker's clock an event may be dated before it is clamped"
    )
    batch_records: int = Field(4_000, ge=1, le=100_000, description="most records of one partition in a batch")
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none",
        description="compression of what the worker writes: none costs least near the broker, zstd is smallest",
    )
    fetch_wait_seconds: float = Field(
        0.025,
        gt=0,
        le=5,
        description="how long the broker holds a fetch that finds nothing; bounds latency at a trickle",
    )
    commit_seconds: float = Field(1.0, gt=0, description="seconds between commits of consumed offsets")
    session_seconds: float = Field(6.0, gt=0, description="a worker silent for so long has lost its partitions")
    heartbeat_seconds: float = Field(1.0, gt=0, description="seconds between heartbeats")
    rebalance_seconds: float = Field(6.0, gt=0, description="how long the group waits for members in a rebalance")
    shutdown_seconds: float = Field(8.0, gt=0, description="longest time from SIGTERM to exit")
    stall_seconds: float = Field(30.0, gt=0, description="lag without progress for so long: unready, then exit")
    metrics_host: str = Field("127.0.0.1", description="address of /metrics, /live and /ready")
    metrics_port: int = Field(9108, ge=0, le=65535, description="port of /metrics, /live and /ready; 0 turns them off")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")

    @field_validator("identifier_previous_keys")
    @classmethod
    def _keys_are_right(cls, previous: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        if "identifier_key" in info.data:  # else it has its own error
            _keys(info.data["identifier_key"], previous)
        return previous

    @field_validator("regions")
    @classmethod
    def _regions_exist(cls, regions: dict[str, str]) -> dict[str, str]:
        for tenant, region in regions.items():
            try:
                check_region(region)
            except ValueError as error:
                raise ValueError(f"{tenant}: {error}") from None
        return regions

    @property
    def identifier_keys(self) -> Keys:
        """What identifiers are hashed with."""
        return _keys(self.identifier_key, self.identifier_previous_keys)


def _keys(current: SecretStr, previous: tuple[SecretStr, ...]) -> Keys:
    return Keys(
        current=current.get_secret_value().encode(),
        previous=tuple(each.get_secret_value().encode() for each in previous),
    )
