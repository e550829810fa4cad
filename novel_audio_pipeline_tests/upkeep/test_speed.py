"""The benchmarks of upkeep in short: they run, find what they planted, and stay near their budgets.

The budgets themselves are measured by ``python -m benchmarks``; here they are widened, since tests
share their machine with other work.
"""

import pytest

from benchmarks import cache_expiry, orphan_report

SLACK = 6  # a busy machine, and what does not shrink with the data


def test_expiry_and_a_tick_over_a_full_cache(tmp_path):
    entries = 3_000
    found = cache_expiry.measure(tmp_path, entries)
    share = entries / cache_expiry.ENTRIES
    assert found["tick_cpu"] <= cache_expiry.TICK_BUDGET_S * share * SLACK
    assert found["round_cpu"] <= cache_expiry.EXPIRY_BUDGET_S * share * SLACK


@pytest.mark.slow
def test_two_looks_at_a_library_with_nothing_wrong(tmp_path):
    files = 10_000
    first, second = orphan_report.measure(tmp_path, files)
    assert first["files"] == second["files"] == pytest.approx(files, rel=0.02)
    assert (first["findings"], second["findings"]) == (0, 0)
    assert first["listed"] > files / 2  # each paragraph's folder
    assert second["listed"] < files / 50  # each chapter's
    assert second["opened"] < first["opened"]  # no manifest anew
    assert max(first["mib"], second["mib"]) <= orphan_report.MEMORY_BUDGET_MIB / 2
