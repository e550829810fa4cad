"""What of the library is published: its novels, chapters and texts, looked at and never changed."""

from pathlib import PurePosixPath

from novel_audio_pipeline.library.inventory import ChapterInventory
from novel_audio_pipeline.library.layout import (
    chapter_number_of,
    novel_id_of,
    paragraph_path,
    record_name,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.scan import read_record
from novel_audio_pipeline.reader_app.plan import TextOf
from novel_audio_pipeline.storage.paths import ROOT


def chapter_numbers(library: AudioLibrary, novel_id: str) -> list[int]:
    """Return the numbers of the chapters that have a folder, in order.

    Raises:
        StorageError: If the library cannot be listed.
    """
    return sorted(chapter_folders(library, novel_id))


def chapter_folders(library: AudioLibrary, novel_id: str) -> dict[int, list[PurePosixPath]]:
    """Return the folders of each chapter; more than one if a rename went wrong.

    Raises:
        StorageError: If the library cannot be listed.
    """
    found: dict[int, list[PurePosixPath]] = {}
    for novel in _folders(library, ROOT):
        if novel_id_of(novel.name) != novel_id:
            continue
        for chapter in _folders(library, novel):
            if (number := chapter_number_of(chapter.name)) is not None:
                found.setdefault(number, []).append(chapter)
    return found


def texts_of(library: AudioLibrary, held: ChapterInventory) -> TextOf:
    """Return a function that reads the original text of a paragraph from its record."""

    def text_of(number: int) -> str | None:
        if held.folder is None:
            return None
        path = paragraph_path(held.folder, number) / record_name(number)
        try:
            record = read_record(library.store, path)
        except RecordError:
            return None
        return None if record is None else record.text.original_text

    return text_of


def _folders(library: AudioLibrary, path: PurePosixPath) -> list[PurePosixPath]:
    entries = library.store.entries(path) or ()
    return [path / entry.name for entry in entries if entry.kind == "folder"]
