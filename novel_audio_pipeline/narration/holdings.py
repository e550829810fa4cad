"""What is held and what is wanted of one novel, looked up once for all its chapters in a run."""

from collections.abc import Callable, Iterator, Sequence

from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.library.held_places import HeldPlaces
from novel_audio_pipeline.library.inventory import AudioPlace
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.packed_keys import PackedKeys, key_digest
from novel_audio_pipeline.narration.plan import wanted_keys
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script


class Holdings:
    """The scripts of a novel, the keys they want, and, when first asked for, where audio stands.

    No script is kept: each is taken out of the sequence when its chapter's turn comes.

    Attributes:
        novel_id: Of the novel.
        wanted: Whether some script of the novel wants the audio of a key; knows keys only, so that
            who keeps it keeps no scripts.
        is_repeated: Whether more than one paragraph of the novel has a content key, likewise.
    """

    def __init__(self, library: AudioLibrary, novel_id: str, scripts: Sequence[Script]) -> None:
        """Go through the scripts once; the library is not looked at yet."""
        self.novel_id = novel_id
        self._library = library
        self._scripts = scripts
        self._positions: dict[ChapterKey, int] = {}
        keys = PackedKeys(self._wanted())
        repeated = keys.repeated()
        self.wanted: Callable[[str], bool] = keys.__contains__
        self.is_repeated: Callable[[str], bool] = lambda key: key_digest(key) in repeated
        self._places: HeldPlaces | None = None

    def script(self, key: ChapterKey) -> Script:
        """Return the script of a chapter.

        Raises:
            NotFoundError: If the novel has no such chapter.
        """
        if (position := self._positions.get(key)) is None:
            raise NotFoundError(
                f"{self.novel_id} has no chapter {key.number}; it has {len(self._positions)}"
            )
        return self._scripts[position]

    def elsewhere(self, key: str) -> AudioPlace | None:
        """Return where the novel's folder holds audio of a key, as of the first question."""
        if self._places is None:
            self._places = HeldPlaces(self._library.held(self.novel_id))
        return self._places.find(key)

    def _wanted(self) -> Iterator[str]:
        """Yield the keys of all scripts, and note which chapter is where in the sequence."""
        for position, script in enumerate(self._scripts):
            self._positions[script.key] = position
            yield from wanted_keys(script)
