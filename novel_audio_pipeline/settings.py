"""The pipeline's settings: names, defaults, bounds, and how they fit together.

The backend's own settings live in ``tts_backend/settings.py``; both read the same
``TTS_DEFAULT_EXPIRY_HOURS`` and ``TTS_STORAGE_DIR``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from novel_audio_pipeline.environment import EnvironmentReader
from novel_audio_pipeline.speech.request import MAX_SPEED, MIN_SPEED
from novel_audio_pipeline.speech.voices import DEFAULT_MODEL, DEFAULT_VOICES, SpeechSettings

PROJECT_ROOT = Path(__file__).resolve().parents[1]
EVICT_CHOICES = ("proven", "always", "never")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every effective setting of the pipeline, checked.

    Attributes:
        home: Holds everything that is not moved elsewhere.
        novels_dir: Where novels are looked for.
        library_dir: The permanent library.
        cache_dir: The TTS cache's folder (of the embedded backend, or as seen from here).
        reports_dir: Where reports are written.
        dagster_dir: Where Dagster keeps its records.
        reader_database: A reader app's SQLite file outside ``novels_dir``, or None.
        reader_static_root: The folder that this app serves as ``/static``; publishing to the app
            is off while this or ``reader_database`` is None.
        speech: Model, voices and speed.
        backend_url: A backend elsewhere, or None for the embedded one.
        backend_token: Bearer token for that backend, or empty.
        backend_wait: How long a backend that is down is waited for.
        concurrency: Speech requests under way at once, at least 1.
        evict: When a cache entry is deleted after its commit: ``proven``, ``always``, ``never``.
        cache_ttl: How long the TTS cache keeps an entry.
        notify_command: Program and arguments that get the page about a failed run, or none.
        origins: For each setting's name, its value as text and ``environment`` or ``default``.
    """

    home: Path
    novels_dir: Path
    library_dir: Path
    cache_dir: Path
    reports_dir: Path
    dagster_dir: Path
    reader_database: Path | None
    reader_static_root: Path | None
    speech: SpeechSettings
    backend_url: str | None
    backend_token: str
    backend_wait: timedelta
    concurrency: int
    evict: str
    cache_ttl: timedelta
    notify_command: tuple[str, ...]
    origins: Mapping[str, tuple[str, str]]


def read_settings(environ: Mapping[str, str], *, project_root: Path = PROJECT_ROOT) -> Settings:
    """Return the settings that an environment gives.

    Args:
        environ: Names and values, as ``os.environ``.
        project_root: Where ``data/`` lies when no home is set.

    Raises:
        SettingError: Naming everything that is wrong, one sentence each.
    """
    reader = EnvironmentReader(environ)
    home = reader.path("NOVEL_AUDIO_HOME", project_root / "data")
    shown = reader.secret("API_TOKEN")
    settings = Settings(
        home=home,
        novels_dir=reader.path("NOVEL_AUDIO_NOVELS_DIR", home / "novels"),
        library_dir=reader.path("NOVEL_AUDIO_LIBRARY_DIR", home / "library"),
        cache_dir=reader.path("TTS_STORAGE_DIR", home / "tts_cache"),
        reports_dir=home / "reports",
        dagster_dir=reader.path("NOVEL_AUDIO_DAGSTER_DIR", home / "dagster"),
        reader_database=reader.optional_path("NOVEL_AUDIO_READER_DATABASE"),
        reader_static_root=reader.optional_path("NOVEL_AUDIO_READER_STATIC_ROOT"),
        speech=SpeechSettings(
            model=reader.text("NOVEL_AUDIO_MODEL", DEFAULT_MODEL),
            voices={
                "vi": reader.text("NOVEL_AUDIO_VOICE_VI", DEFAULT_VOICES["vi"]),
                "en": reader.text("NOVEL_AUDIO_VOICE_EN", DEFAULT_VOICES["en"]),
            },
            speed=reader.number("NOVEL_AUDIO_SPEED", 1.0, lowest=MIN_SPEED, highest=MAX_SPEED),
        ),
        backend_url=_url(reader, "TTS_BACKEND_URL"),
        backend_token="" if shown == "none" else shown,
        backend_wait=timedelta(
            seconds=reader.whole("TTS_BACKEND_WAIT_S", 300, lowest=0, highest=86_400)
        ),
        concurrency=reader.whole("NOVEL_AUDIO_CONCURRENCY", 4, lowest=1, highest=64),
        evict=reader.choice("NOVEL_AUDIO_EVICT", "proven", choices=EVICT_CHOICES),
        cache_ttl=timedelta(
            hours=reader.whole("TTS_DEFAULT_EXPIRY_HOURS", 2, lowest=1, highest=24)
        ),
        notify_command=reader.command("NOVEL_AUDIO_NOTIFY_COMMAND"),
        origins=reader.origins,
    )
    reader.problems += _folder_problems(settings)
    reader.refuse_what_is_wrong()
    return settings


def _folder_problems(settings: Settings) -> list[str]:
    """Return what is wrong with how the folders lie to each other."""
    cache = settings.cache_dir
    problems = []
    for name, other in (
        ("NOVEL_AUDIO_LIBRARY_DIR", settings.library_dir),
        ("NOVEL_AUDIO_NOVELS_DIR", settings.novels_dir),
    ):
        if cache == other or cache in other.parents or other in cache.parents:
            problems.append(
                f"TTS_STORAGE_DIR ({cache}) and {name} ({other}) lie in each other; what is in the "
                "cache is deleted after two hours, so give the cache a folder of its own"
            )
    if settings.library_dir == settings.novels_dir:
        problems.append(
            f"NOVEL_AUDIO_LIBRARY_DIR and NOVEL_AUDIO_NOVELS_DIR are the same folder "
            f"({settings.library_dir}); give each its own"
        )
    return problems


def _url(reader: EnvironmentReader, name: str) -> str | None:
    text = reader.text(name, "").rstrip("/")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_usable = is_usable and parts.port != 0  # reading the port checks it
    except ValueError:
        is_usable = False
    if not is_usable:
        reader.problems.append(f"{name}={text!r} is no http:// or https:// address; change it")
    return text
