"""Pages in a headless Chromium, with what they write to the console and what they ask other hosts for."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_MS = 180_000.0  # waits follow conditions; this ends those that never come true
OPTIONS = (
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HERE = ("127.0.0.1", "localhost")
# MLflow opens its assistant, which asks for a language model, over a third of the first page of a profile.
NO_ASSISTANT = """try { localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')
    localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true') } catch {}"""


class Pages:
    """Pages of one browser.

    Attributes:
        page: the page that is open.
        console: errors and warnings of its console, and exceptions of its scripts, since the last `open`.
        foreign: addresses on other machines that were asked for, since the browser started.
    """

    def __init__(self, context: Any) -> None:
        self.console: list[str] = []
        self.foreign: list[str] = []
        context.add_init_script(NO_ASSISTANT)
        self.page = context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.page.on("console", self._read)
        self.page.on("pageerror", lambda error: self.console.append(f"exception: {error}"))
        context.on("request", self._watch)

    def _read(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            failed = message.text.startswith("Failed to load resource")
            place = f" {urlsplit(message.location['url']).path}" if failed else ""
            self.console.append(f"{message.type}: {message.text}{place}")

    def _watch(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "file", "about") and parts.hostname not in HERE:
            self.foreign.append(request.url)

    def open(self, address: str) -> Any:
        """Open an address anew, also where it differs from the last one behind its `#` alone."""
        self.page.goto("about:blank")
        self.console.clear()
        self.page.goto(address)
        return self.page


@contextmanager
def open_browser(**options: Any) -> Iterator[Pages]:
    """Start Chromium with an empty profile; the options are those of a Playwright context.

    Raises:
        FileNotFoundError: there is no chromium.
    """
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("expected the command chromium. Got none. Install Debian's package chromium.")
    options = {"viewport": {"width": 1600, "height": 1000}, "color_scheme": "light", **options}
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=OPTIONS, timeout=TIMEOUT_MS, **options
        )
        try:
            yield Pages(context)
        finally:
            context.close()
