"""The tables of the README are the catalogue's. `python tests/test_readme.py` writes them anew."""

import re
import sys
from pathlib import Path

import pytest

from runvitals.catalogue import faults, metrics
from runvitals.config import load
from runvitals.sources.logfile.formats import LINE_FORMATS

README = Path(__file__).parents[1] / "README.md"


def fault_table():
    lines = ["| fault | category | severity | what | first action |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{fault.name}` | {fault.category} | {fault.severity} | {fault.summary} | {fault.first_action} |"
        for fault in faults.ALL
    ]
    return "\n".join(lines)


def metric_table():
    lines = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in metrics.ALL
    ]
    return "\n".join(lines)


TABLES = {"faults": fault_table, "metrics": metric_table}


def between(name, text):
    return re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_the_catalogues(name):
    """What the README says of faults and metrics is what the code knows."""
    assert between(name, README.read_text())[1].strip() == TABLES[name]()


def test_the_example_config_is_right(tmp_path):
    """What a reader copies is a config."""
    [example] = re.findall(r"```yaml\n(# runvitals.yml.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "runvitals.yml").write_text(example)
    assert load(tmp_path / "runvitals.yml").faults["loss_spike"].severity == "info"


def test_every_format_of_logs_is_told():
    """A reader finds what the source recognises."""
    for one in LINE_FORMATS:
        assert f"| {one.name}" in README.read_text()


def write():
    text = README.read_text()
    for name, table in TABLES.items():
        found = between(name, text)
        text = text[: found.start(1)] + table() + "\n" + text[found.end(1) :]
    README.write_text(text)


if __name__ == "__main__":
    sys.exit(write())
