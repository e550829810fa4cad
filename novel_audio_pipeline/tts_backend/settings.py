"""The settings of the backend: environment variables read once, checked, and then a plain value."""

import functools
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar, get_args

from novel_audio_pipeline.errors import SettingError

DEFAULT_PORT = 11111
LONGEST_SWEEP_INTERVAL = timedelta(minutes=1)  # an entry goes within two minutes of its expiry
EngineName = Literal["espeak", "hibari", "piper", "openai", "tone"]
_ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)
_LANGUAGES = ("vi", "en")
_T = TypeVar("_T", int, float)


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
    min_free_bytes: int = 256 * 1024 * 1024

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


def settings_from(environment: Mapping[str, str]) -> BackendSettings:
    """Return the settings that the environment variables say; unset or empty ones are the default.

    Raises:
        SettingError: If one is wrong, or an address beyond this machine comes without a token.
    """
    home = Path(environment.get("NOVEL_AUDIO_HOME") or "data")
    settings = BackendSettings(
        storage_dir=Path(environment.get("TTS_STORAGE_DIR") or home / "tts_cache"),
        library_dir=Path(environment.get("NOVEL_AUDIO_LIBRARY_DIR") or home / "library"),
        novels_dir=Path(environment.get("NOVEL_AUDIO_NOVELS_DIR") or home / "novels"),
        expiry_hours=expiry_hours_from(environment),
        cleanup_interval=_cleanup_interval(environment),
        host=environment.get("API_HOST") or "127.0.0.1",
        port=_number(environment, "API_PORT", DEFAULT_PORT, int, low=0, high=65535),
        token=_token(environment),
        engines=_engines(environment),
        engine_workers=_number(environment, "TTS_ENGINE_WORKERS", 0, int, low=0, high=256),
        engine_timeout_s=_number(
            environment, "TTS_ENGINE_TIMEOUT_S", 60.0, float, low=1, high=3600
        ),
        queue_limit=_number(environment, "TTS_QUEUE_LIMIT", 256, int, low=1, high=100_000),
        max_requests=_number(environment, "TTS_MAX_REQUESTS", 1024, int, low=1, high=100_000),
        client_timeout_s=_number(
            environment, "TTS_CLIENT_TIMEOUT_S", 60.0, float, low=1, high=3600
        ),
        default_language=_language(environment),
        openai=_openai(environment),
        piper_voice=_piper_voice(environment),
        tone_real_time=_number(environment, "TTS_TONE_REAL_TIME", 20.0, float, low=0, high=1e6),
        max_text_chars=_number(
            environment, "TTS_MAX_TEXT_CHARS", 20_000, int, low=1000, high=200_000
        ),
        max_storage_bytes=1024**2
        * _number(environment, "TTS_MAX_STORAGE_MB", 0, int, low=0, high=10**9),
        min_free_bytes=1024**2
        * _number(environment, "TTS_MIN_FREE_MB", 256, int, low=0, high=10**9),
    )
    if not settings.is_loopback and not environment.get("API_TOKEN", "").strip():
        raise SettingError(
            f"API_HOST={settings.host} lets other machines in: set API_TOKEN to a secret of your "
            "own, or write API_TOKEN=none if everyone who can reach it may use it"
        )
    return settings


def expiry_hours_from(environment: Mapping[str, str]) -> int:
    """Return ``TTS_DEFAULT_EXPIRY_HOURS``, 2 if unset: 1 to 24, whole hours.

    Raises:
        SettingError: If it is anything else, such as the 365 of older systems.
    """
    return _number(environment, "TTS_DEFAULT_EXPIRY_HOURS", 2, int, low=1, high=24)


def _cleanup_interval(environment: Mapping[str, str]) -> timedelta:
    minutes = _number(
        environment, "TTS_CLEANUP_INTERVAL_MINUTES", 1.0, float, low=0.001, high=1_000_000
    )
    return min(LONGEST_SWEEP_INTERVAL, timedelta(minutes=minutes))


def _token(environment: Mapping[str, str]) -> str | None:
    token = environment.get("API_TOKEN", "").strip()
    if not token.isascii():
        raise SettingError("API_TOKEN holds characters that no HTTP header can carry; use ASCII")
    return None if token in ("", "none") else token


def _engines(environment: Mapping[str, str]) -> tuple[EngineName, ...]:
    asked = [name.strip() for name in (environment.get("TTS_ENGINE") or "espeak").split(",")]
    engines = tuple(known for name in asked for known in _ENGINE_NAMES if known == name)
    if len(engines) < len(asked):
        known_names = ", ".join(_ENGINE_NAMES)
        raise SettingError(
            f"TTS_ENGINE={','.join(asked)!r} names what is no engine; there is {known_names}"
        )
    if len(set(engines)) < len(engines):
        raise SettingError(f"TTS_ENGINE={','.join(asked)!r} names an engine twice")
    return engines


def _piper_voice(environment: Mapping[str, str]) -> Path | None:
    if "piper" not in _engines(environment):
        return None
    path = environment.get("TTS_PIPER_VOICE", "").strip()
    if not path:
        raise SettingError("TTS_ENGINE=piper needs TTS_PIPER_VOICE=PATH of a voice file (.onnx)")
    return Path(path).expanduser()


def _openai(environment: Mapping[str, str]) -> OpenAiServer | None:
    if "openai" not in _engines(environment):
        return None
    url = environment.get("TTS_OPENAI_URL", "").strip().rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise SettingError(
            f"TTS_OPENAI_URL={url!r} must be the address of the server that speaks, such as "
            "http://127.0.0.1:8880/v1"
        )
    model = environment.get("TTS_OPENAI_MODEL", "").strip()
    pairs = [pair.partition("=") for pair in environment.get("TTS_OPENAI_VOICES", "").split(",")]
    voices = tuple((language.strip(), name.strip()) for language, _, name in pairs)
    if not model or not all(language and name for language, name in voices):
        raise SettingError(
            "TTS_ENGINE=openai needs TTS_OPENAI_MODEL=NAME and TTS_OPENAI_VOICES=vi=NAME,en=NAME, "
            "as the server calls them"
        )
    return OpenAiServer(url, model, voices, environment.get("TTS_OPENAI_API_KEY", "").strip())


def _language(environment: Mapping[str, str]) -> str:
    language = environment.get("TTS_DEFAULT_LANGUAGE") or "vi"
    if language not in _LANGUAGES:
        raise SettingError(f"TTS_DEFAULT_LANGUAGE={language!r} must be {' or '.join(_LANGUAGES)}")
    return language


def _number(
    environment: Mapping[str, str],
    name: str,
    default: _T,
    kind: Callable[[str], _T],
    *,
    low: float,
    high: float,
) -> _T:
    text = environment.get(name, "").strip()
    if not text:
        return default
    whole = "a whole number" if kind is int else "a number"
    complaint = SettingError(f"{name}={text!r} must be {whole} from {low:g} to {high:g}")
    try:
        value = kind(text)
    except ValueError:
        raise complaint from None
    if not low <= value <= high:  # nor NaN
        raise complaint
    return value
