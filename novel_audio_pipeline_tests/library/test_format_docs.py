"""The page on the format says what the code does."""

import json
from pathlib import Path

from novel_audio_pipeline.library.finding import CODES
from novel_audio_pipeline.library.layout import ASIDE, LOCKS, MANIFEST, PLAYLIST, REPAIR_ASIDE
from novel_audio_pipeline.library.manifest_json import STATUSES
from novel_audio_pipeline.library.record_json import record_to_json
from novel_audio_pipeline_tests.library.making import MiniScript

PAGE = Path(__file__).parents[2].joinpath("docs", "library-format.md").read_text(encoding="utf-8")


def test_every_field_of_a_record_is_on_the_page():
    for script in (MiniScript(["a"]), MiniScript(["-"])):
        fields = json.loads(record_to_json(script.record(1)))
        assert [name for name in fields if f"`{name}" not in PAGE] == []


def test_every_name_status_and_finding_is_on_the_page():
    for name in (ASIDE, LOCKS, MANIFEST, PLAYLIST, REPAIR_ASIDE):
        assert name in PAGE
    assert [name for name in (*STATUSES, *CODES) if f"`{name}`" not in PAGE] == []
