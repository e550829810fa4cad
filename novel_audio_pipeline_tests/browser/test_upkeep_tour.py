"""Upkeep looked at in a real browser, over a planted mess of every kind: tables, numbers, pictures.

``NOVEL_AUDIO_SCREENSHOTS=docs/screenshots`` keeps the pictures.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psutil
import pytest

from novel_audio_pipeline.library.record import ParagraphFailure, ParagraphText
from novel_audio_pipeline.library.record_json import failure_to_json
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.settings import PROJECT_ROOT
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline.upkeep.finding import KINDS
from novel_audio_pipeline_tests.browser.chromium import keeper, needs_chromium, opened_page
from novel_audio_pipeline_tests.cli.homes import Home, new_home
from novel_audio_pipeline_tests.trials.up import free_port
from novel_audio_pipeline_tests.trials.web import wait_for

pytestmark = [pytest.mark.slow, needs_chromium]
HOUR = 3600.0


def novel(chapters: int) -> str:
    parts = [
        (f"Chương {n}", *(f"Câu thứ {i} của chương {n}." for i in range(1, 5)))
        for n in range(1, chapters + 1)
    ]
    return "\n\n".join(text for part in parts for text in part)


def plant(home: Home) -> None:
    """Narrate three novels, then make a mess of every kind there is of them."""
    for name in ("mua-lu", "tat-den", "vo-ba"):
        (home.novels / f"{name}.txt").write_text(novel(6), encoding="utf-8")
    home.json("narrate")
    plant_in_sources(home)
    plant_in_library(home)
    home.json("library", "check", "--read-data", status=1)  # it finds the digest that differs
    for path in home.library.rglob("*"):
        os.utime(path, (time.time() - HOUR,) * 2, follow_symlinks=False)
    plant_what_expires(home)
    home.run("cache", "expire")
    plant_in_cache(home)
    plant_in_dagster(home)


def plant_in_sources(home: Home) -> None:
    (home.novels / "tat-den.txt").unlink()
    (home.novels / "moi.txt").write_text(novel(2), encoding="utf-8")
    (home.novels / "ban-sao.txt").write_text(novel(6), encoding="utf-8")
    (home.novels / "hong.epub").write_bytes(b"no archive")
    shorter = novel(5).replace("\n\nCâu thứ 4 của chương 5.", "")
    (home.novels / "mua-lu.txt").write_text(shorter, encoding="utf-8")


def plant_in_library(home: Home) -> None:
    first, second, third, fourth, *_ = sorted(home.library.glob("mua-lu*/chapter_*"))
    (first / "paragraph_001" / "paragraph_001.wav").unlink()
    (first / "paragraph_002" / "paragraph_002_metadata.json").unlink()
    (first / "paragraph_003" / "paragraph_003.wav").write_bytes(b"RIFF")
    (first / "paragraph_004" / "paragraph_004_metadata.json").write_bytes(b"{")
    shutil.rmtree(second / "paragraph_004")
    (second / "paragraph_001" / ".paragraph_001.wav.host-77-0123abcd.tmp").write_bytes(b"RI")
    (second.parent / "chapter_002_Old").mkdir()
    shutil.rmtree(third)
    wav = fourth / "paragraph_001" / "paragraph_001.wav"
    facts = wav.stat()
    wav.write_bytes(wav.read_bytes()[:-1] + b"\x7f")
    os.utime(wav, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    for number, code in ((2, "wrong_audio"), (3, "expired_before_download")):
        failure = ParagraphFailure(
            ParagraphText("mua-lu", "", 4, "", number, 4, "Câu.", "Câu."),
            "AnError",
            "silent throughout" if code == "wrong_audio" else "it expired before it was downloaded",
            datetime.now(UTC),
            code=code,
        )
        path = fourth / f"paragraph_{number:03d}" / f"paragraph_{number:03d}_failure.json"
        path.write_bytes(failure_to_json(failure, storage_dir="x"))
    (home.library / "notes.txt").write_text("mine")
    (whole,) = home.library.glob("vo-ba*")  # a copy that Dagster was never told of
    shutil.copytree(whole, home.library / "ban-sao")


def plant_what_expires(home: Home) -> None:
    """Leave in the cache what a run asked for before it was killed, more than two hours ago."""
    wav = home.path / "tts_cache" / f"{'1' * 32}.wav"
    wav.write_bytes(b"RIFF" * 1000)
    AskedNotes(home.path / "reports").asked(ChapterKey("mua-lu", 2), 4, wav.stem)
    for path in (wav, home.path / "reports" / "asked" / "0002.0004.mua-lu"):
        os.utime(path, (time.time() - 2.5 * HOUR,) * 2)
    for number, age_h in enumerate((0.3, 0.4, 0.9, 1.1, 1.2, 1.3, 1.7)):  # for the picture
        path = wav.with_name(f"{'8' * 31}{number}.wav")
        path.write_bytes(b"RIFF" * 1000)
        os.utime(path, (time.time() - age_h * HOUR,) * 2)


def plant_in_cache(home: Home) -> None:
    cache = home.path / "tts_cache"
    (record,) = home.library.glob("vo-ba*/chapter_001*/paragraph_001/*_metadata.json")
    held = json.loads(record.read_bytes())["pieces"][0]["fileId"]
    entries = [
        (held, 1.0, True),
        ("2" * 32, 1.0, True),  # nobody names it
        ("3" * 32, 1.9, False),  # without its record
        ("4" * 32, 3.0, True),  # past its time
        ("5" * 32, -1.0, True),  # dated in the future
    ]
    for file_id, age_h, has_record in entries:
        path = cache / f"{file_id}.wav"
        path.write_bytes(b"RIFF" * 1000)
        os.utime(path, (time.time() - age_h * HOUR,) * 2)
        if has_record:
            (cache / "metadata" / f"{file_id}.json").write_text("{}")
    alone = cache / "metadata" / f"{'6' * 32}.json"
    alone.write_text("{}")
    dead = cache / f".{'7' * 32}.wav.elsewhere-77-0123456789ab.tmp"
    dead.write_bytes(b"RI")
    for path in (alone, dead):
        os.utime(path, (time.time() - 3 * HOUR,) * 2)
    strange = cache / "notes.txt"
    strange.write_text("mine")
    os.utime(strange, (time.time() - HOUR,) * 2)


def plant_in_dagster(home: Home) -> None:
    """Let Dagster know a partition that no chapter is named like."""
    code = (
        "import dagster as dg;"
        "dg.DagsterInstance.get().add_dynamic_partitions('chapters', ['so-do/7'])"
    )
    subprocess.run([sys.executable, "-c", code], env=dagster_environ(home), check=True)


def dagster_environ(home: Home) -> dict[str, str]:
    return home.environ(
        DAGSTER_HOME=str(PROJECT_ROOT), NOVEL_AUDIO_DAGSTER_DIR=str(home.path / "dagster")
    )


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a web UI over a home whose upkeep has run."""
    home = new_home(tmp_path_factory.mktemp("upkeep"))
    plant(home)
    # No backend answers there: beside all else, the two hours cannot be enforced at it.
    found = home.json("library", "orphans", status=1, TTS_BACKEND_URL="http://127.0.0.1:9")
    assert {finding["code"] for finding in found["findings"]} == set(KINDS)
    port = free_port()
    command = [sys.executable, "-m", "dagster_webserver"]
    with (home.path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-w", str(PROJECT_ROOT / "workspace.yaml"), "-p", str(port)],
            env=dagster_environ(home),
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
    from playwright.sync_api import expect  # noqa: PLC0415  (a heavy import)

    with opened_page(width=1500, height=1100) as page:
        for asset, words in (
            ("orphan_report", list(KINDS)),
            ("tts_cache_expiry", ["lag_minutes", "past_its_time", "mua-lu/0002 paragraph 4"]),
        ):
            page.goto(f"{web}/assets/{asset}?view=overview")
            for word in words:
                expect(page.get_by_text(word).first).to_be_visible()
            keeper(page)(asset.replace("_", "-"))
            table = "found_by_kind" if asset == "orphan_report" else "removed"
            page.get_by_text(table, exact=True).evaluate("e => e.scrollIntoView()")
            keeper(page)(f"{asset.replace('_', '-')}-table")
            page.get_by_text("[Show Markdown]").first.click()
            picture = page.locator("img[src^='data:image/svg']").first
            expect(picture).to_be_visible()
            assert picture.evaluate("image => image.naturalWidth") == 640
            keeper(page)(f"{asset.replace('_', '-')}-picture")
