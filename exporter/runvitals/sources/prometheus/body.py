"""From the bytes of an answer to the text of a page."""

from __future__ import annotations

import re
from collections import Counter

from runvitals.sources.prometheus.http_get import Answer, BadAnswerError
from runvitals.sources.prometheus.reasons import Reason

_JSON_START = re.compile(r'\s{0,1024}(?:\[|\{\s{0,1024}(?:\}|"[^"\\]{0,1024}"\s{0,1024}:))')
"""An array, or an object; a line of Prometheus text may begin with `{"` too, but no colon follows the name."""

_JSON = "this is JSON: the wrong page. trtllm-serve has its metrics at /prometheus/metrics, with perf metrics turned on"
_HTML = "this is HTML: the wrong page; check the URL's path, it is /metrics for most servers"


def page_text(answer: Answer, rejected: Counter[Reason]) -> str:
    """Return the text of a page. Raises BadAnswerError for what is another kind of document."""
    try:
        text = answer.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        rejected[Reason.NOT_UTF8] += 1
        text = answer.body.decode("utf-8", "replace")
    if _JSON_START.match(text) or "json" in answer.content_type.lower():
        raise BadAnswerError(_JSON)
    if text[:1024].lstrip()[:1] == "<":
        raise BadAnswerError(_HTML)
    return text
