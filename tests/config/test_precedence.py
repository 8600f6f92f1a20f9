"""A flag goes over a variable, a variable over the file, the file over the default; each knows where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from runvitals.cli import main
from runvitals.config import Config, ConfigError, Overlay, from_environment, load, load_with_origins, setting_paths
from runvitals.config.overlay import variable_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A config that sets two things."""
    path = tmp_path / "c.yml"
    path.write_text("log:\n  level: error\nweb: {listen_address: ':1'}\n")
    return path


def test_precedence(file: Path) -> None:
    """Each place goes over those below it, and leaves alone what it does not name."""
    assert load(None, []).log.level == "info"
    assert load(file, []).log.level == "error"
    variables = from_environment({"RUNVITALS_LOG_LEVEL": "warning", "RUNVITALS_WEB_MAX_CONNECTIONS": "7"})
    config = load(file, variables)
    assert (config.log.level, config.web.max_connections, config.web.listen_address) == ("warning", 7, ":1")
    assert load(file, [*variables, Overlay("log.level", "debug", "--log.level")]).log.level == "debug"


def test_every_setting_has_a_variable_of_its_own() -> None:
    """No two settings share a name, and each, given its default, is the default."""
    names = [variable_of(path) for path in setting_paths()]
    assert len(set(names)) == len(names) > 40
    assert {"RUNVITALS_WEB_LISTEN_ADDRESS", "RUNVITALS_SOURCES", "RUNVITALS_SERIES_ANOMALY_LEVEL"} <= set(names)


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("RUNVITALS_STATE_DIRECTORY", "123", "state.directory", "123"),
        ("RUNVITALS_TICK_SECONDS", "0.5", "tick_seconds", 0.5),
        ("RUNVITALS_JOURNAL_ENABLED", "false", "journal.enabled", False),
        ("RUNVITALS_FAULTS", "{loss_spike: {enabled: false}}", "faults", {"loss_spike": {"enabled": False}}),
        ("RUNVITALS_SOURCES", "[{kind: ring}]", "sources", [{"kind": "ring"}]),
    ],
)
def test_what_a_variable_holds(name: str, text: str, path: str, value: object) -> None:
    """Text stays text, all else is YAML, and what results is a config."""
    overlays = from_environment({name: text, "RUNVITALS_RUNS_DIR": "/x", "PATH": "/y"})
    assert overlays == [Overlay(path, value, f"${name}")]
    assert load(None, overlays) != Config()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RUNVITALS_SERIES_WINDOW": "many"}, "$RUNVITALS_SERIES_WINDOW: Expected `int`, got `str`"),
        ({"RUNVITALS_SOURCES": "[{kind: statd}]"}, "$RUNVITALS_SOURCES: unknown kind 'statd'; did you mean 'statsd'?"),
        ({"RUNVITALS_SOURCES": "[{"}, "$RUNVITALS_SOURCES: not valid YAML; write a list as [a, b]"),
        ({"RUNVITALS_SOURCES": "[" * 5000}, "$RUNVITALS_SOURCES: not valid YAML"),
        ({"RUNVITALS_WEB_MAX_CONNECTIONS": "2020-99-99"}, "$RUNVITALS_WEB_MAX_CONNECTIONS: not valid YAML"),
        (
            {"RUNVITALS_ALERTMANAGER_BASIC_AUTH": "{username: a, password: [hunter2"},
            "$RUNVITALS_ALERTMANAGER_BASIC_AUTH: not valid YAML",
        ),
        ({"RUNVITALS_WEB_LISTEN_ADDRESS": "x"}, "c.yml:3, $RUNVITALS_WEB_LISTEN_ADDRESS: web: 'x' is no address"),
        ({"RUNVITALS_WEB_CONFIG_FILE": "/none"}, "$RUNVITALS_WEB_CONFIG_FILE: /none: cannot be read"),
        ({"RUNVITALS_FAULTS": "{loss_spikes: {}}"}, "$RUNVITALS_FAULTS: unknown fault; did you mean 'loss_spike'?"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variables: dict[str, str], said: str, file: Path) -> None:
    """The error says which variable it was; where several places play a part, all of them."""
    with pytest.raises(ConfigError) as refused:
        load(file, from_environment(variables))
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["{username: a, password: hunter2", "{username: a, password: [hunter2]}", "*hunter2"])
def test_a_broken_variable_is_not_repeated(text: str) -> None:
    """It may be a secret: the error, which goes into a log, names the variable and not what it holds."""
    with pytest.raises(ConfigError) as refused:
        load(None, from_environment({"RUNVITALS_ALERTMANAGER_BASIC_AUTH": text}))
    assert "$RUNVITALS_ALERTMANAGER_BASIC_AUTH" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_where_each_value_comes_from(file: Path) -> None:
    """The file's line, the variable or the flag; nothing for a default."""
    overlays = [Overlay("tick_seconds", 2.0, "$RUNVITALS_TICK_SECONDS"), Overlay("log.format", "json", "--log.format")]
    _, document = load_with_origins(file, overlays)
    assert document.origin("log.level") == f"{file}:2"
    assert document.origin("tick_seconds") == "$RUNVITALS_TICK_SECONDS"
    assert document.origin("log.format") == "--log.format"
    assert document.origin("series.window") is None


def test_check_config_explains(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every setting is printed once, with its origin, and no secret."""
    monkeypatch.setenv("RUNVITALS_SOURCES", "[{kind: prometheus, url: 'http://h/?token=secret', bearer_token: hidden}]")
    assert main(["check-config", "--explain", "--log.format", "json", str(file)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert f'log.level: "error"  # {file}:2' in lines
    assert 'log.format: "json"  # --log.format' in lines
    assert "series.window: 256  # default" in lines
    assert [line.split(":")[0] for line in lines[:-1]] == list(setting_paths())
    assert "$RUNVITALS_SOURCES" in printed
    assert "=secret" not in printed
    assert "hidden" not in printed


def test_the_config_may_be_named_by_a_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """$RUNVITALS_CONFIG_FILE stands for --config.file."""
    monkeypatch.setenv("RUNVITALS_CONFIG_FILE", str(file))
    assert main(["check-config"]) == 0
    assert capsys.readouterr().out == f"{file} is right\n"
