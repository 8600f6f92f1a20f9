"""What surrounds the status page and each incident's: header, footer, and the script that keeps them up to date."""

from __future__ import annotations

import platform
from typing import NamedTuple

from runvitals import __version__
from runvitals.exposition.document import Look, asset, document
from runvitals.exposition.html import name, text

LOOK = Look(
    asset("page.css") + asset("report/pictures.css") + asset("status_page/status.css"),
    asset("status_page/live.js"),
)
HEADERS = {"Content-Security-Policy": f"{LOOK.policy}; frame-ancestors 'none'"}

_HOST = name(platform.node())
_PAGES = ("metrics", "findings", "faults", "config", "-/healthy", "-/ready")


class Framed(NamedTuple):
    """A page: its title, the HTML of its main part, how often it is renewed, and the way to the root."""

    title: str
    main: str
    period_seconds: float
    root: str = ""


def framed(page: Framed) -> bytes:
    """Return the page as UTF-8. The script puts a newer main part in the place of the old one.

    Where no script runs, the browser loads the page again every ten seconds.
    """
    root, home = page.root, page.root or "./"
    title = text(page.title)
    links = "".join(f'<a href="{root}{path}">{path.removeprefix("-/")}</a>' for path in _PAGES)
    body = (
        '<a class="skip" href="#main">Skip to the content</a>\n'
        f'<header>\n<h1><a href="{home}">runvitals</a> <span class="soft">{_HOST}</span></h1>\n'
        '<p id="link" role="status" class="soft"></p>\n</header>\n'
        f'<main id="main" tabindex="-1" data-title="{title}" data-period="{page.period_seconds:g}">{page.main}</main>\n'
        '<div id="alert" class="unseen" role="alert"></div><div id="said" class="unseen" role="status"></div>\n'
        f'<footer><nav aria-label="Other pages">{links}</nav><p class="soft">runvitals {text(__version__)}</p></footer>'
    )
    return document(LOOK, title, body, _WITHOUT_SCRIPT).encode()


_WITHOUT_SCRIPT = '<noscript><meta http-equiv="refresh" content="10"></noscript>\n'
