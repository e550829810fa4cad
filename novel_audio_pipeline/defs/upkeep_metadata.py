"""What the Dagster UI shows of upkeep: numbers it plots over time, tables, pictures."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.cache_upkeep import CacheRound
from novel_audio_pipeline.upkeep.orphan_report import (
    CSV_FILE,
    PARQUET_FILE,
    OrphanReport,
    TableRows,
)
from novel_audio_pipeline.upkeep.pictures import cache_age_picture, novels_picture

ROWS_SHOWN = 100
Metadata = Mapping[str, dg.MetadataValue]


def cache_metadata(done: CacheRound, place: CachePlace) -> Metadata:
    """Return the metadata of one round over the TTS cache."""
    return {
        "entries_expired": dg.MetadataValue.int(done.count("expired")),
        "entries_evicted": dg.MetadataValue.int(done.count("evicted")),
        "expired_before_download": dg.MetadataValue.int(len(done.lost)),
        "bytes_removed": dg.MetadataValue.int(sum(one.size_bytes for one in done.removed)),
        "entries_left": dg.MetadataValue.int(done.left.entries),
        "bytes_left": dg.MetadataValue.int(done.left.size_bytes),
        "oldest_age_minutes": _minutes(done.left.oldest_age.total_seconds()),
        "lag_minutes": _minutes(done.lag.total_seconds()),
        "overdue_left": dg.MetadataValue.int(done.left.overdue),
        "unknown_left": dg.MetadataValue.int(done.left.unknown),
        "cache": dg.MetadataValue.text(place.backend_url or str(place.root)),
        "removed": _table(
            (
                {
                    "file_id": one.file_id or one.name,
                    "action": one.action,
                    "reason": one.reason,
                    "age_s": round(one.age.total_seconds(), 1),
                    "bytes": one.size_bytes,
                    "in_library": one.in_library,
                    "asked_for": one.asked_for,
                }
                for one in done.removed[:ROWS_SHOWN]
            ),
            numbers={"age_s": "float", "bytes": "int"},
            names=[
                *("file_id", "action", "reason", "age_s", "bytes", "in_library", "asked_for"),
            ],
        ),
        "age_of_entries": dg.MetadataValue.md(cache_age_picture(done.judged, ttl=place.ttl)),
    }


def report_metadata(report: OrphanReport, place: CachePlace) -> Metadata:
    """Return the metadata of one orphan report."""
    findings, cache = report.findings, report.cache.entries
    oldest = float(cache["age_s"].max()) if len(cache) else 0.0
    return {
        "findings": dg.MetadataValue.int(len(findings)),
        "errors": dg.MetadataValue.int(report.count("error")),
        "warnings": dg.MetadataValue.int(report.count("warning")),
        "infos": dg.MetadataValue.int(report.count("info")),
        "bytes_found": dg.MetadataValue.int(int(findings["size_bytes"].sum())),
        "library_files": dg.MetadataValue.int(report.files),
        "library_bytes": dg.MetadataValue.int(int(report.library_bytes.sum())),
        "cache_entries": dg.MetadataValue.int(len(cache)),
        "cache_bytes": dg.MetadataValue.int(int(cache["size_bytes"].sum())),
        "oldest_cache_age_minutes": _minutes(max(0.0, oldest)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 3)),
        "found_by_kind": rows_table(report.found_by_code()),
        "found": rows_table(report.found(rows=ROWS_SHOWN)),
        "bytes_by_novel": dg.MetadataValue.md(novels_picture(report.library_bytes, findings)),
        "parquet": dg.MetadataValue.path(str(place.reports_dir / PARQUET_FILE)),
        "csv": dg.MetadataValue.path(str(place.reports_dir / CSV_FILE)),
    }


def rows_table(found: TableRows) -> dg.TableMetadataValue:
    """Return rows as a table."""
    return _table(found.rows, numbers=found.numbers, names=found.names)


def _table(
    rows: Iterable[Mapping[Any, Any]], *, numbers: Mapping[Any, str], names: list[str]
) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, numbers.get(name, "string")) for name in names]
    return dg.MetadataValue.table(
        records=[dg.TableRecord({str(name): row[name] for name in names}) for row in rows],
        schema=dg.TableSchema(columns=columns),
    )


def _minutes(seconds: float) -> dg.MetadataValue:
    return dg.MetadataValue.float(round(seconds / 60, 2))
