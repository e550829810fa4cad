"""One chapter of the library, open for commits."""

from collections.abc import Callable
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from novel_audio_pipeline.library.inventory import ChapterInventory, HeldAudio, HeldParagraph
from novel_audio_pipeline.library.manifest import ChapterManifest
from novel_audio_pipeline.library.record import ParagraphFailure, ParagraphRecord, ParagraphText

Wanted = Callable[[str], bool]


class ChapterFolder:
    """A chapter open for commits; a context manager that holds the chapter's lock.

    Every commit is repeatable and returns only when it is durable. ``wanted`` tells whether some
    script of the novel wants the audio of a held key (content key, or ``record.text_key`` of an
    original text for adopted audio): what is displaced and still wanted goes to ``.aside/`` first.
    Several threads may commit paragraphs of one chapter at once.

    Attributes:
        path: The folder, relative to the library; it comes to be with the first commit.
        title_pending: Whether a folder could not be renamed to the present titles, and why not.
        locked: Whether the chapter's lock is held; if not, someone else may be doing the same work.
        waited: Whether the lock had to be waited for: take the inventory again, it may be done.
    """

    path: PurePosixPath
    title_pending: str | None
    locked: bool
    waited: bool

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
        """Give the lock back."""
        raise NotImplementedError

    def inventory(self) -> ChapterInventory:
        """Return what is held of this chapter now. Costs no hashing for what was committed here."""
        raise NotImplementedError

    def commit_audio(
        self, record: ParagraphRecord, wav: bytes, *, wanted: Wanted
    ) -> ParagraphRecord:
        """File a WAV and its record; return the record as filed, when both are durable.

        Raises:
            ValueError: If the WAV's length or SHA-256 is not what the record says.
            StorageError: If it could not be done; what stood there stands, or is in ``.aside/``.
        """
        raise NotImplementedError

    def commit_held(
        self, text: ParagraphText, source: HeldAudio, *, wanted: Wanted
    ) -> ParagraphRecord | None:
        """File audio that the library holds elsewhere under this paragraph; the source stays.

        The new record has this text, and the audio facts of the source's record. If the source has
        been displaced meanwhile it is looked for in ``.aside/`` and in the whole novel.

        Returns:
            The record as filed, or None if the audio is nowhere intact any more: speak it.
        """
        raise NotImplementedError

    def commit_skip(self, record: ParagraphRecord, *, wanted: Wanted) -> ParagraphRecord:
        """File a record without audio; a WAV that stood there goes (aside, if wanted)."""
        raise NotImplementedError

    def commit_failure(self, failure: ParagraphFailure) -> None:
        """Write the failure beside whatever stands there; the next commit removes it."""
        raise NotImplementedError

    def finish(
        self,
        *,
        script_digest: str,
        paragraphs: int,
        as_scripted: Callable[[HeldParagraph], bool],
        wanted: Wanted,
    ) -> ChapterManifest:
        """Tidy the chapter and write its playlist and manifest; repeatable, quick if nothing changed.

        Removes what lies beyond the script (aside first, if wanted), temporary files, and from
        ``.aside/`` what nobody wants and what stands here as scripted. Makes durable what an
        interrupted run left visible. The manifest says complete if each of the paragraphs 1 to
        ``paragraphs`` is INTACT or SKIPPED and ``as_scripted`` says yes to it.

        Args:
            script_digest: Written into the manifest.
            paragraphs: Length of the script.
            as_scripted: Whether what is held at its number is what the script wants there.
            wanted: See the class.
        """
        raise NotImplementedError
