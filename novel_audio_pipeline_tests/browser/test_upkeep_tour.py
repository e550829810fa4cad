"""Upkeep looked at in a real browser, over a planted mess of every kind: tables, numbers, pictures.

``NOVEL_AUDIO_SCREENSHOTS=docs/screenshots`` keeps the pictures.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from novel_audio_pipeline.settings import PROJECT_ROOT
from novel_audio_pipeline_tests.browser.test_tour import (
    CHROMIUM,
    CHROMIUM_OPTIONS,
    free_port,
    wait_for,
)
from novel_audio_pipeline_tests.cli.homes import Home, new_home

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)"),
]
HOUR = 3600.0
NOVEL = "\n\n".join(
    part
    for chapter in range(1, 4)
    for part in (f"Chương {chapter}", *(f"Câu thứ {n} của chương {chapter}." for n in range(1, 5)))
)


def plant(home: Home) -> None:
    """Narrate two novels, then make a mess of every kind of them."""
    for name in ("mua-lu", "tat-den"):
        (home.novels / f"{name}.txt").write_text(NOVEL, encoding="utf-8")
    home.json("narrate")
    (home.novels / "tat-den.txt").unlink()
    (home.novels / "moi.txt").write_text(NOVEL, encoding="utf-8")
    first, second, third = sorted(home.library.glob("mua-lu*/chapter_*"))
    (first / "paragraph_001" / "paragraph_001.wav").unlink()
    (first / "paragraph_002" / "paragraph_002_metadata.json").unlink()
    (first / "paragraph_003" / "paragraph_003.wav").write_bytes(b"RIFF")
    (first / "paragraph_004" / "paragraph_004_metadata.json").write_bytes(b"{")
    shutil.rmtree(second / "paragraph_004")
    (second / "paragraph_001" / ".paragraph_001.wav.host-77-0123abcd.tmp").write_bytes(b"RI")
    (second.parent / "chapter_002_Old").mkdir()
    shutil.rmtree(third)
    (home.library / "notes.txt").write_text("mine")
    cache = home.path / "tts_cache"
    for number, age_h in enumerate((0.5, 1.0, 1.0, 1.9, 3.0), start=1):
        path = cache / f"{number:032x}.wav"
        path.write_bytes(b"RIFF" * 1000 * number)
        os.utime(path, (time.time() - age_h * HOUR,) * 2)
    (cache / "notes.txt").write_text("mine")
    for path in home.library.rglob("*"):
        os.utime(path, (time.time() - HOUR,) * 2)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a web UI over a home whose upkeep has run."""
    home = new_home(tmp_path_factory.mktemp("upkeep"))
    plant(home)
    home.run("cache", "expire")
    home.json("library", "orphans", status=1)
    port = free_port()
    command = [sys.executable, "-m", "dagster_webserver"]
    with (home.path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-w", str(PROJECT_ROOT / "workspace.yaml"), "-p", str(port)],
            env=home.environ(
                DAGSTER_HOME=str(PROJECT_ROOT),
                NOVEL_AUDIO_DAGSTER_DIR=str(home.path / "dagster"),
            ),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: httpx.get(f"{url}/server_info").is_success, timeout_s=90, what="web UI")
        yield url
    finally:
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            member.terminate()
        process.wait(30)
        _, alive = psutil.wait_procs(family[1:], timeout=10)
        for left in alive:
            left.kill()


def test_the_report_and_the_expiry_can_be_read_and_seen(web):
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415  (a heavy import)

    shots = os.environ.get("NOVEL_AUDIO_SCREENSHOTS")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.set_default_timeout(30_000)
        for asset, words in (
            ("orphan_report", ["record_without_audio", "twin_folders", "novel_without_source"]),
            ("tts_cache_expiry", ["entries_expired", "lag_minutes", "past_its_time"]),
        ):
            page.goto(f"{web}/assets/{asset}?view=overview")
            for word in words:
                expect(page.get_by_text(word).first).to_be_visible(timeout=60_000)
            if shots:
                page.wait_for_timeout(1500)
                page.screenshot(path=Path(shots) / f"{asset.replace('_', '-')}.png")
            page.get_by_text("[Show Markdown]").first.click()
            picture = page.locator("img[src^='data:image/svg']").first
            expect(picture).to_be_visible(timeout=60_000)
            assert picture.evaluate("image => image.naturalWidth") == 640
            if shots:
                page.wait_for_timeout(1500)
                page.screenshot(path=Path(shots) / f"{asset.replace('_', '-')}-picture.png")
        browser.close()
