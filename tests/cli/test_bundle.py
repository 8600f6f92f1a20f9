"""`runvitals bundle`: the values arrive in the files, and values that cannot be are refused with place and remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runvitals.bundle import bundle_files, example_values, load_values
from runvitals.bundle.shipped import shipped_files
from runvitals.bundle.thresholds import MARKED
from runvitals.catalogue import faults
from runvitals.cli import main
from runvitals.config import load
from tests.programs import find_program

ALERTMANAGER = "alertmanager/alertmanager.yml"
CLUSTER = "prometheus/rules/cluster.yml"
VALUES = """\
cluster: west
grafana_url: https://dashboards.example.org/
runbook_url: https://wiki.example.org/vitals
prometheus:
  {targets: ['gpu-1:9877', '[::1]:9877'], alertmanagers: ['am-1:9093', 'am-2:9093'], interval_seconds: 5,
   large_cluster: true}
alertmanager:
  email:
    {to: [a@example.org, b@example.org], sender: 'V <v@example.org>', smarthost: 'm.example.org:25', require_tls: false}
  sms: {phone_number: '+491701234567', region: eu-central-1}
  receivers:
    - name: hook
      webhook_configs: [{url: 'https://hook.example.org/x'}]
  critical: [hook, sms]
  warning: [hook]
  quiet_hours: {time_zone: Europe/Berlin, start: '21:30', end: '06:00'}
faults:
  loss_spike: {severity: critical}
"""


@pytest.fixture
def _programs_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts promtool and amtool on the PATH."""
    folders = {str(Path(find_program(name)).parent) for name in ("promtool", "amtool")}
    monkeypatch.setenv("PATH", ":".join(folders))


def _files(tmp_path: Path, values: str) -> dict[str, str]:
    file = tmp_path / "values.yaml"
    file.write_text(values)
    return bundle_files(load_values(file))


