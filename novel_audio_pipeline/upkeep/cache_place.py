"""Where the TTS cache lies: a folder seen from here, a backend's listing, or both. Refuses wrong ones."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.settings import Settings
from novel_audio_pipeline.tts_cache.folder import METADATA_FOLDER, CacheFolder
from novel_audio_pipeline.tts_cache.guard import refuse_wrong_root
from novel_audio_pipeline.tts_cache.refusals import told_together


@dataclass(frozen=True, slots=True)
class CachePlace:
    """The TTS cache as upkeep reaches it.

    Attributes:
        root: Its folder as seen from here.
        is_chosen: Whether that folder was set by name, not by default.
        backend_url: A backend elsewhere, or None for the embedded one.
        backend_token: Bearer token for it, or empty.
        ttl: How long entries live.
        evict: ``proven``, ``always`` or ``never``.
        library_dir: The library, which the folder may not overlap.
        novels_dir: Likewise.
        reports_dir: Where reports, the audit and what is derived are written.
    """

    root: Path
    is_chosen: bool
    backend_url: str | None
    backend_token: str
    ttl: timedelta
    evict: str
    library_dir: Path
    novels_dir: Path
    reports_dir: Path

    def folder(self) -> CacheFolder | None:
        """Return the folder to look into, or None if there is none and none need be.

        Without a backend elsewhere, and by default, a folder that is missing was never made: nothing
        has been cached yet. One that was set by name must be there.

        Raises:
            SettingError: If it may not be a cache; nothing has been looked at then.
            StorageError: If it was set and is missing, or cannot be read.
        """
        refuse_wrong_root(self.root, library_dir=self.library_dir, novels_dir=self.novels_dir)
        if self.root.is_dir():
            return CacheFolder(self.root)
        if self.root.exists() or self.root.is_symlink():
            raise StorageError(
                f"the TTS cache {self.root} is no folder; set TTS_STORAGE_DIR to one"
            )
        if self.is_chosen:
            raise StorageError(
                f"the TTS cache folder {self.root} is missing. If it lies on a disk of its own, "
                "mount it; if TTS_STORAGE_DIR is wrong, change it; a new one is made by the first "
                "start of the backend"
            )
        return None

    def why_no_cache(self) -> str:
        """Return why the folder is not to be taken for the cache of a backend elsewhere, or ``""``.

        It is if there are entries, or the folder of records that every backend makes: of a disk
        that is not mounted, an empty folder is left. Only a folder that was set by name stands for one.

        Raises:
            StorageError: If it cannot be read.
        """
        if self.backend_url is None or not self.is_chosen:
            return ""
        if (self.root / METADATA_FOLDER).is_dir():
            return ""
        if next(iter(CacheFolder(self.root).entries()), None) is not None:
            return ""
        return (
            f"nothing in {self.root} shows that it is that backend's cache. If it lies on a disk of "
            "its own, mount it; if TTS_STORAGE_DIR is wrong, change it"
        )

    def why_not_enforceable(self, *, backend_trouble: str, folder_trouble: str) -> str:
        """Return why nothing enforces the two hours at a backend elsewhere; empty if something does.

        A folder that was set by name stands for the backend's own list.

        Args:
            backend_trouble: Why the backend gives no list, or deletes nothing; empty if it does.
            folder_trouble: Why the folder is not gone by; empty if it is.
        """
        if not backend_trouble or (self.is_chosen and not folder_trouble):
            return ""
        return told_together(backend_trouble, folder_trouble)

    @property
    def is_shared_with_others(self) -> bool:
        """Whether programs may write in the folder that know no lock."""
        return self.backend_url is not None


def cache_place(settings: Settings) -> CachePlace:
    """Return where the cache lies by our settings; nothing is looked at."""
    return CachePlace(
        root=settings.cache_dir,
        is_chosen=settings.origins["TTS_STORAGE_DIR"][1] == "environment",
        backend_url=settings.backend_url,
        backend_token=settings.backend_token,
        ttl=settings.cache_ttl,
        evict=settings.evict,
        library_dir=settings.library_dir,
        novels_dir=settings.novels_dir,
        reports_dir=settings.reports_dir,
    )
