"""The ground: command line, containers, set-up and documents hold together."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from riskwatch import cli
from riskwatch.agents.settings import Settings
from riskwatch.lab.kafka import KAFKA_VERSION, KafkaMissing
from riskwatch.streams.topics import TOPICS, full_name

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def riskwatch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "riskwatch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment or None, timeout=60)


# Command line


@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda command: command.name)
def test_every_command_of_the_table_is_there(command):
    assert callable(cli.load(command))


def test_help_names_every_command(capsys):
    assert cli.run(["--help"]) == 0
    told = capsys.readouterr().out
    assert [command.name for command in cli.COMMANDS if command.name not in told] == []


def test_help_imports_neither_broker_nor_numbers():
    code = (
        "import sys; from riskwatch.cli import run; run(['--help']);"
        "print(*{'aiokafka', 'faust', 'numpy', 'numba', 'river', 'pandas'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_the_version_is_that_of_the_project(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"riskwatch {PROJECT['version']}\n"


def test_an_unknown_command_is_a_usage_error(capsys):
    assert cli.run(["lagg"]) == 2
    assert "lagg" in capsys.readouterr().err


def test_a_broker_that_is_away_is_one_sentence_and_exit_code_1():
    done = riskwatch("lag", "--broker", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr == "error: the broker at 127.0.0.1:1 does not answer: Connection refused\n"


@pytest.mark.parametrize("error", [FileNotFoundError("x"), KafkaMissing("x"), ConnectionResetError("x")])
def test_what_a_person_can_mend_is_told_without_a_traceback(error):
    assert cli.mendable(error)


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), AssertionError("x"), ZeroDivisionError()])
def test_what_only_a_developer_can_mend_keeps_its_traceback(error):
    assert not cli.mendable(error)


def test_a_command_that_raises_something_mendable_ends_with_its_words(monkeypatch, capsys):
    monkeypatch.setattr(cli, "build", lambda wanted: failing(KafkaMissing("no `java` on the PATH [here]")))
    assert cli.run(["demo"]) == 1
    assert capsys.readouterr().err == "error: no `java` on the PATH [here]\n"


def test_with_the_debug_variable_even_that_is_a_traceback(monkeypatch):
    monkeypatch.setattr(cli, "build", lambda wanted: failing(KafkaMissing("x")))
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    with pytest.raises(KafkaMissing):
        cli.run(["demo"])


def test_ctrl_c_ends_with_130(monkeypatch):
    monkeypatch.setattr(cli, "build", lambda wanted: failing(KeyboardInterrupt()))
    assert cli.run(["demo"]) == 130


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    def demo() -> None:
        raise error

    app.callback()(lambda: None)
    return app


# Containers


def test_compose_runs_kafka_redis_and_a_worker():
    assert set(SERVICES) == {"kafka", "redis", "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_bound_to_loopback_only(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_the_worker_waits_until_what_it_needs_is_healthy():
    assert SERVICES["worker"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }


def test_every_variable_of_the_worker_is_a_setting():
    given = {name.removeprefix("RISKWATCH_").lower() for name in SERVICES["worker"]["environment"]}
    assert given <= set(Settings.model_fields)


def test_the_workers_settings_in_compose_are_valid(monkeypatch):
    for name, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value))
    assert Settings().broker == "kafka:19092"


def test_the_worker_reaches_kafka_at_an_address_that_kafka_advertises():
    advertised = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INTERNAL://{SERVICES['worker']['environment']['RISKWATCH_BROKER']}" in advertised.split(",")


def test_the_host_reaches_kafka_at_the_port_that_is_bound():
    assert SERVICES["kafka"]["ports"] == ["127.0.0.1:9092:9092"]
    assert "HOST://127.0.0.1:9092" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")


def test_the_container_is_the_kafka_that_the_tests_run_against():
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_docker_waits_longer_than_a_worker_takes_to_stop():
    assert float(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > Settings().shutdown_seconds


def test_every_named_volume_is_declared():
    used = {each.split(":")[0] for service in SERVICES.values() for each in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_image_runs_the_worker_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER riskwatch" in lines
    assert 'ENTRYPOINT ["riskwatch"]' in lines
    assert 'CMD ["worker"]' in lines


def test_all_that_the_image_copies_is_sent_to_the_build():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert {name for names in copied for name in names.split()} == sent


# Set-up


@pytest.mark.parametrize("script", [".ci/run", ".ci/documents"])
def test_a_script_of_ci_is_executable_and_parses(script):
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_make_alone_tells_what_can_be_made():
    told = subprocess.run(["make", "-s", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in told.splitlines()} >= {"demo", "test", "check", "bench", "clean"}


# Documents


DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_names_every_topic_with_its_role():
    rows = re.findall(r"^\| `(riskwatch\.\S+)` \| (\w+) \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert rows == [(full_name(topic), topic.role) for topic in TOPICS]


def test_the_rule_in_the_readme_is_one_that_riskwatch_brings():
    shown = re.search(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert shown is not None
    (name, rule), *_ = tomllib.loads(shown.group(1))["rules"].items()
    base = tomllib.loads((ROOT / "src/riskwatch/policy/base.toml").read_text())["rules"][name]
    assert rule == {key: base[key] for key in rule}


def test_the_changelog_has_a_place_for_what_comes_next():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text().splitlines()


def test_the_licence_is_the_one_that_the_project_names():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
