"""Log lines as JSON: one object a line, for machines and for tests that count."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from novel_audio_pipeline.instants import instant_text


class JsonLines(logging.Formatter):
    """Formats a record as ``{"at", "level", "event", ...}``; the extra ``facts`` become keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": instant_text(datetime.fromtimestamp(record.created, tz=UTC)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
