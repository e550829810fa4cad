"""Mixed load on real engines that are killed at random: no wrong audio, no lost entry."""

import pytest

from novel_audio_pipeline_tests.tts_backend.soaking import soak


@pytest.mark.parametrize(
    "seconds", [pytest.param(4, id="short"), pytest.param(60, id="long", marks=pytest.mark.slow)]
)
def test_engines_killed_at_random_spoil_nothing(tmp_path, seconds, request):
    if seconds > 10 and "slow" not in str(request.config.getoption("-m")):
        pytest.skip("a minute of load: run with -m slow")
    seen = soak(tmp_path, seconds=seconds)
    assert seen.heard > 50 * seconds / 4
    assert seen.killed >= 5
    start_mib, _, end_mib = seen.rss_mib
    assert end_mib < start_mib + 80
