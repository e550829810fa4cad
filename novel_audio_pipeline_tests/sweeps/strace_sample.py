"""Whether the injected layer sees every call below the library's root: one commit under strace.

``python -m novel_audio_pipeline_tests.sweeps.strace_sample ROOT`` does the commit and prints what was
counted; ``compared`` runs that under strace and sets the two side by side.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from novel_audio_pipeline.library.layout import LOCKS
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.locks import FileLocks
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
from novel_audio_pipeline_tests.sweeps.scenario import store_of
from novel_audio_pipeline_tests.sweeps.swept_calls import SweptCalls, Trace

# What the system is asked for by each counted call, apart from looking at names.
SYSTEM_CALLS = {
    "create": ("open",),
    "open": ("open",),
    "open_to_sync": ("open",),
    "write": ("write",),
    "read": ("read",),
    "close": ("close",),
    "sync_file": ("fdatasync",),
    "sync_folder": ("open", "fsync", "close"),
    "replace": ("rename",),
    "rename": ("rename",),
    "link": ("link",),
    "unlink": ("unlink",),
    "mkdir": ("mkdir",),
    "rmdir": ("rmdir",),
    "scan": ("open", "close"),
}
_TRACED = (
    "openat,open,creat,read,pread64,readv,write,pwrite64,writev,close,fsync,fdatasync,sync_file_range,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,truncate,ftruncate,"
    "symlink,symlinkat,fallocate,copy_file_range,sendfile,chmod,fchmod,fchmodat,utimensat,mmap"
)
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|0x)")
_SAME = {"openat": "open", "renameat": "rename", "renameat2": "rename", "linkat": "link"}


class CountingCalls(SweptCalls):
    """Counts the calls to the system that succeed, by the name that strace gives them."""

    def __init__(self) -> None:
        super().__init__(Trace())
        self.made: Counter[str] = Counter()

    def _swept(self, name: str, call: object, *args: object) -> object:
        result = super()._swept(name, call, *args)  # type: ignore[arg-type]
        self.made.update(SYSTEM_CALLS.get(name, ()))
        return result


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was counted, and what strace saw below the root, outside of the locks."""

    counted: Counter[str]
    seen: Counter[str]


def compared() -> Comparison:
    """Commit, under strace, a chapter of two paragraphs; then change it."""
    with tempfile.TemporaryDirectory(prefix="strace-") as name:
        root, log = Path(name) / "library", Path(name) / "strace.log"
        module = "novel_audio_pipeline_tests.sweeps.strace_sample"
        command = [sys.executable, "-m", module, str(root)]
        done = subprocess.run(
            ["strace", "-f", "-y", "-s", "0", "-e", f"trace={_TRACED}", "-o", str(log), *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        seen = Counter(seen_below(root, log.read_text(encoding="utf-8", errors="replace")))
    return Comparison(Counter(json.loads(done.stdout)), seen)


def seen_below(root: Path, log: str) -> list[str]:
    """Return the successful calls of a strace log that name a path at or below a root."""
    seen = []
    locks = str(root / LOCKS)
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is None or match[3].startswith("-"):
            continue
        call, arguments = match[1], match[2]
        if call == "unlinkat" and "AT_REMOVEDIR" in arguments:
            call = "rmdir"
        call = _SAME.get(call, call.removesuffix("at"))
        # The root's parent is synced once for the name of the root; that is the layer's too.
        below = f"{root}/" in arguments or f"{root}>" in arguments or f'{root}"' in arguments
        beside = f"{root.parent}>" in arguments or f'{root.parent}"' in arguments
        if (below or beside) and locks not in arguments:
            seen.append(call)
    return seen


def main(root: Path) -> None:
    """Narrate, displace, move and skip on a library, and print what was counted."""
    calls = CountingCalls()
    library = AudioLibrary(store_of(root, calls=calls), locks=FileLocks(root / LOCKS))
    narration = MiniNarration(library)
    narration.narrate([MiniScript(["a", "-", "b"])])
    narration.narrate([MiniScript(["b", "a", "x"], title="Một"), MiniScript(["c"], number=2)])
    narration.narrate([MiniScript(["-"], title="Một"), MiniScript(["a"], number=2)])
    print(json.dumps(calls.made))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
