"""``python -m novel_audio_pipeline.tts_backend [--parent-pipe]``: the backend by itself."""

import os
import sys

from novel_audio_pipeline.errors import UnavailableError, UsageError
from novel_audio_pipeline.tts_backend.server import serve
from novel_audio_pipeline.tts_backend.settings import settings_from


def main(arguments: list[str]) -> int:
    """Serve by the environment's settings; return the exit status: 0, 2 wrong use, 3 could not."""
    if arguments not in ([], ["--parent-pipe"]):
        print("usage: python -m novel_audio_pipeline.tts_backend [--parent-pipe]", file=sys.stderr)
        return 2
    try:
        serve(settings_from(os.environ), parent_pipe=bool(arguments))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
