"""What publishing has done: for tables, JSON and the Dagster UI."""

from dataclasses import dataclass
from typing import Literal

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.novels.model import ChapterKey

State = Literal["published", "partly", "not_published"]
LinkDone = Literal["", "kept", "linked", "copied"]


@dataclass(frozen=True, slots=True)
class PublishedChapter:
    """What became of one chapter; of a dry run: what would.

    Attributes:
        key: Which chapter of the library.
        state: ``published`` if the app plays all that it has of the chapter; ``partly`` if some
            paragraph is not published; else ``not_published``, and nothing was changed.
        audio: Paragraphs that the app now plays.
        skipped: Paragraphs without anything to speak.
        withheld: Paragraphs of the app that are not published; a finding says why.
        written: Rows that were written.
        replaced: Rows of the app that went to the side table.
        withdrawn: Rows of ours that went.
        link: What was done at the chapter's place.
        seconds: Of audio.
        size_bytes: Of audio.
        version: Changes when what is published does.
        findings: What is not as it should be.
    """

    key: ChapterKey
    state: State
    audio: int = 0
    skipped: int = 0
    withheld: int = 0
    written: int = 0
    replaced: int = 0
    withdrawn: int = 0
    link: LinkDone = ""
    seconds: float = 0.0
    size_bytes: int = 0
    version: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or would be."""
        return bool(
            self.written or self.replaced or self.withdrawn or self.link in ("linked", "copied")
        )
