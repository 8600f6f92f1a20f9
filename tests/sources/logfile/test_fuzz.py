"""The parsers of log files answer any bytes with rows, counts or one clear error."""

import random
import tracemalloc
from collections import Counter

from runvitals.sources.logfile import announcements, evidence
from runvitals.sources.logfile.formats import LINE_FORMATS
from runvitals.sources.logfile.line_prefix import without_colours
from runvitals.sources.logfile.lines import LineCutter
from runvitals.sources.logfile.recognition import recognise
from tests.fuzz import logfile
from tests.fuzz.logfile import TEXTS, mutated


def test_ten_thousand_inputs():
    """No exception, no more bytes than given, nothing that grows; every kind of reader takes part."""
    readers = logfile.run(10_000, seed=1)
    assert {type(reader).__name__ for reader in readers.values()} >= {
        "TextLog",
        "Table",
        "JsonLines",
        "JsonDocument",
        "EventFile",
        "MlflowMetric",
        "MlflowStore",
    }


def test_memory_does_not_grow_with_the_number_of_inputs():
    """After a first round over the caches, another round leaves nothing behind."""
    logfile.run(500, seed=2)
    tracemalloc.start()
    try:
        logfile.run(500, seed=3)
        before = tracemalloc.get_traced_memory()[0]
        logfile.run(500, seed=4)
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 20
    finally:
        tracemalloc.stop()


def test_hostile_columns_are_bounded():
    """Rows that bring new columns for ever do not make the saved position grow without end."""
    reader = recognise("/r/a.jsonl", b'{"step": 1}\n')
    for index in range(300):
        row = "".join(f'"{index}-{column}": 1, ' for column in range(50))
        logfile.feed(reader, f'{{{row}"step": 1}}\n'.encode())
    assert len(logfile.msgspec.json.encode(reader)) < 10_000


def test_every_line_of_a_format_has_one_of_its_words():
    """Else the line would not be tried on the format; the words of evidence and announcements likewise."""
    generator = random.Random(0)
    taken = Counter()
    for _ in range(3000):
        data = mutated(generator.choice(TEXTS), generator)
        for line in map(without_colours, LineCutter().cut(data + b"\n", Counter())[1]):
            for one in LINE_FORMATS:
                if one.parse(line, Counter()) is not None:
                    taken[one.name] += 1
                    assert any(word in line.lower() for word in one.words), (one.name, line)
            for module, sayings in ((evidence, evidence._SIGNS), (announcements, announcements._SAYINGS)):
                if any(pattern.search(line) for _, pattern in sayings):
                    taken[module.__name__] += 1
                    assert any(word in line for word in module.WORDS), line
    assert len(taken) == len(LINE_FORMATS) + 2
