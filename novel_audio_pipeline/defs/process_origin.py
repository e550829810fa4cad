"""Which process a number meant: told by the machine's boot, the namespace and the start in ticks."""

from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_ENDED = (b"Z", b"X")
_MACHINES_OWN_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of Linux's proc_ns.h


@dataclass(frozen=True, slots=True)
class ProcessOrigin:
    """Where and when a Linux process began; a clock that is set changes nothing of it.

    ``{boot_id} {namespace} {start_ticks}`` as text; ``ProcessOrigin.parse`` and ``str`` are inverses.

    Attributes:
        boot_id: Of the machine's start, see random(4).
        namespace: In which its number counts, see pid_namespaces(7); a container has its own.
        start_ticks: Clock ticks from the machine's start to its own, see proc_pid_stat(5).
    """

    boot_id: str
    namespace: str
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.boot_id} {self.namespace} {self.start_ticks}"

    @classmethod
    def parse(cls, text: str) -> "ProcessOrigin":
        """Return the origin that ``str`` wrote.

        Raises:
            ValueError: If it is none.
        """
        boot_id, namespace, ticks = text.split(" ")
        return cls(boot_id, namespace, int(ticks))

    @classmethod
    def own(cls) -> "ProcessOrigin | None":
        """Return the origin of this process; None where there is no ``/proc`` that tells it."""
        try:
            return cls(
                (_PROC / "sys/kernel/random/boot_id").read_text().strip(),
                str((_PROC / "self/ns/pid").readlink()),
                _start_ticks(_PROC / "self/stat"),
            )
        except OSError:
            return None

    def is_gone(self, pid: int, *, here: "ProcessOrigin") -> bool:
        """Return whether the process of this number, on a host of our name, is certainly gone.

        Args:
            pid: Its number in its own namespace.
            here: Our own origin.
        """
        return is_gone(
            self,
            here=here,
            holder=_start_ticks_of(pid, hidden=self.start_ticks),
            first=_start_ticks_of(1, hidden=0) or 0,
        )


def is_gone(origin: ProcessOrigin, *, here: ProcessOrigin, holder: int | None, first: int) -> bool:
    """Return whether a process on a host of our name is gone, as far as can be known from here.

    Args:
        origin: Its own.
        here: Our own.
        holder: Start of the process that has its number in our namespace now, in ticks, if one has.
        first: Start of our namespace's first process, in ticks.
    """
    if origin.boot_id != here.boot_id:
        return True
    if origin.namespace == here.namespace:
        return holder != origin.start_ticks
    # An earlier start of our container ended with all it ran. But what began after ours did is in a
    # namespace beside ours, and the machine's own ends with the machine: those may live, unseen.
    return origin.namespace != _MACHINES_OWN_NAMESPACE and origin.start_ticks < first


def _start_ticks_of(pid: int, *, hidden: int) -> int | None:
    """Return when a process of our namespace began; None if there is none, or what it left behind.

    Args:
        pid: Its number.
        hidden: What to return if it may not be looked at.
    """
    try:
        return _start_ticks(_PROC / str(pid) / "stat")
    except PermissionError:
        return hidden
    except (FileNotFoundError, ProcessLookupError):
        return None


def _start_ticks(stat: Path) -> int:
    """Return the start that a process's ``stat`` tells: field 22, see proc_pid_stat(5).

    Raises:
        ProcessLookupError: If it has ended, and its parent has not asked for its status yet.
        OSError: If it cannot be read.
    """
    fields = stat.read_bytes().rpartition(b")")[2].split()  # from the third: a name holds anything
    if fields[0] in _ENDED:
        raise ProcessLookupError(f"the process of {stat} has ended")
    return int(fields[19])
