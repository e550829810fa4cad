"""What is held and what is wanted of one novel, looked up once for all its chapters in a run."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.library.inventory import HeldAudio
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.plan import first_by_key, wanted_keys
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script


class Holdings:
    """The scripts of a novel, the keys they want, and, when first asked for, the audio held.

    Attributes:
        novel_id: Of the novel.
        wanted: Whether some script of the novel wants the audio of a key; knows keys only, so that
            who keeps it keeps no scripts.
        is_repeated: Whether more than one paragraph of the novel has a content key, likewise.
    """

    def __init__(self, library: AudioLibrary, novel_id: str, scripts: Sequence[Script]) -> None:
        """Take the scripts; the library is not looked at yet."""
        self.novel_id = novel_id
        self._library = library
        self._scripts = {script.key: script for script in scripts}
        self.wanted: Callable[[str], bool] = wanted_keys(scripts).__contains__
        keys = Counter(p.content_key for script in scripts for p in script.paragraphs)
        repeated = frozenset(key for key, times in keys.items() if key is not None and times > 1)
        self.is_repeated: Callable[[str], bool] = repeated.__contains__
        self._held: Mapping[str, HeldAudio] | None = None

    def script(self, key: ChapterKey) -> Script:
        """Return the script of a chapter.

        Raises:
            NotFoundError: If the novel has no such chapter.
        """
        if (script := self._scripts.get(key)) is None:
            raise NotFoundError(
                f"{self.novel_id} has no chapter {key.number}; it has {len(self._scripts)}"
            )
        return script

    def elsewhere(self, key: str) -> HeldAudio | None:
        """Return audio that the novel's folder holds under a key, as of the first question."""
        if self._held is None:
            self._held = first_by_key(self._library.held(self.novel_id))
        return self._held.get(key)
