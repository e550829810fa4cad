"""Mixed load on a real backend whose engines are killed at random: the short forms of the soak."""

import pytest

from novel_audio_pipeline_tests.tts_backend.soaking import soak


@pytest.mark.parametrize(
    "seconds", [pytest.param(15, id="short"), pytest.param(60, id="long", marks=pytest.mark.slow)]
)
def test_engines_killed_at_random_spoil_nothing(tmp_path, seconds, request):
    is_slow = request.node.get_closest_marker("slow") is not None
    if is_slow and "slow" not in str(request.config.getoption("-m")):
        pytest.skip("a minute of load: run with -m slow")
    seen = soak(tmp_path, seconds=seconds)
    heard = sum(
        number for what, number in seen.done.items() if "audio" in what or "fetched" in what
    )
    assert heard > 10 * seconds
    assert seen.done["kept and fetched"] > seconds
    assert seen.killed >= seconds
    assert seen.late_mib < 250