def _alertmanager(tmp_path: Path, values: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(_files(tmp_path, values)[ALERTMANAGER])
    return config


def _receivers(config: dict[str, Any], severity: str) -> list[str]:
    routes = [route for route in config["route"]["routes"] if f'severity="{severity}"' in route["matchers"]]
    receivers = list(dict.fromkeys(route["receiver"] for route in routes))
    assert all(route.get("continue", False) == (route["receiver"] != receivers[-1]) for route in routes)
    return receivers


@pytest.mark.usefixtures("_programs_at_hand")
def test_the_command_writes_what_the_programs_find_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every value given, promtool and amtool accept the files; a second time nothing changes."""
    (tmp_path / "values.yaml").write_text(VALUES)
    command = ["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml")]
    assert main(command) == 0
    assert "found right by promtool and amtool" in capsys.readouterr().out
    assert main(command) == 0
    assert " 0 of them new or changed" in capsys.readouterr().out
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    shipped = {path for path in shipped_files() if not path.startswith("prometheus/tests/")}
    assert written == shipped | {"sidecar/runvitals.yml", ".runvitals-bundle.json"}


def test_without_values_it_is_what_is_shipped(tmp_path: Path) -> None:
    """An empty file of values changes no meaning, and no text but the note at the top and the spelling of addresses."""
    files = _files(tmp_path, "")
    for path, text in shipped_files().items():
        if path.endswith((".yml", ".yaml")) and not path.startswith("prometheus/tests/"):
            assert yaml.safe_load(files[path]) == yaml.safe_load(text), path
        elif path in files:
            assert files[path] == text


def test_the_example_is_right(tmp_path: Path) -> None:
    """The printed example loads as it is, and so does each thing in it that is commented out."""
    _files(tmp_path, example_values())
    uncommented = re.sub(r"(?m)^( *)# ( *(- )?[a-z_]+:( .*)?)$", r"\1\2", example_values())
    assert uncommented.count("#") < example_values().count("#") - 10
    (tmp_path / "my.tmpl").write_text("")
    (tmp_path / "values.yaml").write_text(uncommented)
    assert load_values(tmp_path / "values.yaml", check_files=False).cluster == "my-cluster"


def test_addresses_and_links_arrive(tmp_path: Path) -> None:
    """Targets, Alertmanagers, the cluster's name and both links stand where they belong, and no shipped one is left."""
    files = _files(tmp_path, VALUES)
    prometheus = yaml.safe_load(files["prometheus/prometheus.yml"])
    assert prometheus["global"] == {
        "scrape_interval": "5s",
        "scrape_timeout": "5s",
        "evaluation_interval": "5s",
        "external_labels": {"cluster": "west"},
    }
    assert prometheus["scrape_configs"][0]["static_configs"][0]["targets"] == ["gpu-1:9877", "[::1]:9877"]
    assert prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["am-1:9093", "am-2:9093"]
    [alertmanagers] = [job for job in prometheus["scrape_configs"] if job["job_name"] == "alertmanager"]
    assert alertmanagers["static_configs"][0]["targets"] == ["am-1:9093", "am-2:9093"]
    everything = "".join(files.values())
    assert "https://wiki.example.org/vitals#RunvitalsNonfiniteLoss" in everything
    assert "grafana.example.com" not in everything
    assert "blob/main/prometheus/runbooks.md" not in everything


def test_a_large_cluster_keeps_what_is_shipped_for_it(tmp_path: Path) -> None:
    """Only where the values say so, the scrapes of the sidecars, and no others, have the lines of large_cluster.yml."""
    lines = yaml.safe_load(shipped_files()["prometheus/large_cluster.yml"])["metric_relabel_configs"]
    for values, kept in ((VALUES, [lines, None, None]), ("", [None, None, None])):
        jobs = yaml.safe_load(_files(tmp_path, values)["prometheus/prometheus.yml"])["scrape_configs"]
        assert [job.get("metric_relabel_configs") for job in jobs] == kept


def test_receivers_routes_and_quiet_hours_arrive(tmp_path: Path) -> None:
    """Who is told of what is as the values say; times of the shipped routes stay."""
    config = _alertmanager(tmp_path, VALUES)
    assert config["global"]["smtp_from"] == "V <v@example.org>"
    assert "smtp_auth_username" not in config["global"]
    assert _receivers(config, "critical") == ["hook", "sms"]
    assert _receivers(config, "warning") == ["hook"]
    [interval] = config["time_intervals"]
    assert interval["time_intervals"] == [
        {
            "times": [{"start_time": "21:30", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "06:00"}],
            "location": "Europe/Berlin",
        }
    ]
    shipped = yaml.safe_load(shipped_files()[ALERTMANAGER])
    for route in [route for route in shipped["route"]["routes"] if route["receiver"] == "sms"]:
        del route["continue"]
        assert route in config["route"]["routes"]


@pytest.mark.parametrize(
    ("hours", "times"),
    [
        ("{time_zone: UTC, start: '01:00', end: '02:00'}", [{"start_time": "01:00", "end_time": "02:00"}]),
        ("{time_zone: UTC, start: '20:00', end: '00:00'}", [{"start_time": "20:00", "end_time": "24:00"}]),
    ],
)
def test_quiet_hours_never_pass_midnight(hours: str, times: list[dict[str, str]], tmp_path: Path) -> None:
    """Alertmanager takes no range over midnight, and no empty one."""
    config = _alertmanager(tmp_path, f"alertmanager: {{quiet_hours: {hours}}}")
    assert config["time_intervals"][0]["time_intervals"][0]["times"] == times


def test_quiet_hours_can_be_switched_off(tmp_path: Path) -> None:
    """Then no route waits for the morning."""
    config = _alertmanager(tmp_path, "alertmanager: {quiet_hours: false}")
    assert not any("mute_time_intervals" in route for route in config["route"]["routes"])


def test_a_receiver_of_a_shipped_name_takes_its_place(tmp_path: Path) -> None:
    """A gateway called `sms` is what critical findings go to, and SNS is gone."""
    config = _alertmanager(tmp_path, "alertmanager: {receivers: [{name: sms, webhook_configs: [{url: 'http://g/'}]}]}")
    [sms] = [receiver for receiver in config["receivers"] if receiver["name"] == "sms"]
    assert "sns_configs" not in sms
    assert "sms" in _receivers(config, "critical")


def test_thresholds_go_where_they_are_judged(tmp_path: Path) -> None:
    """A sidecar's fault goes into a config that the sidecar accepts."""
    files = _files(tmp_path, "faults: {loss_spike: {severity: critical, open_count: 2, open_window: 3}}")
    (tmp_path / "runvitals.yml").write_text(files["sidecar/runvitals.yml"])
    assert yaml.safe_load(files["sidecar/runvitals.yml"]) == {
        "faults": {"loss_spike": {"severity": "critical", "open_count": 2, "open_window": 3}}
    }
    assert main(["check-config", str(tmp_path / "runvitals.yml")]) == 0


def test_thresholds_of_comparisons_go_into_the_rules(tmp_path: Path) -> None:
    """A fault that Prometheus judges has its threshold in the rule, and nothing else changes."""
    before = _files(tmp_path, "")[CLUSTER].splitlines()
    files = _files(tmp_path, "faults: {straggler: {thresholds: {excess: 0.5}}}")
    changed = [new for old, new in zip(before, files[CLUSTER].splitlines(), strict=True) if old != new]
    assert [line.strip() for line in changed] == ["0.5  # straggler.excess"]
    assert "sidecar/runvitals.yml" not in files


def test_every_threshold_of_a_comparison_is_marked_in_its_rule() -> None:
    """The catalogue and the rules name the same thresholds, with the same numbers."""
    found = MARKED.finditer(shipped_files()[CLUSTER])
    marked = {f"{one['fault']}.{one['name']}": float(one["number"]) for one in found}
    compared = [fault for fault in faults.ALL if fault.scope == "cluster"]
    known = {f"{fault.name}.{name}": one.value for fault in compared for name, one in fault.thresholds.items()}
    assert marked == pytest.approx(known, rel=1e-3)


def test_a_sidecar_links_to_the_same_runbooks(tmp_path: Path) -> None:
    """The address of the runbooks goes into a config that the sidecar accepts, for its pages and the fast path."""
    files = _files(tmp_path, "runbook_url: https://wiki.example.org/vitals")
    (tmp_path / "runvitals.yml").write_text(files["sidecar/runvitals.yml"])
    assert load(tmp_path / "runvitals.yml").web.runbook_url == "https://wiki.example.org/vitals"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("faults: {straggler: {severity: critical}}", "faults.straggler: Prometheus judges it, so only its"),
        ("faults: {straggler: {thresholds: {exces: 1}}}", "unknown threshold; did you mean 'excess'?"),
        ("faults: {straggler: {thresholds: {excess: -1}}}", "must be a number from 0"),
        (
            "alertmanager: {critical: [email, pager]}",
            "values.yaml:1: alertmanager: `critical` names a",
        ),
        ("alertmanager: {warning: [emial]}", "did you mean 'email'?"),
        ("alertmanager: {warning: []}", "at least one receiver"),
        ("alertmanager: {receivers: [{webhook_configs: []}]}", "needs a `name`"),
        (
            "alertmanager:\n  quiet_hours: {time_zone: Europe/Berlyn}",
            "values.yaml:2: alertmanager.quiet_hours: no time zone is called 'Europe/Berlyn'; did you mean 'Europe/Ber",
        ),
        ("alertmanager: {quiet_hours: {time_zone: UTC, start: '9:00'}}", "'9:00' is no time of a day"),
        ("alertmanager: {sms: {phone_number: '0170 1', region: eu-west-1}}", "no number in E.164 form"),
        ("alertmanager: {email: {to: [me], sender: a@b.c, smarthost: 'm:25'}}", "'me' is no mail address"),
        ("alertmanager: {email: {to: [a@b.c], sender: a@b.c, smarthost: 'm:25', username: u}}", "go together"),
        (
            "alertmanager: {email: {to: [a@b.c], sender: a@b.c, smarthost: 'm:25',\n username: u, password_file: /it}}",
            "values.yaml:2: alertmanager.email.password_file: '/it' is not there: create it",
        ),
        (
            "alertmanager: {receivers: [{name: s, slack_configs: [{api_url_file: /nowhere/url}]}]}",
            "'/nowhere/url' is not there",
        ),
        ("alertmanager: {templates: [none.tmpl]}", "alertmanager.templates[0]"),
        ("prometheus: {targets: [somewhere]}", "somehost:9877"),
        ("prometheus: {targets: ['h:99999']}", "is no address"),
        ("prometheus: {interval_seconds: 0}", "from 1 to 60"),
        ("grafana_url: dashboards", "grafana_url must begin with http"),
        ("faults: {loss_spikes: {}}", "did you mean 'loss_spike'?"),
        ("targets: []", "unknown key 'targets'"),
    ],
)
def test_values_that_cannot_be_are_refused(
    values: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The place, what is wrong and the remedy are told; exit code 2, and nothing is written."""
    (tmp_path / "values.yaml").write_text(values)
    assert main(["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_programs_at_hand")
def test_a_template_that_is_broken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alertmanager's own tool names the template and the line, before anything is written."""
    (tmp_path / "mine.tmpl").write_text('{{ define "runvitals.sms" }}\n{{ if }}{{ end }}')
    (tmp_path / "values.yaml").write_text("alertmanager: {templates: [mine.tmpl]}")
    assert main(["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml")]) == 1
    assert "mine.tmpl:2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_programs_at_hand")
