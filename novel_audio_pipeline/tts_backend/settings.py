"""The settings of the backend: environment variables read once, checked, and then a plain value."""

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args

from novel_audio_pipeline.environment import EnvironmentReader

DEFAULT_PORT = 11111
LONGEST_SWEEP_INTERVAL = timedelta(minutes=1)  # an entry goes within two minutes of its expiry
EngineName = Literal["espeak", "hibari", "piper", "openai", "tone"]
_ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)
_LANGUAGES = ("vi", "en")
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class OpenAiServer:
    """A speech server of the OpenAI form that can be an engine.

    Attributes:
        url: Up to and with ``/v1`` (``TTS_OPENAI_URL``).
        model: What it calls its model; ours is called the same (``TTS_OPENAI_MODEL``).
        voices: Pairs of language and voice (``TTS_OPENAI_VOICES``, ``vi=NAME,en=NAME``).
        api_key: Its bearer token, or empty (``TTS_OPENAI_API_KEY``).
    """

    url: str
    model: str
    voices: tuple[tuple[str, str], ...]
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Everything the backend can be told. ``settings_from`` reads it from the environment.

    Attributes:
        storage_dir: The cache folder (``TTS_STORAGE_DIR``).
        library_dir: What the cache folder may not touch (``NOVEL_AUDIO_LIBRARY_DIR``).
        novels_dir: Likewise (``NOVEL_AUDIO_NOVELS_DIR``).
        expiry_hours: Life of an entry, 1 to 24 (``TTS_DEFAULT_EXPIRY_HOURS``).
        cleanup_interval: Time between two sweeps (``TTS_CLEANUP_INTERVAL_MINUTES``); more than a
            minute counts as one.
        host: Address to listen on (``API_HOST``).
        port: Port to listen on; 0 is any free one (``API_PORT``).
        token: What a client must show as bearer token, or None for none (``API_TOKEN``).
        engines: Which engines speak, the first unless a request says otherwise (``TTS_ENGINE``, names
            with commas between them); ``tone`` is for tests and benchmarks.
        engine_workers: Its processes; 0 is one per processor (``TTS_ENGINE_WORKERS``).
        engine_timeout_s: A process silent for longer is replaced (``TTS_ENGINE_TIMEOUT_S``).
        queue_limit: Texts that may wait (``TTS_QUEUE_LIMIT``).
        max_requests: Requests answered at a time (``TTS_MAX_REQUESTS``).
        client_timeout_s: A client that sends no more of its body, or takes no more of its answer
            (256 KiB), for longer is cut off (``TTS_CLIENT_TIMEOUT_S``).
        default_language: For requests that name neither voice nor language (``TTS_DEFAULT_LANGUAGE``).
        openai: The server behind the engine ``openai``, or None.
        piper_voice: The voice file of the engine ``piper``, or None (``TTS_PIPER_VOICE``).
        tone_real_time: Speed of the engine ``tone`` (``TTS_TONE_REAL_TIME``).
        max_text_chars: Longest text (``TTS_MAX_TEXT_CHARS``).
        max_body_bytes: Largest request body; follows from the longest text.
        max_storage_bytes: Largest cache, 0 for no limit but the disk's (``TTS_MAX_STORAGE_MB``).
        min_free_bytes: What is left free on the disk of the cache (``TTS_MIN_FREE_MB``).
        origins: For each setting's name, its value as text and ``environment`` or ``default``.
    """

    storage_dir: Path
    library_dir: Path | None = None
    novels_dir: Path | None = None
    expiry_hours: int = 2
    cleanup_interval: timedelta = LONGEST_SWEEP_INTERVAL
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str | None = field(default=None, repr=False)
    engines: tuple[EngineName, ...] = ("espeak",)
    engine_workers: int = 0
    engine_timeout_s: float = 60.0
    queue_limit: int = 256
    max_requests: int = 1024
    client_timeout_s: float = 60.0
    default_language: str = "vi"
    openai: OpenAiServer | None = None
    piper_voice: Path | None = None
    tone_real_time: float = 20.0
    max_text_chars: int = 20_000
    max_storage_bytes: int = 0
    min_free_bytes: int = 256 * _MIB
    origins: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def engine(self) -> EngineName:
        """The engine that speaks what names no model."""
        return self.engines[0]

    @property
    def ttl(self) -> timedelta:
        """Life of an entry."""
        return timedelta(hours=self.expiry_hours)

    @property
    def max_body_bytes(self) -> int:
        """Twelve bytes for each character, as JSON may escape it, and room for the rest."""
        return 12 * self.max_text_chars + 65_536

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the backend."""
        return is_loopback_host(self.host)


