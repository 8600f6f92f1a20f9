"""The wire format: what StatsD and DogStatsD document, and what nobody should send."""

import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runvitals.sources.statsd.lines import Line, LineRejected, Tags, clean_label, parse_line
from runvitals.sources.statsd.reasons import Reason


def parsed(text: str) -> Line:
    return parse_line(text.encode(), 200)


@pytest.mark.parametrize(
    ("text", "name", "kind", "values", "rate"),
    [
        ("gorets:1|c", "gorets", "c", (1.0,), 1.0),
        ("gorets:1|c|@0.1", "gorets", "c", (1.0,), 0.1),
        ("glork:320|ms|@0.1", "glork", "ms", (320.0,), 0.1),
        ("gaugor:333|g", "gaugor", "g", (333.0,), 1.0),
        ("song.length:240|h|@0.5", "song.length", "h", (240.0,), 0.5),
        ("users.online:1|c|#country:china", "users.online", "c", (1.0,), 1.0),
        ("users.online:1|c|@0.5|#country:china", "users.online", "c", (1.0,), 0.5),
        ("page.views:1:2:32|d", "page.views", "d", (1.0, 2.0, 32.0), 1.0),
        ("page.views:1|g|#env:dev|c:83c0a99c0a54", "page.views", "g", (1.0,), 1.0),
        ("page.views:15|c|#env:dev|T1656581400", "page.views", "c", (15.0,), 1.0),
        ("page.views:15|c|#env:dev|c:in-4026|e:it-false,cn-web|card:low|zz", "page.views", "c", (15.0,), 1.0),
        ("loss:2.5e-3|g\r", "loss", "g", (0.0025,), 1.0),
    ],
)
def test_documented_lines_are_read(text, name, kind, values, rate):
    """The examples of both protocols' pages, and of their later versions, are read as documented."""
    line = parsed(text)
    assert (line.name, line.type, line.values, line.sample_rate, line.flaws) == (name, kind, values, rate, ())


def test_tags_of_runvitals_are_understood():
    """Run, rank, layer and step are taken from the tags, others and bare tags ignored, in any order of fields."""
    line = parsed("grad_norm:1.5|g|#bare,run:llama:7b,env:dev,rank:3,layer:h.3,step:17|@1")
    assert line.tags == Tags(run="llama:7b", rank="3", layer="h.3", step=17)
    assert line.dogstatsd


@pytest.mark.parametrize(
    ("text", "dogstatsd"),
    [("x:1|g", False), ("x:1|c|@0.1", False), ("x:1|g|#a:b", True), ("x:1:2|g", True), ("x:1|g|c:abc", True)],
)
def test_dialect_is_told_by_what_only_dogstatsd_has(text, dogstatsd):
    """Tags, packed values and container fields make a line DogStatsD, a sample rate does not."""
    assert parsed(text).dogstatsd is dogstatsd


def test_signs_are_kept_as_written():
    """A sign is reported beside the value, since it may make it a change."""
    assert parsed("x:+4:-3:2|g").signs == ("+", "-", "")


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Inf"])
def test_nonfinite_values_are_read(text):
    """NaN and infinities are values: whether they are wanted depends on the type."""
    assert not math.isfinite(parsed(f"loss:{text}|g").values[0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.MALFORMED),
        ("hello", Reason.MALFORMED),
        ("x:1", Reason.MALFORMED),
        ("x|g", Reason.MALFORMED),
        (":1|g", Reason.MALFORMED),
        ("x:|g", Reason.MALFORMED),
        ("x:1|", Reason.MALFORMED),
        ("x:1|g" + "|" * 50, Reason.MALFORMED),
        ("x:one|g", Reason.NOT_A_NUMBER),
        ("x:1_000|g", Reason.NOT_A_NUMBER),
        ("x:0x10|g", Reason.NOT_A_NUMBER),
        ("x:1:|g", Reason.NOT_A_NUMBER),
        ("x:1|c|@0", Reason.BAD_SAMPLE_RATE),
        ("x:1|c|@2", Reason.BAD_SAMPLE_RATE),
        ("x:1|c|@nan", Reason.BAD_SAMPLE_RATE),
        ("x:1|c|@1e-300", Reason.BAD_SAMPLE_RATE),
        ("x:1|c|@", Reason.BAD_SAMPLE_RATE),
        ("x:1|meter", Reason.UNSUPPORTED_TYPE),
        ("users.uniques:1234|s", Reason.SET),
        ("_e{21,36}:An exception occurred|Cannot parse CSV file", Reason.EVENT),
        ("_sc|Redis connection|2|#env:dev|m:Redis timed out", Reason.SERVICE_CHECK),
    ],
)
def test_what_is_no_usable_metric_is_refused_with_its_reason(text, reason):
    """Each kind of line that brings no value is told apart."""
    with pytest.raises(LineRejected) as caught:
        parsed(text)
    assert caught.value.reason is reason


