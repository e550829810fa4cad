"""Dagster's records of many chapters, inserted in bulk: copies of rows that Dagster itself has written.

One real narration of 25 chapters is the template. Its rows (observations, plans, materializations,
checks, the run and its tags) are copied with other keys, digests, run ids and event ids, so that no
knowledge of Dagster's formats is needed here. What is left out are the logs of the copied runs.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from novel_audio_pipeline.defs.partitions import CHAPTERS_PER_RUN
from novel_audio_pipeline_tests.scale.sources import Chapter

Row = dict[str, Any]
Swaps = Sequence[tuple[str, str]]
_CACHED, _ORGANIZED = '["cached_tts_audio"]', '["organized_audio"]'
_POINTER = "dagster/input_event_pointer/"


@dataclass(frozen=True, slots=True)
class Template:
    """What Dagster wrote of one narration of 25 chapters.

    Attributes:
        chapters: Of the chapters, in order.
        run_id: Of the run.
        observations: Of the chapters, by partition key, each with its tags.
        events: Of the run, as mirrored for all runs together, in order.
        event_tags: Of the events, by event id.
        checks: Results of the run's checks.
        run: The run.
        run_tags: Its tags.
    """

    chapters: Sequence[Chapter]
    run_id: str
    observations: Mapping[str, Row]
    events: Sequence[Row]
    event_tags: Mapping[int, Sequence[Row]]
    checks: Sequence[Row]
    run: Row
    run_tags: Sequence[Row]


class BulkRecords:
    """Writes records of chapters into the databases below a folder; no Dagster may be running."""

    def __init__(self, dagster_dir: Path, chapters: Sequence[Chapter]) -> None:
        """Read the template.

        Args:
            dagster_dir: ``NOVEL_AUDIO_DAGSTER_DIR``, after one run over 25 chapters.
            chapters: Of these chapters.
        """
        assert len(chapters) == CHAPTERS_PER_RUN
        self._index_path = dagster_dir / "history" / "runs" / "index.db"
        self._runs_path = dagster_dir / "history" / "runs.db"
        self._template = _read_template(self._index_path, self._runs_path, chapters)

    def observe(self, chapters: Sequence[Chapter]) -> None:
        """Write that the text of chapters was observed."""
        original = self._template.chapters[0]
        template = self._template.observations[original.key]
        tags = self._template.event_tags[template["id"]]
        with closing(sqlite3.connect(self._index_path)) as index, index:
            event_id = _last_id(index)
            for chapter in chapters:
                event_id += 1
                swaps = _chapter_swaps(original, chapter)
                _insert(index, "event_logs", {**_swapped(template, swaps), "id": event_id})
                for tag in tags:
                    _insert(
                        index, "asset_event_tags", {**_swapped(tag, swaps), "event_id": event_id}
                    )

    def materialize(self, chapters: Sequence[Chapter]) -> None:
        """Write that chapters were narrated, 25 in each run; what is left over is left out."""
        with (
            closing(sqlite3.connect(self._index_path)) as index,
            closing(sqlite3.connect(self._runs_path)) as runs,
            index,
            runs,
        ):
            observed = _observations(index)
            for start in range(0, len(chapters) - CHAPTERS_PER_RUN + 1, CHAPTERS_PER_RUN):
                chunk = chapters[start : start + CHAPTERS_PER_RUN]
                run_id = str(uuid.uuid4())
                _copy_run(runs, self._template, run_id, chunk)
                _copy_events(index, self._template, run_id, chunk, observed)


def _read_template(index_path: Path, runs_path: Path, chapters: Sequence[Chapter]) -> Template:
    with closing(sqlite3.connect(runs_path)) as runs:
        (run,) = _rows(runs, "select * from runs where status = 'SUCCESS'")
        run_tags = _rows(runs, "select * from run_tags where run_id = ?", run["run_id"])
    with closing(sqlite3.connect(index_path)) as index:
        observations = _rows(
            index, "select * from event_logs where dagster_event_type = 'ASSET_OBSERVATION'"
        )
        events = _rows(
            index, "select * from event_logs where run_id = ? order by id", run["run_id"]
        )
        tags: dict[int, list[Row]] = {}
        for tag in _rows(index, "select * from asset_event_tags"):
            tags.setdefault(tag["event_id"], []).append(tag)
        checks = _rows(index, "select * from asset_check_executions")
    return Template(
        chapters=chapters,
        run_id=run["run_id"],
        observations={row["partition"]: row for row in observations},
        events=events,
        event_tags=tags,
        checks=checks,
        run=run,
        run_tags=run_tags,
    )


def _copy_run(
    runs: sqlite3.Connection, template: Template, run_id: str, chapters: Sequence[Chapter]
) -> None:
    swaps = [
        (template.run_id, run_id),
        (template.chapters[0].key, chapters[0].key),
        (template.chapters[-1].key, chapters[-1].key),
    ]
    for table, rows in (("runs", [template.run]), ("run_tags", template.run_tags)):
        for row in rows:
            _insert(runs, table, _swapped(row, swaps))


def _copy_events(
    index: sqlite3.Connection,
    template: Template,
    run_id: str,
    chapters: Sequence[Chapter],
    observed: Mapping[str, int],
) -> None:
    """Copy events, their tags and the results of the checks, each pointing at the others' copies."""
    swaps_of = {
        old.key: [
            *_chapter_swaps(old, new),
            _pointer_swap(
                "chapter_text",
                template.observations[old.key]["id"],
                observed[new.key],
            ),
        ]
        for old, new in zip(template.chapters, chapters, strict=True)
    }
    ids: dict[int, int] = {}
    made: dict[
        str, tuple[int, int]
    ] = {}  # last materialization of each asset: its id and its copy's
    event_id = _last_id(index)
    for row in template.events:
        event_id += 1
        swaps = [(template.run_id, run_id), *swaps_of.get(row["partition"], ())]
        if row["asset_key"] == _ORGANIZED and made:
            swaps.append(_pointer_swap("cached_tts_audio", *made[_CACHED]))
            swaps.append(_target_swap(*made.get(_ORGANIZED, (0, 0))))
        ids[row["id"]] = event_id
        if row["dagster_event_type"] == "ASSET_MATERIALIZATION":
            made[row["asset_key"]] = (row["id"], event_id)
        _insert(index, "event_logs", {**_swapped(row, swaps), "id": event_id})
        for tag in template.event_tags.get(row["id"], ()):
            _insert(index, "asset_event_tags", {**_swapped(tag, swaps), "event_id": event_id})
    for row in template.checks:
        target = row["materialization_event_storage_id"]
        copy = _swapped(row, [(template.run_id, run_id), _target_swap(target, ids[target])])
        copy["evaluation_event_storage_id"] = ids[row["evaluation_event_storage_id"]]
        copy["materialization_event_storage_id"] = ids[target]
        _insert(index, "asset_check_executions", copy)


