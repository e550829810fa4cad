"""One chapter of the library, open for commits."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from novel_audio_pipeline.library.commit import ParagraphPlace, PutWav, Wanted, record_of_held
from novel_audio_pipeline.library.finish import ChapterFinish
from novel_audio_pipeline.library.inventory import (
    AudioPlace,
    ChapterInventory,
    HeldAudio,
    HeldParagraph,
)
from novel_audio_pipeline.library.layout import ASIDE, aside_record_name, aside_wav_name
from novel_audio_pipeline.library.locks import Lease
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.record import ParagraphFailure, ParagraphRecord, ParagraphText
from novel_audio_pipeline.library.scan import inventory_of, scan_chapter
from novel_audio_pipeline.storage.store import FileStore


class ChapterFolder:
    """A chapter open for commits; a context manager that holds the chapter's lease.

    Every commit is repeatable and returns only when it is durable. ``wanted`` tells whether some
    script of the novel wants the audio of a held key (content key, or ``record.text_key`` of an
    original text for adopted audio): what is displaced and still wanted goes to ``.aside/`` first.
    Several threads may commit paragraphs of one chapter at once.

    Attributes:
        path: The folder, relative to the library; it comes to be with the first commit.
        number: Of the chapter.
        title_pending: Why a folder could not be renamed to the present titles; None if all is well.
        locked: Whether the chapter's lock is held; if not, someone else may be doing the same work.
        waited: Whether the lock had to be waited for: take the inventory again, it may be done.
    """

    def __init__(
        self,
        *,
        store: FileStore,
        path: PurePosixPath,
        number: int,
        titles: tuple[str, str],
        novel_id: str,
        title_pending: str | None,
        lease: Lease,
        find: Callable[[str], Iterator[HeldAudio]],
        now: Callable[[], datetime],
    ) -> None:
        """Take over a chapter that ``AudioLibrary.chapter`` has found.

        Args:
            store: Where the library lies.
            path: Of the chapter's folder.
            number: Of the chapter.
            titles: Of novel and chapter, as they are now.
            novel_id: Of the novel.
            title_pending: See the class.
            lease: On the chapter.
            find: Yields what the whole novel holds under a key.
            now: Gives aware instants.
        """
        self.path = path
        self.number = number
        self.title_pending = title_pending
        self.locked = lease.locked
        self.waited = lease.waited
        self._store = store
        self._novel_id = novel_id
        self._titles = titles
        self._lease = lease
        self._find = find
        self._now = now
        self._committed: dict[int, ManifestEntry] = {}
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the lease back; again is harmless."""
        self._lease.release()

    def inventory(self) -> ChapterInventory:
        """Return what is held of this chapter now. Costs no hashing for what was committed here.

        Raises:
            StorageError: If something cannot be read.
        """
        scan = scan_chapter(self._store, self.path, verify=True, committed=self._known())
        return inventory_of(scan, folder=self.path, number=self.number)

    def commit_audio(self, record: ParagraphRecord, wav: bytes, *, wanted: Wanted) -> HeldAudio:
        """File a WAV and its record; return where it stands, when both are durable.

        Raises:
            ValueError: If the WAV's length or SHA-256 is not what the record says, or the record is
                of another chapter.
            StorageError: If it could not be done; what stood there stands, or is in ``.aside/``.
        """
        audio = record.audio
        if audio is None:
            raise ValueError("a record without audio is committed with commit_skip")
        if (len(wav), hashlib.sha256(wav).hexdigest()) != (audio.size_bytes, audio.sha256):
            raise ValueError(
                f"the WAV of {len(wav)} bytes is not the one of the record, {audio.size_bytes}"
            )
        held = self._fill(record, lambda path: self._store.write(path, wav), wanted)
        if held is None:  # a write makes the file or raises
            raise AssertionError("a WAV at hand cannot be gone")
        return held

    def commit_held(
        self, text: ParagraphText, source: AudioPlace, *, wanted: Wanted
    ) -> HeldAudio | None:
        """File audio that the library holds elsewhere under this paragraph; the source stays.

        The new record has this text, and the audio facts of the source's record. If the source has
        been displaced meanwhile it is looked for in ``.aside/`` and then in the whole novel.

        Returns:
            Where it stands now, or None if the audio is nowhere intact any more: speak it.

        Raises:
            StorageError: If it could not be done; what stood there stands, or is in ``.aside/``.
        """
        for held in self._candidates(source):
            record = record_of_held(self._store, text, held, recorded_at=self._now())
            if record is None or record.audio is None:
                continue
            put = self._put_from(held.path, record.audio.sha256)
            if (filed := self._fill(record, put, wanted)) is not None:
                return filed
        return None

    def commit_skip(self, record: ParagraphRecord, *, wanted: Wanted) -> None:
        """File a record without audio; a WAV that stood there goes (aside, if wanted).

        Raises:
            ValueError: If the record has audio, or is of another chapter.
            StorageError: If it could not be done; what stood there stands, or is in ``.aside/``.
        """
        if record.audio is not None:
            raise ValueError("a record with audio is committed with commit_audio")
        entry = self._place(record.text).leave_empty(record, wanted=wanted)
        self._know(entry)

    def commit_failure(self, failure: ParagraphFailure) -> None:
        """Write the failure beside whatever stands there; the next commit removes it."""
        self._place(failure.text).fail(failure)

    def finish(
        self,
        *,
        script_digest: str,
        paragraphs: int,
        as_scripted: Callable[[HeldParagraph], bool],
        wanted: Wanted,
    ) -> ChapterManifest:
        """Tidy the chapter and write its playlist and manifest; repeatable.

        Removes what lies beyond the script (aside first, if wanted), temporary files, failures that
        are overcome, and from ``.aside/`` what nobody wants and what stands here as scripted. Makes
        durable what an interrupted run left visible. The manifest says complete if each of the
        paragraphs 1 to ``paragraphs`` is INTACT or SKIPPED and ``as_scripted`` says yes to it.

        Args:
            script_digest: Written into the manifest.
            paragraphs: Length of the script.
            as_scripted: Whether what is held at its number is what the script wants there; asked
                for the numbers 1 to ``paragraphs`` only.
            wanted: See the class.

        Raises:
            StorageError: If it could not be done; everything committed stands.
        """
        finish = ChapterFinish(
            store=self._store,
            folder=self.path,
            committed=self._known(),
            paragraphs=paragraphs,
            as_scripted=as_scripted,
            wanted=wanted,
            now=self._now(),
        )
        return finish.run(
            novel_id=self._novel_id,
            number=self.number,
            titles=self._titles,
            script_digest=script_digest,
        )

    def _fill(self, record: ParagraphRecord, put: PutWav, wanted: Wanted) -> HeldAudio | None:
        place = self._place(record.text)
        entry = place.fill(record, put, wanted=wanted)
        if entry is None or record.audio is None or record.held_key is None:
            return None
        self._know(entry)
        return HeldAudio(
            path=place.wav,
            record_path=place.record,
            key=record.held_key,
            sha256=record.audio.sha256,
            size_bytes=record.audio.size_bytes,
            duration_s=record.audio.duration_s,
        )

    def _put_from(self, source: PurePosixPath, sha256: str) -> PutWav:
        return lambda path: self._store.link_or_copy(source, path, sha256=sha256)

    def _candidates(self, source: AudioPlace) -> Iterator[AudioPlace]:
        """Yield where audio of a key may stand: where it was seen, aside, anywhere in the novel.

        What displaces audio links it aside first, so it is always in one of these places.
        """
        yield source
        aside = self.path.parent / ASIDE
        yield AudioPlace(
            path=aside / aside_wav_name(source.key),
            record_path=aside / aside_record_name(source.key),
            key=source.key,
        )
        yield from self._find(source.key)

    def _place(self, text: ParagraphText) -> ParagraphPlace:
        if (text.novel_id, text.chapter_number) != (self._novel_id, self.number):
            raise ValueError(
                f"paragraph of {text.novel_id}/{text.chapter_number} is committed to "
                f"{self._novel_id}/{self.number}"
            )
        return ParagraphPlace(self._store, self.path, text.paragraph_number)

    def _know(self, entry: ManifestEntry) -> None:
        with self._guard:
            self._committed[entry.number] = entry

    def _known(self) -> dict[int, ManifestEntry]:
        with self._guard:
            return dict(self._committed)
