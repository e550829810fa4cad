"""What the last check that read the audio found: digests are too dear to look at every hour."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.upkeep.finding import UpkeepFinding

CHECK_FILE = PurePosixPath("index/library_check.json")
DIGEST_DIFFERS = "digest_differs"


def remember_check(reports_dir: Path, findings: Iterable[Finding], *, at: datetime) -> None:
    """Keep what a check that read the audio found about digests, for the orphan reports to come.

    Args:
        reports_dir: Where it is kept.
        findings: Of that check; only those about digests are kept.
        at: When the check began, timezone-aware.

    Raises:
        StorageError: If it cannot be written.
    """
    kept = [asdict(finding) for finding in findings if finding.code == DIGEST_DIFFERS]
    document = {"at": at.isoformat(), "findings": kept}
    LocalFileStore(reports_dir).write(CHECK_FILE, json.dumps(document).encode())


def digest_findings(
    reports_dir: Path, library_dir: Path, *, now: datetime
) -> Iterator[UpkeepFinding]:
    """Yield the WAVs whose digest was wrong at the last such check and that are still those files.

    Raises:
        StorageError: If the disk does not say.
    """
    data = LocalFileStore(reports_dir).read(CHECK_FILE)
    try:
        document = json.loads(data or b"{}")
        at = datetime.fromisoformat(document["at"])
        found = [(PurePosixPath(f["path"]), str(f["message"])) for f in document["findings"]]
    except (ValueError, KeyError, TypeError):
        return  # nothing was kept, or it is torn: the next check writes it anew
    library = LocalFileStore(library_dir)
    for path, message in found:
        facts = library.facts(path)
        if facts is None or facts.modified_ns > at.timestamp() * 1e9:
            continue  # gone, or filed anew since
        yield UpkeepFinding(
            DIGEST_DIFFERS,
            str(path),
            f"{message} (as of {at:%Y-%m-%d})",
            size_bytes=facts.size_bytes,
            age_s=round(now.timestamp() - facts.modified_ns / 1e9, 1),
        )
