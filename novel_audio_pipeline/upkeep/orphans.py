"""Orphans in the library, both ways: what refers to nothing, and what is referred to and absent.

Pure: inventories in, findings out. What was touched in the last fifteen minutes may be under way and
is left out; a failure that was written down is told at once. The cache and Dagster's records are
judged in ``orphans_elsewhere.py``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from novel_audio_pipeline.errors import ExpiredBeforeDownloadError
from novel_audio_pipeline.library.layout import paragraph_path, record_name, wav_name
from novel_audio_pipeline.upkeep.finding import UpkeepFinding
from novel_audio_pipeline.upkeep.known_library import Said
from novel_audio_pipeline.upkeep.library_inventory import LibraryInventory
from novel_audio_pipeline.upkeep.numbers_text import ranges_text
from novel_audio_pipeline.upkeep.source_inventory import SourceInventory

GRACE = timedelta(minutes=15)
EXPIRED = ExpiredBeforeDownloadError.code
_NS = 10**9


@dataclass(frozen=True)
class Standing:
    """The library's paragraphs with what the sources want of them, ready to be asked.

    Attributes:
        paragraphs: Those of the inventory, with ``novel_id``, ``chapter_number``, ``folder``,
            ``wanted`` (paragraphs of the chapter by its source, -1 if none has it), ``is_good``,
            ``touched_ns`` and ``is_settled`` (not touched lately).
        chapters: One row for each chapter that library or source has, by ``novel_id`` and
            ``number``: ``wanted``, ``good`` (paragraphs that stand as they should, of those
            wanted), ``folder`` (``""`` without one), ``size_bytes``, ``is_settled``.
        under_way: The novels of which a folder or a chapter was touched lately.
    """

    paragraphs: pd.DataFrame
    chapters: pd.DataFrame
    under_way: frozenset[str]


def standing_of(library: LibraryInventory, source: SourceInventory, *, now: datetime) -> Standing:
    """Return how the library stands against the sources."""
    wanted = source.chapters.set_index(["novel_id", "number"])["paragraphs"]
    wanted = wanted[~wanted.index.duplicated()]
    held = library.chapters[["novel_id", "number", "folder"]].join(
        wanted.rename("wanted"), on=["novel_id", "number"]
    )
    held["wanted"] = held["wanted"].fillna(-1).astype("int64")
    novels = library.novels
    busy = novels[~is_settled(ages_s(novels["modified_ns"], now=now))]
    held["is_novel_settled"] = ~held["folder"].str.split("/", n=1).str[0].isin(busy["folder"])
    paragraphs = library.paragraphs.copy(deep=False)
    rows = held.take(paragraphs["chapter"].to_numpy())
    paragraphs["novel_id"] = pd.Categorical(rows["novel_id"].to_numpy())
    paragraphs["chapter_number"] = rows["number"].to_numpy()
    paragraphs["folder"] = pd.Categorical(rows["folder"].to_numpy())
    paragraphs["wanted"] = rows["wanted"].to_numpy()
    has_audio = (paragraphs["said"] == Said.AUDIO) & (
        paragraphs["wav_size"] == paragraphs["said_size"]
    )
    paragraphs["is_good"] = has_audio | (paragraphs["said"] == Said.SKIPPED)
    touched = paragraphs[["wav_ns", "record_ns", "failure_ns"]].max(axis=1)
    paragraphs["touched_ns"] = touched
    paragraphs["is_settled"] = is_settled(ages_s(touched, now=now))
    chapters = _chapters(paragraphs, held, wanted)
    touched_lately = chapters.index[(~chapters["is_settled"]).to_numpy()].get_level_values(
        "novel_id"
    )
    return Standing(paragraphs, chapters, frozenset(busy["novel_id"]).union(touched_lately))


def is_settled(age_s: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return which things of these ages are out of grace: they are not under way.

    At exactly fifteen minutes they are; dated that far after now they are as well.
    """
    return age_s.abs() >= GRACE.total_seconds()


def ages_s(modified_ns: "pd.Series[Any]", *, now: datetime) -> "pd.Series[Any]":
    """Return the ages of dates, in seconds; what is not there is very old."""
    return (int(now.timestamp() * _NS) - modified_ns.astype("int64")) / _NS


