"""Publishing: a chapter's link, then its rows, so that no row leads to nothing."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.inventory import ChapterInventory
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.backup import back_up
from novel_audio_pipeline.reader_app.copies import copy_chapter
from novel_audio_pipeline.reader_app.database import (
    app_chapter,
    app_novels,
    delete,
    insert,
)
from novel_audio_pipeline.reader_app.finding import found
from novel_audio_pipeline.reader_app.library_side import chapter_folders, texts_of
from novel_audio_pipeline.reader_app.outcome import LinkDone, PublishedChapter
from novel_audio_pipeline.reader_app.place import OpenPlace
from novel_audio_pipeline.reader_app.plan import ChapterPlan, Verdict, judge, plan_chapter
from novel_audio_pipeline.reader_app.rows import AppChapter, instant_text
from novel_audio_pipeline.reader_app.side_tables import (
    has_side_tables,
    keep_aside,
    make_side_tables,
)
from novel_audio_pipeline.reader_app.static_folder import Place, is_fit

_PUBLISHED = (Verdict.PUBLISH, Verdict.SKIP)
_IN_THE_WAY = {Place.FOLDER: "folder_in_the_way", Place.LINK: "link_in_the_way"}


class Publisher:
    """Publishes chapters of one library into one app.

    Attributes:
        backup: The copy of the database that was made before the first write, as a path; None if
            publishing had begun before, or nothing was written.
    """

    def __init__(
        self, place: OpenPlace, *, now: Callable[[], datetime], dry_run: bool = False
    ) -> None:
        """Take the surroundings; the app is asked once which novels it has.

        Args:
            place: Open; for a dry run it need not be writable.
            now: Gives aware instants.
            dry_run: Whether nothing is to be changed.
        """
        self._place = place
        self._now = now
        self._dry_run = dry_run
        self._begun = place.database.reading(has_side_tables)
        self._novels: dict[str, str] = {}
        self._unfit: dict[str, str] = {}
        for novel in place.database.reading(app_novels):
            (self._novels if is_fit(novel) else self._unfit)[novel.strip().lower()] = novel
        self.backup: str | None = None

    def publish(self, keys: Iterable[ChapterKey]) -> Iterator[PublishedChapter]:
        """Publish chapters one after the other, and yield what became of each.

        Links of other chapters of a novel follow when its folder has got another name.

        Raises:
            ReaderDatabaseBusyError: If the database stays locked; what was yielded is done.
            StorageError, SourceError: If the database or a folder cannot be read or written.
        """
        novels: dict[str, None] = {}
        for key in keys:
            novels[key.novel_id] = None
            yield self._publish(key)
        for novel_id in novels:
            self._follow(novel_id)

    def missing(self, novel_id: str) -> Finding | None:
        """Return why no chapter of a novel can be published, or None if the app has the novel."""
        if novel_id in self._novels:
            return None
        if novel_id in self._unfit:
            told = f"The app's id {self._unfit[novel_id]!r} can be no folder name."
            return found("app_id_unfit", novel_id, told)
        return found("novel_not_in_app", novel_id, "The app has no novel of this id.")

    def _publish(self, key: ChapterKey) -> PublishedChapter:
        if (missing := self.missing(key.novel_id)) is not None:
            return _not_published(key, missing)
        novel = self._novels[key.novel_id]
        held = self._place.library.chapter_inventory(key.novel_id, key.number)
        plan = self._place.database.reading(lambda c: self._plan(c, key, novel, held))
        if plan is None:
            told = f"The app has no chapter {key.number} of this novel."
            return _not_published(key, found("chapter_not_in_app", str(key), told))
        standing = self._place.static.standing(novel, key.number)
        if standing in _IN_THE_WAY:
            where = self._place.static.chapter(novel, key.number)
            told = f"{where} is not of this program, and it is left as it is."
            return _not_published(key, found(_IN_THE_WAY[standing], str(key), told))
        link, findings = self._put(key, novel, held, plan, standing)
        if plan.changes_rows and not self._dry_run:
            self._begin()
            plan = self._place.database.writing(lambda c: self._write(c, key, novel, held)) or plan
        return _outcome(key, plan, link, findings)

    def _plan(
        self, connection: sqlite3.Connection, key: ChapterKey, novel: str, held: ChapterInventory
    ) -> ChapterPlan | None:
        schema = self._place.database.schema
        chapter = app_chapter(connection, schema, novel, key.number)
        return None if chapter is None else self._planned(chapter, key, held)

    def _planned(self, chapter: AppChapter, key: ChapterKey, held: ChapterInventory) -> ChapterPlan:
        text_of = texts_of(self._place.library, held)
        judged, findings = judge(chapter, held, key=str(key), text_of=text_of)
        standing = self._place.static.standing(chapter.novel_id, key.number)
        is_any = any(one.verdict in _PUBLISHED for one in judged)
        return plan_chapter(
            chapter,
            judged,
            findings,
            folder=self._place.static.chapter(chapter.novel_id, key.number),
            tables=self._place.database.schema.columns,
            shows_all=standing is Place.OURS or (is_any and standing is not Place.COPY),
            now=self._now(),
        )

    def _write(
        self, connection: sqlite3.Connection, key: ChapterKey, novel: str, held: ChapterInventory
    ) -> ChapterPlan | None:
        """Plan once more on what the database holds now, and carry it out."""
        plan = self._plan(connection, key, novel, held)
        if plan is None:
            return None
        schema = self._place.database.schema
        make_side_tables(connection, schema)
        for row in plan.withdraw:
            delete(connection, row)
        for new in plan.write:  # before room is made, so that ours take no place of theirs
            insert(connection, schema, new)
        for row in plan.keep_aside:
            at = instant_text(self._now())
            keep_aside(connection, schema, row.table, row.rowid, kept_at=at)
        return plan

    def _put(
        self,
        key: ChapterKey,
        novel: str,
        held: ChapterInventory,
        plan: ChapterPlan,
        standing: Place,
    ) -> tuple[LinkDone, list[Finding]]:
        """Make the chapter's place lead to its audio, if anything of it is published."""
        static, folder = self._place.static, held.folder
        if folder is None or not plan.count(*_PUBLISHED):
            return "", []
        if standing is not Place.COPY:
            if static.leads_to(novel, key.number, folder):
                return "kept", []
            if self._dry_run:
                return "linked", []
            if static.put_link(novel, key.number, folder, now=self._now()):
                return "linked", []
        if self._dry_run:
            return "kept", []
        findings = copy_chapter(
            static,
            self._place.library.store,
            PurePosixPath(novel) / static.chapter(novel, key.number).name,
            folder=folder,
            paragraphs=[j.held for j in plan.judged if j.held and j.verdict in _PUBLISHED],
            key=str(key),
        )
        return ("kept" if standing is Place.COPY else "copied"), findings

    def _follow(self, novel_id: str) -> None:
        """Make the novel's other links lead to folders that have got another name."""
        novel = self._novels.get(novel_id)
        if novel is None or self._dry_run:
            return
        static = self._place.static
        folders = chapter_folders(self._place.library, novel_id)
        for number in static.chapters(novel):
            candidates = folders.get(number, [])
            if len(candidates) == 1 and static.standing(novel, number) is Place.DANGLING:
                static.put_link(novel, number, candidates[0], now=self._now())

    def _begin(self) -> None:
        """Copy the database before the first write."""
        if not self._begun:
            self.backup = str(
                back_up(self._place.database, self._place.backup_dir, now=self._now())
            )
            self._begun = True


def _outcome(
    key: ChapterKey, plan: ChapterPlan, link: LinkDone, findings: list[Finding]
) -> PublishedChapter:
    audio = [j.held.audio for j in plan.judged if j.verdict is Verdict.PUBLISH and j.held]
    held = [one for one in audio if one is not None]
    withheld = plan.count(Verdict.LEAVE, Verdict.OTHER_TEXT)
    digests = "".join(f"{one.path.name} {one.sha256} " for one in held)
    is_any = bool(plan.count(*_PUBLISHED))
    return PublishedChapter(
        key=key,
        state=("partly" if withheld else "published") if is_any else "not_published",
        audio=len(held),
        skipped=plan.count(Verdict.SKIP),
        withheld=withheld,
        written=len(plan.write),
        replaced=len(plan.keep_aside),
        withdrawn=len(plan.withdraw),
        link=link,
        seconds=sum(one.duration_s for one in held),
        size_bytes=sum(one.size_bytes for one in held),
        version=hashlib.sha256(digests.encode()).hexdigest(),
        findings=(*plan.findings, *findings),
    )


def _not_published(key: ChapterKey, finding: Finding) -> PublishedChapter:
    return PublishedChapter(key=key, state="not_published", findings=(finding,))