@functools.lru_cache(maxsize=64)  # asked twice for each request
def is_loopback_host(host: str) -> bool:
    """Return whether an address or name to listen on means this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def settings_from(environ: Mapping[str, str]) -> BackendSettings:
    """Return the settings that the environment variables say; unset or empty ones are the default.

    Raises:
        SettingError: Naming everything that is wrong, also an address beyond this machine that comes
            without a token.
    """
    reader = EnvironmentReader(environ)
    home = reader.path("NOVEL_AUDIO_HOME", Path("data"))
    token = reader.secret("API_TOKEN")
    engines = _engines(reader)
    settings = BackendSettings(
        storage_dir=reader.path("TTS_STORAGE_DIR", home / "tts_cache"),
        library_dir=reader.path("NOVEL_AUDIO_LIBRARY_DIR", home / "library"),
        novels_dir=reader.path("NOVEL_AUDIO_NOVELS_DIR", home / "novels"),
        expiry_hours=reader.whole("TTS_DEFAULT_EXPIRY_HOURS", 2, lowest=1, highest=24),
        cleanup_interval=_cleanup_interval(reader),
        host=reader.text("API_HOST", "127.0.0.1"),
        port=reader.whole("API_PORT", DEFAULT_PORT, lowest=0, highest=65535),
        token=None if token in ("", "none") else token,
        engines=engines,
        engine_workers=reader.whole("TTS_ENGINE_WORKERS", 0, lowest=0, highest=256),
        engine_timeout_s=reader.number("TTS_ENGINE_TIMEOUT_S", 60, lowest=1, highest=3600),
        queue_limit=reader.whole("TTS_QUEUE_LIMIT", 256, lowest=1, highest=100_000),
        max_requests=reader.whole("TTS_MAX_REQUESTS", 1024, lowest=1, highest=100_000),
        client_timeout_s=reader.number("TTS_CLIENT_TIMEOUT_S", 60, lowest=1, highest=3600),
        default_language=reader.choice("TTS_DEFAULT_LANGUAGE", "vi", choices=_LANGUAGES),
        openai=_openai(reader) if "openai" in engines else None,
        piper_voice=_piper_voice(reader) if "piper" in engines else None,
        tone_real_time=reader.number("TTS_TONE_REAL_TIME", 20, lowest=0, highest=1e6),
        max_text_chars=reader.whole("TTS_MAX_TEXT_CHARS", 20_000, lowest=1000, highest=200_000),
        max_storage_bytes=_MIB * reader.whole("TTS_MAX_STORAGE_MB", 0, lowest=0, highest=10**9),
        min_free_bytes=_MIB * reader.whole("TTS_MIN_FREE_MB", 256, lowest=0, highest=10**9),
        origins=reader.origins,
    )
    if not settings.is_loopback and not token:
        reader.problems.append(
            f"API_HOST={settings.host} lets other machines in: set API_TOKEN to a secret of your "
            "own, or write API_TOKEN=none if everyone who can reach it may use it"
        )
    reader.refuse_what_is_wrong()
    return settings


def _cleanup_interval(reader: EnvironmentReader) -> timedelta:
    minutes = reader.number("TTS_CLEANUP_INTERVAL_MINUTES", 1, lowest=0.001, highest=1_000_000)
    return min(LONGEST_SWEEP_INTERVAL, timedelta(minutes=minutes))


def _engines(reader: EnvironmentReader) -> tuple[EngineName, ...]:
    asked = [name.strip() for name in reader.text("TTS_ENGINE", "espeak").split(",")]
    engines = tuple(known for name in asked for known in _ENGINE_NAMES if known == name)
    if len(engines) < len(asked):
        known_names = ", ".join(_ENGINE_NAMES)
        reader.problems.append(
            f"TTS_ENGINE={','.join(asked)!r} names what is no engine; there is {known_names}"
        )
    if len(set(engines)) < len(engines):
        reader.problems.append(f"TTS_ENGINE={','.join(asked)!r} names an engine twice")
    return engines


def _piper_voice(reader: EnvironmentReader) -> Path | None:
    path = reader.optional_file("TTS_PIPER_VOICE")
    if path is None:
        reader.problems.append(
            "TTS_ENGINE=piper needs TTS_PIPER_VOICE=PATH of a voice file (.onnx)"
        )
    return path


def _openai(reader: EnvironmentReader) -> OpenAiServer:
    url = reader.text("TTS_OPENAI_URL", "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        reader.problems.append(
            f"TTS_OPENAI_URL={url!r} must be the address of the server that speaks, such as "
            "http://127.0.0.1:8880/v1"
        )
    model = reader.text("TTS_OPENAI_MODEL", "")
    pairs = [pair.partition("=") for pair in reader.text("TTS_OPENAI_VOICES", "").split(",")]
    voices = tuple((language.strip(), name.strip()) for language, _, name in pairs)
    if not model or not all(language and name for language, name in voices):
        reader.problems.append(
            "TTS_ENGINE=openai needs TTS_OPENAI_MODEL=NAME and TTS_OPENAI_VOICES=vi=NAME,en=NAME, "
            "as the server calls them"
        )
    return OpenAiServer(url, model, voices, reader.secret("TTS_OPENAI_API_KEY"))
