"""A home for the command line, and running ``novel-audio`` in it as a person does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORK = "novel_audio_pipeline"


@dataclass(frozen=True)
class Home:
    """Where one user keeps everything."""

    path: Path

    @property
    def novels(self) -> Path:
        return self.path / "novels"

    @property
    def library(self) -> Path:
        return self.path / "library"

    def environ(self, **more: str) -> dict[str, str]:
        """Return an environment without any setting but this home's."""
        prefixes = ("TTS_", "API_", "NOVEL_", "DAGSTER_")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(prefixes)}
        return {**clean, "NOVEL_AUDIO_HOME": str(self.path), **more}

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start the command line and return its process."""
        return subprocess.Popen(
            [sys.executable, "-m", WORK, *arguments],
            env=self.environ(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", WORK, *arguments],
            env=self.environ(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def json(self, *arguments: str, status: int = 0, **more: str) -> Any:
        """Run the command line with ``--json`` and return the one document it prints."""
        done = self.run(*arguments, "--json", **more)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def wavs(self) -> list[Path]:
        return sorted(self.library.rglob("*.wav"))

    def cached(self) -> list[Path]:
        return sorted((self.path / "tts_cache").glob("*.wav"))

    def backend_log(self) -> list[dict[str, Any]]:
        """Return what the embedded backends have logged, one line each."""
        lines = (self.path / "logs" / "tts_backend.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def spoken(self) -> list[str]:
        """Return the file_id of every synthesis the backends were asked for."""
        return [
            line["file_id"] for line in self.backend_log() if line["event"] == "speech_answered"
        ]


def new_home(root: Path) -> Home:
    """Return a home with an empty novels folder."""
    home = Home(root / "home")
    home.novels.mkdir(parents=True)
    return home
