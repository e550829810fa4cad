"""What the discovery sensor remembers between ticks, and what follows from it. No I/O here."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from novel_audio_pipeline.defs.partitions import chapter_keys
from novel_audio_pipeline.novels.model import ChapterKey

# A folder that is not mounted for a moment, or a file being replaced, is not a novel taken away.
GONE_FOR = timedelta(minutes=10)


@dataclass(slots=True)
class SensorMemory:
    """The sensor's cursor.

    Attributes:
        looks: What each source looked like when all of its chapters had been recorded, by path.
        chapters: Chapter numbers by novel id by source path, as last read.
        missing_since: For each chapter number that no source has any more, by novel id: since when.
    """

    looks: dict[str, str] = field(default_factory=dict)
    chapters: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    missing_since: dict[str, dict[int, datetime]] = field(default_factory=dict)

    @classmethod
    def parse(cls, cursor: str | None) -> "SensorMemory":
        """Return what a cursor holds; an empty or much older one holds nothing.

        One that dates whole novels (``gone_since``) tells nothing of a chapter: the time begins anew.
        """
        state = json.loads(cursor) if cursor else {}
        if "looks" not in state:
            return cls()
        return cls(
            looks=state["looks"],
            chapters={
                source: {novel: _numbers(text) for novel, text in novels.items()}
                for source, novels in state["chapters"].items()
            },
            missing_since={
                novel: {
                    number: datetime.fromisoformat(at)
                    for at, text in groups.items()
                    for number in _numbers(text)
                }
                for novel, groups in state.get("missing_since", {}).items()
            },
        )

    def cursor(self) -> str:
        """Return it as a cursor; numbers as ranges, so that it stays small."""
        return json.dumps(
            {
                "looks": self.looks,
                "chapters": {
                    source: {novel: _ranges(numbers) for novel, numbers in novels.items()}
                    for source, novels in self.chapters.items()
                },
                "missing_since": {
                    novel: {at.isoformat(): _ranges(numbers) for at, numbers in _by_time(since)}
                    for novel, since in self.missing_since.items()
                },
            }
        )

    def record(self, source: str, keys: Iterable[ChapterKey]) -> None:
        """Remember which chapters a source has."""
        novels: dict[str, list[int]] = {}
        for key in sorted(keys):
            novels.setdefault(key.novel_id, []).append(key.number)
        self.chapters[source] = novels

    def forget_sources(self, present: Iterable[str]) -> None:
        """Forget the sources that are not there any more."""
        kept = frozenset(present)
        self.looks = {source: look for source, look in self.looks.items() if source in kept}
        self.chapters = {s: novels for s, novels in self.chapters.items() if s in kept}

    def gone(self, known: Iterable[str], sources: Iterable[str], *, now: datetime) -> list[str]:
        """Return the partition keys whose chapter has been in no source for long enough.

        Each chapter has its own time. Nothing is gone while a source has not been read (its chapters
        are not known), or while there is no source at all: an empty folder is more likely a disk
        that is missing. A key that names no chapter was added by hand, and is deleted by hand.

        Args:
            known: All partition keys.
            sources: Paths of the sources there are.
            now: Timezone-aware.
        """
        paths = list(sources)
        before, self.missing_since = self.missing_since, {}
        if not paths or not all(path in self.chapters for path in paths):
            return []
        there = {key for novels in self.chapters.values() for key in _keys(novels)}
        missing, _ = chapter_keys(text for text in known if text not in there)
        gone = []
        for key in missing:
            since = before.get(key.novel_id, {}).get(key.number, now)
            self.missing_since.setdefault(key.novel_id, {})[key.number] = since
            if now - since >= GONE_FOR:
                gone.append(str(key))
        return gone


def _keys(novels: Mapping[str, list[int]]) -> Iterator[str]:
    for novel_id, numbers in novels.items():
        yield from (str(ChapterKey(novel_id, number)) for number in numbers)


def _by_time(since: Mapping[int, datetime]) -> list[tuple[datetime, list[int]]]:
    """Return the numbers of each instant, sorted."""
    groups: dict[datetime, list[int]] = {}
    for number in sorted(since):
        groups.setdefault(since[number], []).append(number)
    return sorted(groups.items())


def _ranges(numbers: Iterable[int]) -> str:
    """Return sorted numbers as ``1-3,7``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


def _numbers(ranges: str) -> list[int]:
    """Return the numbers that ``_ranges`` wrote."""
    numbers: list[int] = []
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
