"""A real browser, driven by its own protocol (the Chrome DevTools Protocol) over a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.programs import TOOLS
from tests.servers import wait_until

NAMES = ("chromium", "google-chrome", "chromium-browser")
REPLY_SECONDS = 60.0
MAX_MESSAGE_BYTES = 64 * 2**20


def find_browser() -> str:
    """Return the path of a browser; skip the test, saying so, where there is none."""
    for folders in (os.environ.get("PATH"), str(TOOLS)):
        for found in filter(None, (shutil.which(name, path=folders) for name in NAMES)):
            return found
    pytest.skip(f"none of {', '.join(NAMES)} is on the PATH or in {TOOLS}: deploy/bring_browser.sh brings one")


class Tab:
    """One page of the browser: it goes somewhere, runs scripts there, and shows what it looks like."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket = loop, socket
        self._count = 0
        self.complaints: list[str] = []
        """What the browser complained of: errors and warnings of scripts, of the network, of the page's policy."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        return self._loop.run_until_complete(asyncio.wait_for(self._answer(message), REPLY_SECONDS))

    def run(self, script: str) -> Any:
        """Return what an expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def look(self, width: int = 1280, height: int = 900, *, scheme: str = "light", scale: float = 1.0) -> None:
        """Make the window so large, and the user prefer this colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, url: str) -> None:
        """Go to an address and wait until the page is there."""
        self.call("Page.navigate", url=url)
        wait_until(lambda: self.run("document.readyState") == "complete" and self.run("location.href") == url, url)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, file: Path, *, whole: bool = True) -> Path:
        """Write what is to be seen as a PNG: the whole page, or what is in the window."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))
        return file

    async def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        await self._socket.send_json(message)
        while True:
            received = await self._socket.receive_json()
            if received.get("id") == message["id"]:
                assert "error" not in received, received
                return received["result"]
            self._note(received.get("method", ""), received.get("params", {}))

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(event["exceptionDetails"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and event["type"] in {"error", "warning", "assert"}:
            self.complaints.append(str(event["args"]))


@contextmanager
def open_tab(folder: Path) -> Iterator[Tab]:
    """Start a browser with a profile in this folder, and open a page of it."""
    profile = folder / "profile"
    command = [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    options = ["--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run", "about:blank"]
    log = folder / "browser.log"
    with log.open("wb") as output:
        browser = subprocess.Popen([*command, *options], stdout=output, stderr=output)
    loop = asyncio.new_event_loop()
    try:
        session, socket = loop.run_until_complete(_connected(wait_until(lambda: _port(profile), "the browser's port")))
        try:
            yield Tab(loop, socket)
        finally:
            loop.run_until_complete(session.close())
            loop.run_until_complete(asyncio.sleep(0.1))  # until its connections are closed
    finally:
        loop.close()
        browser.terminate()
        _end(browser)


def _port(profile: Path) -> int | None:
    file = profile / "DevToolsActivePort"
    lines = file.read_text().splitlines() if file.exists() else []
    return int(lines[0]) if len(lines) == 2 else None


async def _connected(port: int) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    for _ in range(600):
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [one for one in await answer.json(content_type=None) if one["type"] == "page"]
        if pages:
            break
        await asyncio.sleep(0.1)
    socket = await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=MAX_MESSAGE_BYTES)
    return session, socket


def _end(browser: subprocess.Popen[bytes]) -> None:
    try:
        browser.wait(timeout=20)
    except subprocess.TimeoutExpired:
        browser.kill()
        browser.wait()
