"""Finishing a chapter: what is made durable, what is removed, and what the manifest then says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.library.aside import empty_aside
from novel_audio_pipeline.library.commit import ParagraphPlace, Wanted
from novel_audio_pipeline.library.inventory import HeldParagraph, Standing
from novel_audio_pipeline.library.layout import MANIFEST, PLAYLIST
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import manifest_to_json, playlist_of
from novel_audio_pipeline.library.scan import ScannedChapter, ScannedParagraph, scan_chapter
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import is_temporary

_GOOD = (Standing.INTACT, Standing.SKIPPED)


class ChapterFinish:
    """One finishing of one chapter. Every step may be repeated; the manifest is written last."""

    def __init__(
        self,
        *,
        store: FileStore,
        folder: PurePosixPath,
        committed: Mapping[int, ManifestEntry],
        paragraphs: int,
        as_scripted: Callable[[HeldParagraph], bool],
        wanted: Wanted,
        now: datetime,
    ) -> None:
        """Take what ``ChapterFolder.finish`` was told.

        Args:
            store: Where the library lies.
            folder: Of the chapter.
            committed: What this process has committed and verified itself.
            paragraphs: Length of the script.
            as_scripted: Whether what is held is what the script wants there.
            wanted: Whether some script of the novel wants the audio of a key.
            now: Timezone-aware.
        """
        self._store = store
        self._folder = folder
        self._committed = committed
        self._paragraphs = paragraphs
        self._as_scripted = as_scripted
        self._wanted = wanted
        self._now = now

    def run(
        self, *, novel_id: str, number: int, titles: tuple[str, str], script_digest: str
    ) -> ChapterManifest:
        """Do all of it and return the manifest as written."""
        before = self._scan(self._committed)
        for paragraph in sorted(before.paragraphs):
            self._tidy(before.paragraphs[paragraph])
        after = self._scan({n: found.entry for n, found in before.paragraphs.items()})
        stands = {n: found for n, found in after.paragraphs.items() if self._is_as_scripted(found)}
        here = {found.held.audio.key for found in stands.values() if found.held.audio}
        empty_aside(
            self._store,
            self._folder.parent,
            lambda key: key in here or not self._wanted(key),
            now=self._now,
        )
        for path in {leftover.parent for leftover in self._temporaries(after)}:
            self._store.clear_temporaries(path, now=self._now)
        manifest = ChapterManifest(
            novel_id=novel_id,
            novel_title=titles[0],
            number=number,
            title=titles[1],
            script_digest=script_digest,
            complete=len(stands) == self._paragraphs,
            paragraphs=self._entries(after),
        )
        self._write_if_other(PLAYLIST, playlist_of(manifest))
        self._write_if_other(MANIFEST, manifest_to_json(manifest))
        return manifest

    def _scan(self, verified: Mapping[int, ManifestEntry]) -> ScannedChapter:
        return scan_chapter(self._store, self._folder, verify=True, committed=verified)

    def _tidy(self, found: ScannedParagraph) -> None:
        """Confirm or remove a paragraph, and remove what its record does not account for."""
        number = found.held.number
        place = ParagraphPlace(self._store, self._folder, number)
        if number > self._paragraphs:
            self._store.clear_temporaries(place.folder, now=self._now)
            place.clear(self._wanted)
            return
        if found.held.standing in _GOOD and not found.vouched:
            place.confirm()
        if found.held.standing is Standing.SKIPPED and place.wav in found.leftovers:
            self._store.remove([place.wav])
        if found.held.standing in _GOOD and self._as_scripted(found.held):
            self._store.remove([place.failure])

    def _is_as_scripted(self, found: ScannedParagraph) -> bool:
        return (
            found.held.number <= self._paragraphs
            and found.held.standing in _GOOD
            and self._as_scripted(found.held)
        )

    def _temporaries(self, scan: ScannedChapter) -> list[PurePosixPath]:
        files = [path for found in scan.paragraphs.values() for path in found.leftovers]
        return [path for path in (*files, *scan.temporaries) if is_temporary(path.name)]

    def _entries(self, scan: ScannedChapter) -> dict[int, ManifestEntry]:
        missing = {n: ManifestEntry(n, "missing") for n in range(1, self._paragraphs + 1)}
        found = {n: p.entry for n, p in scan.paragraphs.items() if n <= self._paragraphs}
        return missing | found

    def _write_if_other(self, name: str, data: bytes) -> None:
        if self._store.read(self._folder / name) != data:
            self._store.write(self._folder / name, data)
