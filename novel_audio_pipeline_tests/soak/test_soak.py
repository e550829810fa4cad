"""The short form of the soak: expiry and eviction every second break nothing beside them."""

from datetime import timedelta

import pytest

from novel_audio_pipeline_tests.soak.soaking import soak


@pytest.mark.slow
def test_expiry_and_eviction_beside_sixteen_workers_break_nothing(tmp_path):
    result = soak(tmp_path, cycles=15, step=timedelta(minutes=20))
    assert (result.broken, result.early, result.orphans) == ([], [], [])
    assert result.cycles >= 15
    assert min(result.events[kind] for kind in ("POST", "GET", "DELETE")) > 100
    assert min(result.events[kind] for kind in ("expired", "evicted")) > 5
