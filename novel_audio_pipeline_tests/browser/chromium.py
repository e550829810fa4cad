"""Debian's Chromium, driven by Playwright, and where its pictures are kept."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (Debian package chromium)"
)
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 60_000
_SETTLES_MS = 1500


@contextlib.contextmanager
def opened_page(*, width: int = 1400, height: int = 900) -> "Iterator[Page]":
    """Yield an empty page of a new browser."""
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415  (a heavy import)

    expect.set_options(
        timeout=_PATIENCE_MS
    )  # five seconds else, which a busy machine needs to load
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(_PATIENCE_MS)
        yield page
        browser.close()


def open_launch_dialog(page: "Page") -> None:
    """Ask an asset's page for its launch dialog, and wait until a click in it is safe.

    Dagster asks for a confirmation first. When that dialog is gone from the page it gives the focus
    back to where it came from, which closes a list that was opened within those 0.2 seconds.
    """
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("Select a partition or create one").wait_for()
    page.get_by_role("button", name="Confirm").wait_for(state="detached")


def keeper(page: "Page") -> Callable[[str], None]:
    """Return what keeps a picture of the page if ``NOVEL_AUDIO_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("NOVEL_AUDIO_SCREENSHOTS")

    def keep(name: str) -> None:
        if folder:
            page.wait_for_timeout(_SETTLES_MS)
            page.screenshot(path=Path(folder) / f"{name}.png")

    return keep
