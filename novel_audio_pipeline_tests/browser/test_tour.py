"""A person's way through the web UI, in a real browser on a real daemon: all that the README shows.

``NOVEL_AUDIO_SCREENSHOTS=docs/screenshots`` keeps the pictures.
"""

import os
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from novel_audio_pipeline_tests.browser.chromium import (
    keeper,
    needs_chromium,
    open_launch_dialog,
    opened_page,
)
from novel_audio_pipeline_tests.cli.homes import new_home
from novel_audio_pipeline_tests.trials.up import Up, replace, start_up
from novel_audio_pipeline_tests.trials.web import wait_for

NOVEL = """Chương 1: Gặp gỡ

“Anh đi đâu đấy?”

“Ừ.”

* * *

Trời mưa suốt đêm, và sáng ra thì cả xóm đã ngập.

Chương 2: Chia tay

Ông lão đóng cửa hàng, tắt đèn, rồi ra về.

“Thế là hết!”
"""
KEYS = ["mua-lu/0001", "mua-lu/0002"]
HOUR_S = 3600.0

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = new_home(tmp_path_factory.mktemp("tour"))
    replace(home, "mua-lu.txt", NOVEL)
    running = start_up(home)
    try:
        wait_for(lambda: running.chapters() == KEYS, timeout_s=90, what="the sensor finds chapters")
        yield running
    except BaseException:
        running.kill_everything()
        raise
    assert running.stop() == 0  # which also demands that no process stays


def page_of(up: Up, asset: str, view: str, chapter: str = "") -> str:
    partition = f"&partition={quote(chapter, safe='')}" if chapter else ""
    return f"{up.url}/assets/{asset}?view={view}{partition}"


@pytest.fixture(scope="module")
def page(up):
    with opened_page() as opened:
        yield opened


def test_the_graph_leads_from_text_to_audio(up, page):
    from playwright.sync_api import expect  # noqa: PLC0415  (a heavy import)

    page.goto(f"{up.url}/asset-groups")
    for group in ("novels", "narration", "upkeep", "publishing"):
        expect(page.get_by_text(group, exact=True).last).to_be_visible()
    page.goto(f"{page_of(up, 'cached_tts_audio', 'lineage')}&lineageScope=neighbors")
    for asset in ("chapter_text", "cached_tts_audio", "organized_audio"):
        expect(page.get_by_text(asset).first).to_be_visible()
    keeper(page)("lineage")


def test_a_novel_is_selected_backfilled_and_looked_at(up, page):
    from playwright.sync_api import expect  # noqa: PLC0415  (a heavy import)

    page.goto(page_of(up, "organized_audio", "partitions"))
    open_launch_dialog(page)
    page.get_by_text("Select a partition or create one").click()
    expect(page.locator("input:focus")).to_be_visible()  # a slash typed elsewhere opens the search
    page.keyboard.type("mua-lu/")
    page.get_by_text("Select all (2)").click()
    keeper(page)("select-a-novel")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Launch backfill").click()

    wait_for(up.backfills, timeout_s=30, what="a backfill")
    (backfill_id,) = up.backfills()
    page.goto(f"{up.url}/runs/b/{backfill_id}")
    expect(page.get_by_text("Succeeded").first).to_be_visible()  # a column's name
    expect(page.get_by_text("100% completed")).to_have_count(2, timeout=150_000)
    keeper(page)("backfill")
    page.goto(f"{up.url}/runs")
    expect(page.get_by_text("organized_audio").first).to_be_visible()
    keeper(page)("runs")

    page.goto(page_of(up, "organized_audio", "partitions", KEYS[0]))
    for words in ("paragraphs_spoken", "audio_minutes", "skipped_paragraphs", "waveform"):
        expect(page.get_by_text(words).first).to_be_visible()
    keeper(page)("chapter")
    wavs = sorted(path.name for path in up.home.wavs())
    assert wavs == ["paragraph_001.wav"] * 2 + ["paragraph_002.wav"] * 2 + ["paragraph_004.wav"]
    assert not up.home.cached()


def test_upkeep_is_run_and_its_table_read_while_an_edit_makes_one_chapter_stale(up, page):
    from playwright.sync_api import expect  # noqa: PLC0415  (a heavy import)

    replace(up.home, "mua-lu.txt", NOVEL.replace("rồi ra về.", "rồi ra về trong mưa."))
    stranger = up.home.library / "notes.txt"
    stranger.write_text("mine")
    os.utime(stranger, (time.time() - HOUR_S,) * 2)

    page.goto(f"{up.url}/locations/novel_audio_pipeline/jobs/storage_upkeep_job")
    page.get_by_role("button", name="Materialize all").click()
    wait_for(
        lambda: [r for r in up.runs(job="storage_upkeep_job") if r.status == "SUCCESS"],
        timeout_s=120,
        what="upkeep",
    )
    page.goto(page_of(up, "orphan_report", "overview"))
    expect(page.get_by_text("unknown_in_library").first).to_be_visible()
    expect(page.get_by_text("notes.txt").first).to_be_visible()

    wait_for(lambda: up.stale(KEYS), timeout_s=120, what="the sensor observes the edit")
    assert up.stale(KEYS) == {KEYS[1]: ["has a new data version"]}
    page.goto(page_of(up, "cached_tts_audio", "partitions", KEYS[0]))
    expect(page.get_by_text("paragraphs_requested").first).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    page.goto(page_of(up, "cached_tts_audio", "partitions", KEYS[1]))
    page.get_by_text("Unsynced (1)").hover()
    expect(page.get_by_text("has a new data version")).to_be_visible()
    keeper(page)("stale")