def _chapters(
    paragraphs: pd.DataFrame, held: pd.DataFrame, wanted: "pd.Series[Any]"
) -> pd.DataFrame:
    counted = paragraphs[paragraphs["is_good"] & (paragraphs["number"] <= paragraphs["wanted"])]
    by_row = pd.DataFrame(index=held.index)
    by_row["good"] = counted.groupby("chapter")["number"].nunique()
    by_row["size_bytes"] = paragraphs["wav_size"].clip(lower=0).groupby(paragraphs["chapter"]).sum()
    dated = paragraphs.loc[paragraphs["touched_ns"] >= 0, ["chapter", "is_settled"]]
    by_row["is_settled"] = dated.groupby("chapter")["is_settled"].all()
    rows = held.join(by_row).fillna({"good": 0, "size_bytes": 0})
    # A chapter without any file has just been made if its novel's folder has a fresh date.
    rows["is_settled"] = rows["is_settled"].fillna(rows["is_novel_settled"])
    rows = rows.sort_values("good", ascending=False, kind="stable")
    best = rows.groupby(["novel_id", "number"]).agg(
        good=("good", "max"),
        size_bytes=("size_bytes", "sum"),
        is_settled=("is_settled", "all"),
        folder=("folder", "first"),
    )
    chapters = pd.DataFrame(index=best.index.union(wanted.index, sort=False))
    chapters["wanted"] = wanted
    for name, empty in (("good", 0), ("size_bytes", 0), ("is_settled", True), ("folder", "")):
        chapters[name] = best[name]
        chapters[name] = chapters[name].where(chapters[name].notna(), empty)
    chapters["wanted"] = chapters["wanted"].fillna(-1).astype("int64")
    chapters.index.names = ["novel_id", "number"]
    return chapters.astype({"good": "int64", "size_bytes": "int64", "is_settled": "bool"})


def library_findings(
    library: LibraryInventory, source: SourceInventory, standing: Standing, *, now: datetime
) -> Iterator[UpkeepFinding]:
    """Yield what is wrong or left over in the library, and what the sources have no audio for."""
    yield from _paragraph_findings(standing.paragraphs, now=now)
    yield from _failures(library, now=now)
    yield from _missing(library, standing, now=now)
    yield from _twins(library, standing)
    yield from _unwanted(library, source, standing, now=now)
    yield from _beyond(standing.paragraphs, now=now)
    yield from _incomplete(standing)
    yield from _others(library, now=now)
    yield from source_findings(source, standing)


def _paragraph_findings(paragraphs: pd.DataFrame, *, now: datetime) -> Iterator[UpkeepFinding]:
    has_wav, has_record = paragraphs["wav_size"] >= 0, paragraphs["record_size"] >= 0
    said, settled = paragraphs["said"], paragraphs["is_settled"]
    is_audio = said == Said.AUDIO
    rules: list[tuple[str, pd.Series[Any], Callable[[Any], str]]] = [
        (
            "record_without_audio",
            is_audio & ~has_wav,
            lambda row: f"the record names a WAV of {row.said_size} bytes that is not there",
        ),
        (
            "size_differs",
            is_audio & has_wav & (paragraphs["wav_size"] != paragraphs["said_size"]),
            lambda row: f"the WAV has {row.wav_size} bytes, its record says {row.said_size}",
        ),
        (
            "record_unreadable",
            has_record & (said == Said.UNREADABLE),
            lambda _row: "the record is damaged, or not of this program's format",
        ),
        (
            "audio_without_record",
            # Clearing a place removes the record first, and only its folder tells when that was.
            (has_wav & (~has_record | (said == Said.SKIPPED)))
            & is_settled(ages_s(paragraphs["folder_ns"], now=now)),
            lambda row: (
                "the record says there is nothing to speak, and a WAV lies beside it"
                if row.said == Said.SKIPPED
                else "a WAV without a record: its commit was never finished"
            ),
        ),
    ]
    for code, mask, message in rules:
        for row in rows_of(paragraphs[mask & settled]):
            name = record_name if code == "record_unreadable" else wav_name
            folder = paragraph_path(PurePosixPath(str(row.folder)), int(row.number))
            yield UpkeepFinding(
                code=code,
                path=str(folder / name(int(row.number))),
                message=message(row),
                novel_id=str(row.novel_id),
                size_bytes=max(0, int(row.wav_size)),
                age_s=_age_s(int(row.touched_ns), now),
            )


