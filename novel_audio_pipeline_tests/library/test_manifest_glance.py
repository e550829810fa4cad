"""A glance at a manifest says what the whole of it says, or that it is damaged."""

import json

import pytest

from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_glance import glance_at_manifest
from novel_audio_pipeline.library.manifest_json import manifest_from_json, manifest_to_json
from novel_audio_pipeline.library.record import RecordError

KEY, SHA, TEXT = "a" * 64, "b" * 64, "text-" + "c" * 64
MANIFEST = ChapterManifest(
    "so-do",
    "Số đỏ",
    1,
    "Một",
    "d" * 64,
    complete=False,
    paragraphs={
        1: ManifestEntry(1, "audio", KEY, TEXT, SHA, 44, 5, 1.5, 300, 7),
        2: ManifestEntry(
            2, "skipped", None, TEXT, record_size_bytes=9, record_modified_ns=8, skip_reason="x"
        ),
        3: ManifestEntry(3, "audio", None, TEXT, SHA, 45, 6, 1.5, 301, 9),
        4: ManifestEntry(4, "failed"),
        5: ManifestEntry(5, "missing"),
    },
)


def test_it_says_what_the_manifest_says_of_its_records():
    data = manifest_to_json(MANIFEST)
    assert manifest_from_json(data) == MANIFEST
    glance = glance_at_manifest(data)
    assert (glance.listed, glance.complete, glance.script_digest) == (5, False, "d" * 64)
    assert glance.records == {
        1: (300, 7, 44, "audio", KEY),
        2: (9, 8, 0, "skipped", ""),
        3: (301, 9, 45, "audio", ""),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "1"),
        ("number", None),
        ("recordSize", 1.5),
        ("recordModifiedNs", 2**63),
        ("recordModifiedNs", None),
        ("size", "44"),
        ("contentKey", 7),
        ("status", ...),
    ],
)
def test_what_is_wrong_in_it_is_an_error(name, value):
    document = json.loads(manifest_to_json(MANIFEST))
    first = document["paragraphs"][0]
    if value is ...:
        del first[name]
    else:
        first[name] = value
    with pytest.raises(RecordError):
        glance_at_manifest(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"schemaVersion": 2}', b'{"schemaVersion": 1, "paragraphs": [1]}']
)
def test_what_is_no_manifest_is_an_error(data):
    with pytest.raises(RecordError):
        glance_at_manifest(data)
