"""``python -m benchmarks``: every benchmark that ``make bench`` runs, one after the other."""

from benchmarks import backend, intelligibility, narration

if __name__ == "__main__":
    narration.main()
    backend.main()
    intelligibility.main()
