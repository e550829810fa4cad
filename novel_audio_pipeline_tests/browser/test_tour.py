"""A person's way through the web UI, in a real browser on a real daemon: select, backfill, look.

``NOVEL_AUDIO_SCREENSHOTS=docs/screenshots`` keeps the pictures.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOVEL = """Chương 1: Gặp gỡ

“Anh đi đâu đấy?”

“Ừ.”

* * *

Trời mưa suốt đêm, và sáng ra thì cả xóm đã ngập.

Chương 2: Chia tay

Ông lão đóng cửa hàng, tắt đèn, rồi ra về.

“Thế là hết!”
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)"),
]


@dataclass
class Up:
    """A running ``novel-audio up``."""

    url: str
    home: Path

    def query(self, text: str) -> dict[str, object]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": text}, timeout=30)
        return dict(answer.json()["data"])

    def materialized(self) -> list[str]:
        data = self.query(
            '{assetNodeOrError(assetKey:{path:["organized_audio"]}){... on AssetNode'
            "{assetPartitionStatuses{... on DefaultPartitionStatuses{materializedPartitions}}}}}"
        )
        return data["assetNodeOrError"]["assetPartitionStatuses"]["materializedPartitions"]  # type: ignore[index, no-any-return]  # JSON


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if condition():
                return
        except (httpx.TransportError, ValueError):
            pass
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {timeout_s} s")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = tmp_path_factory.mktemp("home")
    (home / "novels").mkdir()
    (home / "novels" / "mua-lu.txt").write_text(NOVEL, encoding="utf-8")
    port = free_port()
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("TTS_", "NOVEL_", "DAGSTER_"))},
        "NOVEL_AUDIO_HOME": str(home),
        "API_PORT": str(free_port()),
    }
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "novel_audio_pipeline", "up", "--ui-port", str(port)],
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Up(f"http://127.0.0.1:{port}", home)
    try:
        wait_for(
            lambda: httpx.get(f"{server.url}/server_info").is_success, timeout_s=90, what="web UI"
        )
        wait_for(
            lambda: len(chapter_keys(server)) == 2, timeout_s=90, what="the sensor finds chapters"
        )
        yield server
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        status = process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=5)
        for left in alive:
            left.kill()
    assert status == 0
    assert not alive, "novel-audio up left processes behind"


def chapter_keys(server: Up) -> list[str]:
    data = server.query(
        '{assetNodeOrError(assetKey:{path:["organized_audio"]}){... on AssetNode{partitionKeys}}}'
    )
    return list(data["assetNodeOrError"]["partitionKeys"])  # type: ignore[index]  # JSON


def test_a_novel_is_selected_backfilled_and_looked_at(up):
    from playwright.sync_api import Page, expect, sync_playwright  # noqa: PLC0415  (a heavy import)

    shots = os.environ.get("NOVEL_AUDIO_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        page.wait_for_timeout(1500)
        if shots:
            page.screenshot(path=Path(shots) / f"{name}.png")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(30_000)

        page.goto(f"{up.url}/assets/cached_tts_audio?view=lineage&lineageScope=neighbors")
        for asset in ("chapter_text", "cached_tts_audio", "organized_audio"):
            expect(page.get_by_text(asset).first).to_be_visible()
        keep(page, "lineage")

        page.goto(f"{up.url}/assets/organized_audio?view=partitions")
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Confirm").click()
        page.get_by_text("Select a partition or create one").click()
        page.keyboard.type("mua-lu/")
        page.get_by_text("Select all (2)").click()
        keep(page, "select-a-novel")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Launch backfill").click()
        wait_for(lambda: len(up.materialized()) == 2, timeout_s=150, what="the backfill")
        page.goto(f"{up.url}/runs")
        keep(page, "runs")

        page.goto(f"{up.url}/assets/organized_audio?view=partitions&partition=mua-lu%2F0001")
        expect(page.get_by_text("paragraphs_spoken").first).to_be_visible()
        expect(page.get_by_text("audio_minutes").first).to_be_visible()
        keep(page, "chapter")
        browser.close()

    wavs = sorted(path.name for path in (up.home / "library").rglob("*.wav"))
    assert wavs == ["paragraph_001.wav"] * 2 + ["paragraph_002.wav"] * 2 + ["paragraph_004.wav"]
    assert not list((up.home / "tts_cache").glob("*.wav"))
