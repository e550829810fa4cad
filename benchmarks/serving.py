"""Starting a backend to measure."""

import os
from collections.abc import Mapping
from pathlib import Path

from novel_audio_pipeline.tts_client.embedded import EmbeddedBackend


def backend(root: Path, environ: Mapping[str, str]) -> EmbeddedBackend:
    """Return a backend with these settings alone, none of this shell's; ``with`` starts it."""
    unset = {name: "" for name in os.environ if name.startswith(("TTS_", "API_", "NOVEL_"))}
    return EmbeddedBackend(
        cache_dir=root / "cache", log_path=root / "backend.log", settings={**unset, **environ}
    )
