"""What a chapter's audio looks like, from the files in the library."""

from pathlib import PurePosixPath

from novel_audio_pipeline.audio.waveform import waveform_png
from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.novels.model import ChapterKey


def chapter_waveform(library: AudioLibrary, key: ChapterKey) -> bytes:
    """Return a PNG of a chapter's audio, paragraph after paragraph.

    Raises:
        StorageError: If a file cannot be read.
        WrongAudioError: If one does not decode.
    """
    paragraphs = library.chapter_inventory(key.novel_id, key.number, verify=False).paragraphs
    paths: list[PurePosixPath] = [
        held.audio.path
        for _, held in sorted(paragraphs.items())
        if held.audio is not None and held.standing is Standing.INTACT
    ]
    wavs = (library.store.read(path) for path in paths)
    return waveform_png(wav for wav in wavs if wav is not None)
