"""What the benchmarks say of a result, and with which status they end."""

import pytest

from benchmarks.budgets import Budgets


def test_a_result_at_its_budget_keeps_it_and_one_beyond_does_not():
    budgets = Budgets()
    assert budgets.at_least("share", 0.9, 0.9) == "at least 0.90 reached"
    assert budgets.at_most("ratio", 2.0, 2.0) == "at most 2.00 reached"
    budgets.leave()
    assert budgets.at_least("share", 0.89, 0.9) == "at least 0.90 NOT reached"
    assert budgets.at_most("ratio", 2.01, 2.0) == "at most 2.00 NOT reached"


def test_a_missed_budget_is_named_at_the_end_and_is_status_1(capsys):
    budgets = Budgets()
    budgets.at_most("ratio", 3.0, 2.0)
    with pytest.raises(SystemExit) as left:
        budgets.leave()
    assert left.value.code == 1
    assert capsys.readouterr().out == "missed: ratio 3.00, at most 2.00\n"
