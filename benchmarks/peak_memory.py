"""How much memory this process has needed at most."""

import sys
from pathlib import Path


def peak_bytes() -> int:
    """Return the peak of the resident memory since the program began.

    Linux tells it in ``VmHWM``; ``ru_maxrss`` would still count what the process that started this
    one had in memory.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource  # noqa: PLC0415  (not on Windows)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
