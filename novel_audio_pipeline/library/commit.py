"""The commit protocol of one paragraph: what is written in which order, and what is looked at after.

The order, and why it is so, is told in ``docs/library-format.md``.
"""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.inventory import AudioPlace
from novel_audio_pipeline.library.layout import (
    ASIDE,
    aside_record_name,
    aside_wav_name,
    failure_name,
    paragraph_path,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.manifest import ManifestEntry
from novel_audio_pipeline.library.record import (
    ParagraphFailure,
    ParagraphRecord,
    ParagraphText,
    RecordError,
)
from novel_audio_pipeline.library.record_json import (
    failure_to_json,
    record_from_json,
    record_to_json,
)
from novel_audio_pipeline.library.scan import entry_of, read_record
from novel_audio_pipeline.storage.store import FileFacts, FileStore

Wanted = Callable[[str], bool]
PutWav = Callable[[PurePosixPath], FileFacts | None]

_MOST_TRIES = 8
_LONGEST_PAUSE_S = 0.05  # before the second try; twice as long before each further one


class ParagraphPlace:
    """The place of one paragraph in a chapter's folder, and how it is filled.

    Attributes:
        folder: Of the paragraph, relative to the library.
        wav: Its WAV.
        record: Its record.
        failure: Its failure.
    """

    def __init__(self, store: FileStore, chapter: PurePosixPath, number: int) -> None:
        self._store = store
        self._aside = chapter.parent / ASIDE
        self.number = number
        self.folder = paragraph_path(chapter, number)
        self.wav = self.folder / wav_name(number)
        self.record = self.folder / record_name(number)
        self.failure = self.folder / failure_name(number)

    def fill(
        self, record: ParagraphRecord, put_wav: PutWav, *, wanted: Wanted
    ) -> ManifestEntry | None:
        """File audio: aside what is displaced, the WAV, its record last; then look again.

        Another process may do the same at the same time. Each writes its WAV before its record and
        looks at both after, so whoever writes last sees whether they belong together.

        Args:
            record: With audio.
            put_wav: Makes the WAV durable at a path; None means its source is gone.
            wanted: Whether displaced audio goes aside.

        Returns:
            What a manifest says of it, or None if ``put_wav`` said None: nothing changed then.
        """
        filed = replace(record, storage_dir=self._storage_dir())
        data = record_to_json(filed)
        for tried in range(_MOST_TRIES):
            _let_others_finish(tried)
            self.set_aside(wanted, but=filed.held_key)
            wav_facts = put_wav(self.wav)
            if wav_facts is None:
                return None
            record_facts = self._store.write(self.record, data)
            if self._holds(data, filed):
                self._remove_failure()
                return entry_of(self.number, filed, record_facts=record_facts, wav_facts=wav_facts)
        raise self._contended()

    def leave_empty(self, record: ParagraphRecord, *, wanted: Wanted) -> ManifestEntry:
        """File a skip: aside what is displaced, the record, and only then remove the WAV."""
        filed = replace(record, storage_dir=self._storage_dir())
        data = record_to_json(filed)
        for tried in range(_MOST_TRIES):
            _let_others_finish(tried)
            self.set_aside(wanted)
            facts = self._store.write(self.record, data)
            if self._store.facts(self.wav) is not None:
                self._store.remove([self.wav])
            if self._store.read(self.record) == data:
                self._remove_failure()
                return entry_of(self.number, filed, record_facts=facts, wav_facts=None)
        raise self._contended()

    def fail(self, failure: ParagraphFailure) -> None:
        """Write a failure beside whatever stands here."""
        self._store.write(self.failure, failure_to_json(failure, storage_dir=self._storage_dir()))

    def set_aside(self, wanted: Wanted, *, but: str | None = None) -> None:
        """Link what stands here to ``.aside/``, if it is intact and wanted; it stays here too.

        Args:
            wanted: Whether some script wants the audio of a key.
            but: The key that is about to be filed here, which need not be kept twice.
        """
        data = self._store.read(self.record)
        try:
            standing = None if data is None else record_from_json(data)
        except RecordError:
            return
        if data is None or standing is None or standing.audio is None:
            return
        key = standing.held_key
        if key is None or key == but or not wanted(key):
            return
        wav = self._aside / aside_wav_name(key)
        if self._store.link_or_copy(self.wav, wav, sha256=standing.audio.sha256) is not None:
            self._store.write(self._aside / aside_record_name(key), data)

    def clear(self, wanted: Wanted) -> None:
        """Remove all of ours from the place, aside first; the record before what it names."""
        self.set_aside(wanted)
        self._store.remove([self.record])
        self._store.remove([self.wav, self.failure])
        self._store.remove_folder(self.folder)

    def confirm(self) -> None:
        """Write the record that stands here anew.

        An interrupted run may have renamed it and never synced its folder: then it is visible and
        not yet durable. Its WAV is: it was synced before the record was begun.
        """
        confirm_record(self._store, self.record)

    def _holds(self, data: bytes, record: ParagraphRecord) -> bool:
        wav = self._store.read(self.wav)
        if wav is None or record.audio is None:
            return False
        same = hashlib.sha256(wav).hexdigest() == record.audio.sha256
        return same and self._store.read(self.record) == data

    def _remove_failure(self) -> None:
        if self._store.facts(self.failure) is not None:
            self._store.remove([self.failure])

    def _storage_dir(self) -> str:
        # A folder that other hands named may hold bytes that are no UTF-8, which JSON cannot.
        return str(self.folder).encode("utf-8", "replace").decode()

    def _contended(self) -> StorageError:
        return StorageError(
            f"Filed {self.folder} {_MOST_TRIES} times, and each time something else had written "
            "there meanwhile. End the other program that writes to this library, then run again."
        )


def _let_others_finish(tried: int) -> None:
    """Wait a random while before trying again, so that two do not go on in step."""
    if tried:
        time.sleep(random.uniform(0, _LONGEST_PAUSE_S * 2 ** (tried - 1)))  # noqa: S311 - no secret


def confirm_record(store: FileStore, path: PurePosixPath) -> None:
    """Make a visible record durable by writing it anew; what is not there stays so."""
    data = store.read(path)
    if data is not None:
        store.write(path, data)


def record_of_held(
    store: FileStore, text: ParagraphText, source: AudioPlace, *, recorded_at: datetime
) -> ParagraphRecord | None:
    """Return the record that moved audio gets: this text, the audio facts of its present record.

    Args:
        store: Where the library lies.
        text: Of the place it moves to.
        source: Where the audio stands.
        recorded_at: Timezone-aware.

    Returns:
        None if the source's record is gone, unreadable, or another's by now.
    """
    try:
        record = read_record(store, source.record_path)
    except RecordError:
        return None
    if record is None or record.audio is None or record.held_key != source.key:
        return None
    return ParagraphRecord(
        text=text, recorded_at=recorded_at, audio=record.audio, warnings=record.warnings
    )
