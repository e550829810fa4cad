"""The cache of the four existing backends, defects included; see the numbers at each.

Two files for each entry, written in place: ``{file_id}.wav``, then ``metadata/{file_id}.json``.
"""

import hashlib
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Metadata = dict[str, Any]
DEFAULT_EXPIRY_HOURS = 2


class DefectiveStorage:
    """The storage of one backend process.

    Args:
        root: Its folder; made if missing.
        local_time: Tells the time as the machine's clock on the wall does, without a zone.
        speaker_field: What the metadata call the voice.
        cleans: Whether the clean-up deletes anything; it does in one of the four.
    """

    def __init__(
        self,
        root: Path,
        *,
        local_time: Callable[[], datetime],
        speaker_field: str = "speaker_id",
        cleans: bool = False,
    ) -> None:
        self.root = root
        self.metadata_dir = root / "metadata"
        self.metadata_dir.mkdir(parents=True, exist_ok=True)
        self.local_time = local_time
        self.speaker_field = speaker_field
        self.cleans = cleans
        self.metadata_cache: dict[str, Metadata] = {}

    def save(
        self,
        wav: bytes,
        *,
        text: str,
        speaker: str,
        model: str,
        expiry_hours: int | None,
        request_id: str,
        **more: object,
    ) -> Metadata:
        """Store audio and return its metadata. No bound on the hours, no temporary name."""
        named = f"{text}_{speaker}_{model}_{time.time()}"  # no content address: new each time
        file_id = hashlib.md5(named.encode()).hexdigest()  # noqa: S324  (a name, not a secret)
        hours = DEFAULT_EXPIRY_HOURS if expiry_hours is None else expiry_hours
        expires_at = self.local_time() + timedelta(hours=hours)
        path = self.root / f"{file_id}.wav"
        path.write_bytes(wav)
        metadata: Metadata = {
            "file_id": file_id,
            "file_path": str(path.absolute()),
            "file_name": path.name,
            "text": text,
            self.speaker_field: speaker,
            "model": model,
            "created_at": self.local_time().isoformat(),
            "expires_at": expires_at.isoformat(),
            "expiry_hours": hours,
            "file_size": len(wav),
            "file_size_mb": round(len(wav) / 1024 / 1024, 3),
            "request_id": request_id,
            **more,
        }
        self.write_metadata(metadata)
        return metadata

    def write_metadata(self, metadata: Metadata) -> None:
        """Write the record in place and remember it."""
        path = self.metadata_dir / f"{metadata['file_id']}.json"
        path.write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")
        self.metadata_cache[metadata["file_id"]] = metadata

    def metadata(self, file_id: str) -> Metadata | None:
        """Return the metadata unless they have expired by their own naive date."""
        metadata = self.metadata_cache.get(file_id) or self._load(file_id)
        if metadata is None or datetime.fromisoformat(metadata["expires_at"]) < self.local_time():
            return None
        return metadata

    def audio(self, file_id: str) -> bytes | None:
        """Return the audio; the path is believed, a cut file is served, an empty one is not."""
        metadata = self.metadata(file_id)
        if metadata is None:
            return None
        path = Path(metadata["file_path"])
        return (path.read_bytes() or None) if path.exists() else None

    def delete(self, file_id: str) -> bool:
        """Delete the entry; False if unknown, **or expired** (D1, D2). Failing to unlink is True."""
        metadata = self.metadata(file_id)
        if metadata is None:
            return False
        try:
            Path(metadata["file_path"]).unlink(missing_ok=True)
            (self.metadata_dir / f"{file_id}.json").unlink(missing_ok=True)
        except OSError:  # swallowed, as there (D13)
            pass
        self.metadata_cache.pop(file_id, None)
        return True

    def cleanup(self) -> dict[str, object]:
        """Clean up: nothing is deleted (D1), except torn metadata, whose WAV then stays (D10)."""
        deleted, size = 0, 0
        for path in sorted(self.metadata_dir.glob("*.json")):
            try:
                metadata = json.loads(path.read_text(encoding="utf-8"))
                overdue = datetime.fromisoformat(metadata["expires_at"]) < self.local_time()
            except (ValueError, KeyError, TypeError):
                path.unlink()
                continue
            if not overdue:
                continue
            if self.cleans:
                Path(metadata["file_path"]).unlink(missing_ok=True)
                path.unlink()
                self.metadata_cache.pop(metadata["file_id"], None)
            elif not self.delete(metadata["file_id"]):
                continue
            deleted += 1
            size += metadata["file_size"]
        return {
            "deleted_count": deleted,
            "deleted_size_mb": round(size / 1024 / 1024, 2),
            "cleanup_time": self.local_time().isoformat(),
        }

    def stats(self) -> dict[str, object]:
        """Count by metadata: a WAV without is not seen (D11)."""
        found = [self._load(path.stem) for path in self.metadata_dir.glob("*.json")]
        known = [metadata for metadata in found if metadata is not None]
        expired = [one for one in known if self.metadata(one["file_id"]) is None]
        return {
            "total_files": len(known),
            "total_size_mb": round(sum(one["file_size"] for one in known) / 1024 / 1024, 2),
            "expired_files": len(expired),
            "active_files": len(known) - len(expired),
            "storage_dir": str(self.root.absolute()),
        }

    def _load(self, file_id: str) -> Metadata | None:
        """Read the record from the disk; the id is put into a path as it came (D28)."""
        try:
            with (self.metadata_dir / f"{file_id}.json").open(encoding="utf-8") as file:
                metadata: Metadata = json.load(file)
        except (FileNotFoundError, ValueError):  # every parse error is "not found" (D24)
            return None
        self.metadata_cache[file_id] = metadata
        return metadata
