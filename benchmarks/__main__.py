"""``python -m benchmarks``: what ``make bench`` runs; status 1 if a budget was missed."""

from benchmarks import backend, intelligibility, narration
from benchmarks.budgets import Budgets

if __name__ == "__main__":
    budgets = Budgets()
    narration.measure(budgets)
    backend.measure(budgets)
    intelligibility.measure(budgets)
    budgets.leave()