@pytest.mark.parametrize("step", ["-1", "1.5", "seventeen", "9" * 19, "9" * 4000, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_bad_step_costs_the_step_and_not_the_value(step):
    """A step that is no whole number of 63 bits is dropped and named as a flaw."""
    line = parsed(f"loss:1|g|#step:{step}")
    assert (line.values, line.tags.step, line.flaws) == ((1.0,), None, (Reason.BAD_STEP,))


def test_the_largest_step_is_kept():
    """2^63 - 1 is still a step."""
    assert parsed(f"loss:1|g|#step:{2**63 - 1}").tags.step == 2**63 - 1


@pytest.mark.parametrize(
    ("raw", "text", "flaws"),
    [
        (b"caf\xc3\xa9 \"quoted\" 'x'", "café \"quoted\" 'x'", []),
        (b"../../etc", "../../etc", []),
        (b"a\xff\xfeb", "a\ufffd\ufffdb", [Reason.LABEL_REPLACED]),
        (b"a\x00\x1b[31m\tb", "a\ufffd\ufffd[31m\ufffdb", [Reason.LABEL_REPLACED]),
        ("a\u2028b\u202ec".encode(), "a\ufffdb\ufffdc", [Reason.LABEL_REPLACED]),
        ("é".encode() * 5000, "é" * 200, [Reason.LABEL_CUT]),
    ],
)
def test_label_values_are_made_printable_and_cut_at_a_character(raw, text, flaws):
    """A hostile label value stays one line of bounded, printable text, and what was changed is named."""
    found: list[Reason] = []
    assert clean_label(raw, 200, found) == text
    assert found == flaws


_WORDS = [b"g", b"c", b"ms", b"d", b"h", b"run", b"rank", b"layer", b"step", b"loss", "é".encode(), b"_e{", b"_sc|"]
_NUMBERS = [b"1", b"-", b"+", b"nan", b"inf", b"1e308", b"0.1"]
_MARKS = [b":", b"|", b"@", b"#", b",", b"T", b"\xff", b"\x00", b" "]
_PIECES = st.sampled_from(_WORDS + _NUMBERS + _MARKS)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.one_of(st.binary(max_size=300), st.lists(_PIECES, max_size=40).map(b"".join)))
@example(b"x:1|g|#step:")
@example(b"x:1|g|#run:,rank:")
def test_no_bytes_raise_anything_else_or_come_out_unbounded(raw):
    """Whatever arrives is a line with bounded printable names, or is refused with a reason of the closed set."""
    try:
        line = parse_line(raw, 20)
    except LineRejected:
        return
    assert 1 <= len(line.name) <= 20
    for text in (line.name, line.tags.run, line.tags.rank, line.tags.layer):
        assert len(text) <= 20
        assert text.isprintable()
        assert "\n" not in text
    assert len(line.values) == len(line.signs) <= len(raw)
    assert 1e-6 <= line.sample_rate <= 1.0
    assert line.tags.step is None or 0 <= line.tags.step < 2**63
    assert set(line.flaws) <= set(Reason)