def _failures(library: LibraryInventory, *, now: datetime) -> Iterator[UpkeepFinding]:
    chapters = library.chapters
    for failure in rows_of(library.failures):
        chapter, number = int(failure.chapter), int(failure.number)
        row = chapters.iloc[chapter].to_dict()
        is_gone = failure.code == EXPIRED
        yield UpkeepFinding(
            code=EXPIRED if is_gone else "paragraph_failed",
            path=str(paragraph_path(PurePosixPath(row["folder"]), number)),
            message=f"{row['novel_id']} chapter {row['number']} paragraph {number}: "
            f"{failure.message or 'it failed, and why cannot be read'}",
            novel_id=row["novel_id"],
            age_s=_age_s(int(failure.failed_ns), now),
        )


def _missing(
    library: LibraryInventory, standing: Standing, *, now: datetime
) -> Iterator[UpkeepFinding]:
    """Yield paragraphs that a complete manifest lists and of which nothing is there."""
    chapters, paragraphs = library.chapters, standing.paragraphs
    due = _due(chapters, standing)
    due_of_row = due.reindex(chapters.index, fill_value=0).to_numpy()
    is_there = ((paragraphs["record_size"] >= 0) | (paragraphs["wav_size"] >= 0)) & (
        paragraphs["number"] <= due_of_row[paragraphs["chapter"].to_numpy()]
    )
    there = paragraphs.loc[is_there, ["chapter", "number"]]
    counts = there.groupby("chapter")["number"].nunique().reindex(due.index, fill_value=0)
    short = chapters.loc[due.index[(counts < due).to_numpy()]]
    held = there[there["chapter"].isin(short.index)].groupby("chapter")["number"].agg(set)
    for index, row in short[_is_at_rest(short, paragraphs, now=now)].to_dict("index").items():
        missing = sorted(set(range(1, int(due[index]) + 1)) - held.get(index, set()))
        yield UpkeepFinding(
            code="paragraph_missing",
            path=str(row["folder"]),
            message=f"{len(missing)} of {due[index]} paragraphs that were filed are gone: "
            f"{ranges_text(missing)}",
            novel_id=str(row["novel_id"]),
        )


def _due(chapters: pd.DataFrame, standing: Standing) -> "pd.Series[Any]":
    """Return how many paragraphs must be there, for each chapter whose manifest says it is complete.

    What the source does not want any more need not: a chapter that is made shorter is cleared first,
    and its manifest written last.
    """
    complete = chapters[chapters["is_complete"].astype(bool)]
    places = pd.MultiIndex.from_frame(complete[["novel_id", "number"]])
    wanted = standing.chapters["wanted"].reindex(places).set_axis(complete.index)
    listed = complete["listed"].astype("int64")
    return listed.mask((wanted >= 0) & (wanted < listed), wanted)


def _is_at_rest(
    chapters: pd.DataFrame, paragraphs: pd.DataFrame, *, now: datetime
) -> "pd.Series[Any]":
    """Return of which chapters nothing was touched lately, no paragraph's folder either."""
    rows = paragraphs[paragraphs["chapter"].isin(chapters.index)]
    is_at_rest = rows["is_settled"] & is_settled(ages_s(rows["folder_ns"], now=now))
    by_chapter = is_at_rest.groupby(rows["chapter"]).all().reindex(chapters.index, fill_value=True)
    return by_chapter & is_settled(ages_s(chapters["manifest_ns"], now=now))


def _twins(library: LibraryInventory, standing: Standing) -> Iterator[UpkeepFinding]:
    """Yield folders of one id or number; while a novel is under way they may be made one."""
    novels = library.novels[~library.novels["novel_id"].isin(standing.under_way)]
    for novel_id, folders in novels[novels.duplicated("novel_id", keep=False)].groupby("novel_id"):
        names = sorted(folders["folder"])
        for name in names:
            others = ", ".join(other for other in names if other != name)
            yield UpkeepFinding(
                "twin_folders", name, f"{novel_id} also has {others}", novel_id=str(novel_id)
            )
    chapters = library.chapters[~library.chapters["novel_id"].isin(standing.under_way)]
    parents = chapters["folder"].str.split("/", n=1).str[0]
    twins = chapters[
        pd.DataFrame({"p": parents, "n": chapters["number"]}).duplicated(keep=False).to_numpy()
    ]
    for row in rows_of(twins.sort_values("folder")):
        yield UpkeepFinding(
            "twin_folders",
            str(row.folder),
            f"{row.novel_id} has another folder of chapter {row.number}",
            novel_id=str(row.novel_id),
        )


