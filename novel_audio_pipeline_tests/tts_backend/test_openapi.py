"""The OpenAPI document is true: requests made out of it are answered as it says."""

import httpx

from novel_audio_pipeline_tests.tts_backend.fuzzing import fuzz
from novel_audio_pipeline_tests.tts_backend.serving import served


def test_whatever_is_asked_the_answer_is_specified_and_nothing_lies_outside_the_cache(tmp_path):
    seen = fuzz(tmp_path / "fuzzed", count=250)
    assert seen.requests >= 250
    with served(tmp_path / "described") as backend:
        paths = httpx.get(f"{backend.url}/openapi.json").json()["paths"]
    described = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert {operation for operation, _ in seen.statuses} == described
    for operation in ("POST /api/tts/synthesize", "POST /v1/audio/speech"):
        answered = {status for asked, status in seen.statuses if asked == operation}
        assert {200, 422} <= answered
