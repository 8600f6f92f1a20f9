"""A config is right as a whole, or refused with the file, the place and the remedy."""

import pytest

from runvitals.config import Config, ConfigError, load, to_yaml
from runvitals.config.redaction import redacted

MISTAKES = {
    "an unknown key": (
        "web:\n  listen_adress: ':1'\n",
        "c.yml:2: web.listen_adress: unknown key 'listen_adress'; did you mean 'listen_address'?",
    ),
    "an unknown room": ("\n\nwebb: {}\n", "c.yml:3: webb: unknown key 'webb'; did you mean 'web'?"),
    "an unknown key of a source": (
        "sources:\n- kind: ring\n- kind: statsd\n  udpp: ''\n",
        "c.yml:4: sources[1].udpp: unknown key 'udpp'; did you mean 'udp'?",
    ),
    "an unknown kind of source": (
        "sources:\n- kind: statd\n",
        "c.yml:2: sources[0].kind: unknown kind 'statd'; did you mean 'statsd'?",
    ),
    "a source without a kind": ("sources:\n- udp: ''\n", "c.yml:2: sources[0]: Object missing required field `kind`"),
    "a wrong type": ("series:\n  window: many\n", "c.yml:2: series.window: Expected `int`, got `str`"),
    "a list where keys belong": ("- web\n", "c.yml:1: the top level must be keys such as `web:` or `sources:`"),
    "an impossible value": (
        "series:\n  window: 10\n",
        "c.yml:1: series: minimum must be from 2 to window (10), not 64",
    ),
    "an impossible address": (
        "web:\n  listen_address: '9877'\n",
        "c.yml:1: web: '9877' is no address to listen on: write host:port, "
        'for example ":9877", "127.0.0.1:9877" or "[::1]:9877"',
    ),
    "an unknown fault": (
        "faults:\n  nonfinite_los: {}\n",
        "c.yml:2: faults.nonfinite_los: unknown fault; did you mean 'nonfinite_loss'?",
    ),
    "an unknown threshold": (
        "faults:\n  loss_spike:\n    thresholds: {zscore: 3}\n",
        "c.yml:3: faults.loss_spike.thresholds.zscore: unknown threshold; did you mean 'robust_zscore'?",
    ),
    "a C below one": (
        "faults:\n  gradient_explosion:\n    thresholds:\n      change: 0.5\n",
        "c.yml:1: faults: change must be at least 1 (a fall alone has a relative change of up to 1), not 0.5",
    ),
    "counts that cannot be": (
        "faults:\n  loss_spike: {open_count: 3}\n",
        "c.yml:1: faults: loss_spike: open_count 3 must be from 1 to open_window 1 (at most 64), "
        "and close_count 16 at least 1",
    ),
    "a severity that is none": (
        "faults:\n  loss_spike:\n    severity: fatal\n",
        "c.yml:3: faults.loss_spike.severity: Invalid enum value 'fatal'",
    ),
    "a threshold that is no number": (
        "faults:\n  hang: {}\n  loss_spike:\n    thresholds: {robust_zscore: high}\n",
        "c.yml:4: faults.loss_spike.thresholds.robust_zscore: Expected `float`, got `str`",
    ),
    "an unknown key of a fault": (
        "faults:\n  loss_spike: {severty: info}\n",
        "c.yml:2: faults.loss_spike.severty: unknown key 'severty'; did you mean 'severity'?",
    ),
    "a key that stands twice": ("web: {}\nweb: {}\n", "c.yml:2: not valid YAML: the key 'web' stands twice"),
    "two sources of one name": (
        "sources:\n- kind: statsd\n- kind: statsd\n",
        "c.yml:1: sources: two are called 'statsd': give each a `name:` of its own",
    ),
    "broken YAML": ("web: [\n", "c.yml:2: not valid YAML: expected the node content, but found '<stream end>'"),
    "not a number": ("tick_seconds: .nan\n", "c.yml: tick_seconds must be from 0.05 to 60, not nan"),
    "a threshold that is NaN": (
        "faults: {loss_spike: {thresholds: {robust_zscore: .nan}}}\n",
        "c.yml:1: faults: loss_spike.thresholds.robust_zscore must be a number from 0, not nan",
    ),
    "a fault that only Prometheus sees": (
        "faults: {straggler: {severity: info}}\n",
        "c.yml:1: faults: straggler is judged by Prometheus: "
        "give its thresholds to `runvitals bundle --values` instead",
    ),
    "a key that is no text": ("web: {}\n[a, b]: 1\n", "c.yml:2: not valid YAML: a key must be text: quote it"),
    "aliases that stand for billions": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)),
        "c.yml: not valid YAML: more than 100000 values with its aliases written out, or an alias to itself",
    ),
    "an alias to itself": (
        "web: &web [*web]\n",
        "c.yml: not valid YAML: more than 100000 values with its aliases written out, or an alias to itself",
    ),
    "a key like a placeholder": (
        "faults: {'[...]': {sev: 1}, 'other': {sev: 2}}\n",
        "c.yml:1: faults.other.sev: unknown key 'sev'; known are: close_count, enabled, open_count, open_window, "
        "severity, thresholds",
    ),
    "YAML that would build an object": (
        "web: !!python/object/apply:os.system ['true']\n",
        "c.yml:1: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_names_the_file_the_place_and_the_remedy(tmp_path, monkeypatch, mistake):
    """One deliberate mistake, one exact sentence."""
    text, message = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load((tmp_path / "c.yml").relative_to(tmp_path))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff\xfe\x00w", "UTF-8"), (b"#" * 2_000_000, "is this a config"), (None, "No such file")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, data, words):
    """A missing file, one that is not text, and one that is far too large."""
    file = tmp_path / "c.yml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ConfigError, match=rf"c\.yml.*{words}"):
        load(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_an_empty_file_is_the_defaults(tmp_path, text):
    """Everything has a default that works."""
    (tmp_path / "c.yml").write_text(text)
    assert load(tmp_path / "c.yml") == load(None) == Config()


def test_what_is_shown_can_be_loaded_again(tmp_path):
    """The config as shown is a config, and the same one."""
    file = tmp_path / "c.yml"
    file.write_text("tick_seconds: 5e-1\nsources:\n- kind: statsd\n  name: mine\n  udp: 127.0.0.1:0\n")
    config = load(file)
    assert config.tick_seconds == 0.5
    file.write_text(to_yaml(config))
    assert load(file) == config


def test_secrets_are_not_shown():
    """What stands under a secret's name, or in a URL before the @, is replaced; the path of a secret's file is not."""
    data = {
        "smtp_password": "hunter2",
        "list": [{"api_key": "k", "url": "https://me:pw@host/x?page=1&access_token=t#top"}],
        "bearer_token_file": "/run/token",
        "harmless": "value",
    }
    shown = redacted(data)
    assert shown == {
        "smtp_password": "<secret>",
        "list": [{"api_key": "<secret>", "url": "https://<secret>@host/x?page=1&access_token=<secret>#top"}],
        "bearer_token_file": "/run/token",
        "harmless": "value",
    }