def _chapter_swaps(old: Chapter, new: Chapter) -> list[tuple[str, str]]:
    """Return what tells one chapter from another in its rows."""
    return [
        (old.key, new.key),
        (old.digest, new.digest),
        (json.dumps(old.title), json.dumps(new.title)),
        (json.dumps(old.folder), json.dumps(new.folder)),
    ]


def _pointer_swap(asset: str, old: int, new: int) -> tuple[str, str]:
    return f'"{_POINTER}{asset}": "{old}"', f'"{_POINTER}{asset}": "{new}"'


def _target_swap(old: int, new: int) -> tuple[str, str]:
    return f'"storage_id": {old},', f'"storage_id": {new},'


def _swapped(row: Row, swaps: Swaps) -> Row:
    """Return a row without its own id, with other texts in the place of some."""
    copy = {name: value for name, value in row.items() if name != "id"}
    for name, value in copy.items():
        if isinstance(value, str):
            for old, new in swaps:
                value = value.replace(old, new)  # noqa: PLW2901  (one after the other)
            copy[name] = value
    return copy


def _observations(index: sqlite3.Connection) -> dict[str, int]:
    return dict(
        index.execute(
            "select partition, max(id) from event_logs "
            "where dagster_event_type = 'ASSET_OBSERVATION' group by partition"
        )
    )


def _last_id(index: sqlite3.Connection) -> int:
    return int(index.execute("select coalesce(max(id), 0) from event_logs").fetchone()[0])


def _rows(database: sqlite3.Connection, query: str, *values: str) -> list[Row]:
    return list(_each_row(database, query, values))


def _each_row(database: sqlite3.Connection, query: str, values: Sequence[str]) -> Iterator[Row]:
    cursor = database.execute(query, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _insert(database: sqlite3.Connection, table: str, row: Row) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    database.execute(f'insert into "{table}" ({names}) values ({marks})', tuple(row.values()))  # noqa: S608  (our own names)