@pytest.mark.parametrize(
    ("text", "said"),
    [("{{ .Lables }}", "can't evaluate field Lables"), ('{{ template "runvitals.smss" . }}', '"runvitals.smss" not')],
)
def test_a_text_that_cannot_be_filled_in_is_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alertmanager would find out when it has something to tell, and tell nobody."""
    slack = {"name": "chat", "slack_configs": [{"api_url": "https://hook.example.org/x", "title": text}]}
    (tmp_path / "values.yaml").write_text(json.dumps({"alertmanager": {"receivers": [slack]}}))
    assert main(["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_programs_at_hand")
def test_a_setting_that_alertmanager_does_not_know_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason of Alertmanager's tool is told whole, with the key."""
    hook = {"name": "hook", "webhook_configs": [{"url": "https://hook.example.org/x", "send_resolvd": True}]}
    (tmp_path / "values.yaml").write_text(json.dumps({"alertmanager": {"receivers": [hook]}}))
    assert main(["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml")]) == 1
    assert "field send_resolvd not found" in capsys.readouterr().err


def test_secrets_may_lie_elsewhere(tmp_path: Path) -> None:
    """Where the bundle is written for another machine, its secret files need not be on this one."""
    (tmp_path / "values.yaml").write_text(
        "alertmanager: {receivers: [{name: s, slack_configs: [{api_url_file: /nowhere/url}]}]}"
    )
    command = ["bundle", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml"), "--secrets-elsewhere"]
    assert main(command) == 0


def test_hostile_values_stay_values(tmp_path: Path) -> None:
    """Quotes, braces, colons and line ends in a value cannot become another key."""
    hostile = 'x"\'}: [\n- {{ template "y" }}<b>'
    values = {"cluster": hostile, "alertmanager": {"receivers": [{"name": hostile, "webhook_configs": []}]}}
    files = _files(tmp_path, json.dumps(values))
    assert yaml.safe_load(files["prometheus/prometheus.yml"])["global"]["external_labels"] == {"cluster": hostile}
    assert yaml.safe_load(files[ALERTMANAGER])["receivers"][-1]["name"] == hostile
