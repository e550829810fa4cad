"""Asking one thing of a client in a test that is not asynchronous itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from novel_audio_pipeline.tts_client.dialect import Dialect
from novel_audio_pipeline.tts_client.http import TtsClient


def ask(
    url: str,
    call: Callable[[TtsClient], Coroutine[Any, Any, Any]],
    *,
    dialect: Dialect | None = None,
) -> Any:
    """Return what a call of a new client gives; of a dialect that is known, if one is given."""

    async def main() -> Any:
        async with TtsClient(url, dialect=dialect) as client:
            return await call(client)

    return asyncio.run(main())
