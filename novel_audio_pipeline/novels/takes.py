"""Asking for another reading: the takes of paragraphs, kept in the novel's settings file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import tomlkit
from tomlkit.exceptions import TOMLKitError

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.script import ScriptParagraph
from novel_audio_pipeline.speech.request import MAX_TAKE, joined_content_key
from novel_audio_pipeline.storage.local import LocalFileStore


def base_key(paragraph: ScriptParagraph) -> str:
    """Return the content key that a spoken paragraph has at take 0: what its take is filed under.

    Raises:
        ValueError: If the paragraph is skipped.
    """
    return joined_content_key([replace(piece, take=0) for piece in paragraph.pieces])


def raise_takes(path: Path, paragraphs: Iterable[ScriptParagraph]) -> int:
    """Ask for the next take of each spoken paragraph; return how many texts that are.

    The settings file is rewritten durably, with its comments and order; it is made if there is
    none. Paragraphs with the same text and voice share their take, since they share their audio.

    Args:
        path: The novel's settings file.
        paragraphs: As scripted now; skipped ones are passed over.

    Raises:
        SourceError: ``wrong_novel_settings`` if the file is not TOML, or a take would be beyond 99.
        StorageError: If it cannot be written; then it stands as it was.
    """
    wanted = {base_key(p): p.pieces[0].take + 1 for p in paragraphs if p.pieces}
    if not wanted:
        return 0
    if max(wanted.values()) > MAX_TAKE:
        raise _wrong(path, f"would ask for a take beyond {MAX_TAKE}; remove its entry in [takes]")
    try:
        document = (
            tomlkit.parse(path.read_text("utf-8-sig")) if path.exists() else tomlkit.document()
        )
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise _wrong(path, f"is not TOML in UTF-8: {error}") from error
    takes = document.setdefault("takes", tomlkit.table())
    for key, take in wanted.items():
        takes[key] = take
    text = tomlkit.dumps(document)
    LocalFileStore(path.parent).write(PurePosixPath(path.name), text.encode())
    return len(wanted)


def _wrong(path: Path, what: str) -> SourceError:
    return SourceError(
        f"the settings file {path} {what}", code="wrong_novel_settings", source=str(path)
    )
