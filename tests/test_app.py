"""A reload that goes wrong leaves the sidecar as it was, whatever went wrong."""

import pytest

from runvitals import app as app_module
from runvitals.app import App

CONFIG = "web: {listen_address: '127.0.0.1:0'}\nsources: []\n"


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A running sidecar without sources."""
    monkeypatch.setenv("RUNVITALS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "c.yml").write_text(CONFIG)
    app = App(tmp_path / "c.yml")
    app.start()
    yield app
    app.stop()


def test_a_config_that_is_gone_is_refused(app, tmp_path):
    """The old one stays in force, and the status says so; a good one is taken afterwards."""
    (tmp_path / "c.yml").unlink()
    assert "c.yml" in app.reload()
    assert not app.reload_status().successful
    (tmp_path / "c.yml").write_text(CONFIG)
    assert app.reload() is None
    assert app.reload_status().successful


def test_a_source_that_cannot_be_built_is_refused_and_not_the_end(app, tmp_path, monkeypatch):
    """What is raised on the way comes back as the reason."""

    def fail(name, settings):
        raise OSError("no descriptors left")

    monkeypatch.setattr(app_module, "build_source", fail)
    (tmp_path / "c.yml").write_text(CONFIG.replace("[]", "[{kind: ring}]"))
    assert "no descriptors left" in app.reload()
    assert not app.reload_status().successful
    assert "sources: []" in app.config_text()
