"""The orphan report: gather the inventories, decide, write the report. Nothing is ever deleted here."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.upkeep.asked import AskedNotes, by_entry
from novel_audio_pipeline.upkeep.cache_inventory import CacheInventory, take_cache_inventory
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.finding import UpkeepFinding
from novel_audio_pipeline.upkeep.last_check import digest_findings
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.library_index import parquet_bytes, read_index, write_index
from novel_audio_pipeline.upkeep.library_inventory import LibraryInventory, take_library_inventory
from novel_audio_pipeline.upkeep.orphan_report import COLUMNS, CSV_FILE, PARQUET_FILE, OrphanReport
from novel_audio_pipeline.upkeep.orphans import library_findings, standing_of
from novel_audio_pipeline.upkeep.orphans_elsewhere import (
    cache_findings,
    dagster_findings,
    expired_findings,
)
from novel_audio_pipeline.upkeep.source_inventory import SourceInventory, take_source_inventory

_READ_SLACK = timedelta(minutes=5)
_ORDER = {"error": 0, "warning": 1, "info": 2}


def make_report(
    *,
    place: CachePlace,
    catalog: NovelCatalog,
    ledger: DagsterLedger,
    now: Callable[[], datetime],
) -> OrphanReport:
    """Look at cache, library, sources and Dagster's records, and report what does not fit.

    The table is written to the reports folder as Parquet and CSV, each whole or not at all, and the
    derived index of the library beside it. Nothing is written over the last report and its index if
    library or novels are not there.

    Raises:
        SettingError: If a folder is set wrongly; nothing has been looked at then.
        StorageError: If a folder cannot be read: that is never an empty one. If library or novels
            folder are empty, or the library is missing, though there were chapters: that is more
            likely a disk that is not mounted.
    """
    started, at = time.monotonic(), now()
    reports_dir, library_dir = place.reports_dir, place.library_dir
    notes = AskedNotes(reports_dir).read()  # these two first: what is filed later is then no orphan
    cache = take_cache_inventory(place, now=at)
    source = take_source_inventory(catalog, reports_dir=reports_dir)
    library = take_library_inventory(
        library_dir, now=at, before=read_index(reports_dir), read_since=_read_since(cache, at)
    )
    _require_library(library, source, ledger, path=library_dir)
    _require_sources(source, ledger, path=place.novels_dir)
    index = library.index()
    write_index(reports_dir, index)
    standing = standing_of(library, source, now=at)
    findings = [
        *library_findings(library, source, standing, now=at),
        *digest_findings(reports_dir, library_dir, now=at),
        *cache_findings(
            cache,
            held=index.places(cache.entries["file_id"]),
            asked=by_entry(notes),
            ttl=place.ttl,
        ),
        *expired_findings(notes, standing, ttl=place.ttl, now=at),
        *dagster_findings(ledger, source, standing),
    ]
    report = OrphanReport(
        at=at,
        findings=findings_frame(findings),
        files=library.files,
        library_bytes=standing.chapters["size_bytes"].groupby(level="novel_id").sum(),
        cache=cache,
        seconds=time.monotonic() - started,
    )
    store = LocalFileStore(reports_dir)
    store.write(PARQUET_FILE, parquet_bytes(report.findings))
    store.write(CSV_FILE, report.findings.to_csv(index=False).encode())
    return report


def findings_frame(findings: Iterable[UpkeepFinding]) -> pd.DataFrame:
    """Return the findings as a table, errors first, then by path."""
    frame = pd.DataFrame(
        (
            (
                *(one.code, one.severity, one.area, one.path, one.message, one.advice),
                *(one.novel_id, one.size_bytes, one.age_s),
            )
            for one in findings
        ),
        columns=list(COLUMNS),
    ).astype({"size_bytes": "int64", "age_s": "float64"})
    order = frame["severity"].map(_ORDER)
    return (
        frame.assign(order=order)
        .sort_values(["order", "path"], kind="stable")
        .drop(columns="order")
        .reset_index(drop=True)
    )


def _read_since(cache: CacheInventory, now: datetime) -> datetime | None:
    """Return from when on records may name entries that are in the cache; None if it is empty."""
    ages = cache.entries["age_s"]
    return None if ages.empty else now - timedelta(seconds=float(ages.max())) - _READ_SLACK


def _require_library(
    library: LibraryInventory, source: SourceInventory, ledger: DagsterLedger, *, path: Path
) -> None:
    """Refuse a library without any novel, though Dagster says that it was filled.

    Dagster remembers for ever. What is neither a partition nor in a source any more does not count:
    whoever removed a novel may remove its audio too.
    """
    if not library.novels.empty:
        return
    keys = zip(source.chapters["novel_id"], source.chapters["number"], strict=True)
    known = {*ledger.partitions, *(str(ChapterKey(novel_id, int(n))) for novel_id, n in keys)}
    if filed := len(known.intersection(ledger.materialized)):
        what = (
            f"the library {path} is empty: there is no novel in it"
            if library.exists
            else f"there is no library at {path}"
        )
        raise StorageError(
            f"{what}, and {filed} chapters were filed in one. If it lies on a disk of its own, "
            "mount it; if NOVEL_AUDIO_LIBRARY_DIR is wrong, change it; if you removed the audio "
            "yourself, narrate a chapter. Nothing is reported as lost before that"
        )


def _require_sources(source: SourceInventory, ledger: DagsterLedger, *, path: Path) -> None:
    """Refuse a novels folder without any source, though Dagster knows chapters of some."""
    if ledger.partitions and not source.has_sources:
        raise StorageError(
            f"there is no novel in {path}, but Dagster knows {len(ledger.partitions)} chapters. If "
            "the novels lie on a disk of their own, mount it; if NOVEL_AUDIO_NOVELS_DIR is wrong, "
            "change it; if you removed the last novel, docs/operations.md says under 'Remove a "
            "novel' what to do. Nothing is reported as orphaned before that"
        )