def _unwanted(
    library: LibraryInventory, source: SourceInventory, standing: Standing, *, now: datetime
) -> Iterator[UpkeepFinding]:
    """Yield novels and chapters that no source has. What cannot be read may have anything."""
    sizes = standing.chapters["size_bytes"].groupby(level="novel_id").sum()
    doubt = f"; {len(source.problems)} sources cannot be read" if source.problems else ""
    known = source.known_ids | standing.under_way
    for row in rows_of(library.novels):
        if row.novel_id not in known:
            yield UpkeepFinding(
                "novel_without_source",
                str(row.folder),
                f"no source has a novel {row.novel_id}{doubt}",
                novel_id=str(row.novel_id),
                size_bytes=int(sizes.get(str(row.novel_id), 0)),
                age_s=_age_s(int(row.modified_ns), now),
            )
    chapters = standing.chapters.reset_index()
    orphaned = chapters[
        (chapters["wanted"] < 0)
        & (chapters["folder"] != "")
        & chapters["is_settled"]
        & chapters["novel_id"].isin(source.read_ids)
    ]
    for row in rows_of(orphaned):
        yield UpkeepFinding(
            "chapter_without_source",
            str(row.folder),
            f"the source of {row.novel_id} has no chapter {row.number}",
            novel_id=str(row.novel_id),
            size_bytes=int(row.size_bytes),
        )


def _beyond(paragraphs: pd.DataFrame, *, now: datetime) -> Iterator[UpkeepFinding]:
    beyond = paragraphs[
        (paragraphs["wanted"] >= 0)
        & (paragraphs["number"] > paragraphs["wanted"])
        & (paragraphs["wav_size"] + paragraphs["record_size"] > -2)  # noqa: PLR2004  (both absent)
        & paragraphs["is_settled"]
    ]
    for _, rows in beyond.groupby("chapter"):
        first = rows.iloc[0].to_dict()
        yield UpkeepFinding(
            "paragraph_beyond_script",
            str(first["folder"]),
            f"the script has {first['wanted']} paragraphs, and there are "
            f"{ranges_text(rows['number'].tolist())}",
            novel_id=str(first["novel_id"]),
            size_bytes=int(rows["wav_size"].clip(lower=0).sum()),
            age_s=_age_s(int(rows["touched_ns"].max()), now),
        )


def _incomplete(standing: Standing) -> Iterator[UpkeepFinding]:
    chapters = standing.chapters.reset_index()
    rows = chapters[
        (chapters["folder"] != "")
        & (chapters["good"] < chapters["wanted"])
        & chapters["is_settled"]
    ]
    for row in rows_of(rows):
        yield UpkeepFinding(
            "chapter_incomplete",
            str(row.folder),
            f"{row.good} of {row.wanted} paragraphs of {row.novel_id} chapter {row.number} stand "
            "as they should",
            novel_id=str(row.novel_id),
        )


def _others(library: LibraryInventory, *, now: datetime) -> Iterator[UpkeepFinding]:
    others = library.others
    for row in rows_of(others[is_settled(ages_s(others["modified_ns"], now=now))]):
        yield UpkeepFinding(
            "temporary_leftover" if row.is_temporary else "unknown_in_library",
            str(row.path),
            "a temporary file that its writer left"
            if row.is_temporary
            else "not a part of the library's format",
            size_bytes=int(row.size_bytes),
            age_s=_age_s(int(row.modified_ns), now),
        )


def source_findings(source: SourceInventory, standing: Standing) -> Iterator[UpkeepFinding]:
    """Yield sources that cannot be read, and novels of which chapters have no audio at all."""
    for problem in source.problems:
        yield UpkeepFinding("source_unreadable", problem.source, problem.message)
    chapters = standing.chapters.reset_index()
    without = chapters[(chapters["wanted"] >= 0) & (chapters["folder"] == "")]
    totals = source.chapters.groupby("novel_id")["number"].nunique()
    sources = source.chapters.drop_duplicates("novel_id").set_index("novel_id")["source"]
    for novel_id, rows in without.groupby("novel_id"):
        yield UpkeepFinding(
            "source_without_audio",
            str(sources[novel_id]),
            f"{len(rows)} of {totals[novel_id]} chapters of {novel_id} have no audio: "
            f"{ranges_text(rows['number'].tolist())}",
            novel_id=str(novel_id),
        )


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows with their columns as attributes; pandas cannot tell their types."""
    return iter(frame.itertuples(index=False))


def _age_s(modified_ns: int, now: datetime) -> float:
    return round(now.timestamp() - modified_ns / _NS, 1)
