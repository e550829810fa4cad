"""What lies in the cache: downloads, records, deletion, listing, numbers, clean-up."""

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from novel_audio_pipeline.instants import instant_text
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_backend.audio_answers import MEDIA_TYPE, audio_answer
from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.descriptions import Responses, audio, errors
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_cache.entry import CacheEntry, is_expired
from novel_audio_pipeline.tts_cache.opened import OpenedEntry

MAX_PAGE = 1000
_MIB = 1024 * 1024
_PARTIAL: Responses = audio(MEDIA_TYPE, status=206) | {304: {"description": "The client has it."}}
_logger = logging.getLogger(__name__)
_FileId = Annotated[str, Path(description="32 lowercase hex digits; anything else is not found.")]


def cache_routes(backend: Backend) -> APIRouter:
    """Return the routes about the cache. Reading changes nothing."""
    router = APIRouter(prefix="/api/tts")
    _add_entry_routes(router, backend)
    _add_folder_routes(router, backend)
    return router


def _add_entry_routes(router: APIRouter, backend: Backend) -> None:
    described = errors(404, 416, 500) | audio(MEDIA_TYPE) | _PARTIAL
    path = "/audio/{file_id}"

    @router.get(path, response_model=None, operation_id="download", responses=described)
    @router.head(path, response_model=None, operation_id="look", responses=described)
    async def download(
        file_id: _FileId,
        request: Request,
        if_none_match: Annotated[str | None, Header()] = None,
        range_header: Annotated[str | None, Header(alias="Range")] = None,
        if_range: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Send the audio: length, digest, ETag, ranges. 404 if it is unknown or expired."""
        opened, sha256 = await asyncio.to_thread(_open_live, backend, file_id)
        return audio_answer(
            opened,
            sha256=sha256,
            expires_at=opened.entry.stored_at + backend.settings.ttl,
            method=request.method,
            if_none_match=if_none_match,
            range_header=range_header,
            if_range=if_range,
        )

    @router.get(f"{path}/metadata", responses=errors(404, 500))
    async def metadata(file_id: _FileId) -> dict[str, Any]:
        """Return the record of an entry. 404 if the audio is unknown or expired."""
        document = await asyncio.to_thread(_record_of_live, backend, file_id)
        return {"success": True, "metadata": document}

    @router.delete(path, responses=errors(404, 500))
    async def delete(file_id: _FileId) -> dict[str, Any]:
        """Remove the entry, expired or not. 404 if there is nothing of it."""
        removed = await asyncio.to_thread(backend.cache.remove, _id(file_id))
        if not removed:
            raise _not_found()
        backend.metrics.entry_evicted()
        _logger.info("entry_deleted", extra={"facts": {"file_id": file_id}})
        return {"success": True, "message": "Audio file deleted", "file_id": file_id}


def _add_folder_routes(router: APIRouter, backend: Backend) -> None:
    @router.get("/storage/files", responses=errors(500))
    async def files(
        cursor: Annotated[
            str, Query(max_length=64, description="`next_cursor` of the page before.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    ) -> dict[str, Any]:
        """List what lies in the folder, expired or not, in the order of the ids."""
        return await asyncio.to_thread(_page, backend, cursor, limit)

    @router.get("/storage/stats", responses=errors(500))
    async def stats() -> dict[str, Any]:
        """Count what lies in the folder."""
        return {"success": True, "stats": await asyncio.to_thread(_stats, backend)}

    @router.post("/storage/cleanup", responses=errors(415, 500))
    async def cleanup() -> dict[str, Any]:
        """Remove what is expired, now; ``refused`` says what did not go, if anything."""
        done = await backend.sweeper.sweep()
        return {
            "success": True,
            "cleanup": {
                "deleted_count": len(done.removed),
                "deleted_size_mb": round(sum(e.size_bytes for e in done.removed) / _MIB, 3),
                "cleanup_time": instant_text(backend.now()),
            }
            | ({"refused": done.refused} if done.refused else {}),
        }


def _id(file_id: str) -> str:
    """Return the id.

    Raises:
        RefusalError: 404 if it is none, before any path is made of it.
    """
    if not FILE_ID_PATTERN.fullmatch(file_id):
        raise _not_found()
    return file_id


def _not_found() -> RefusalError:
    return RefusalError("Audio file not found or expired", status=404, code="audio_not_found")


def _open_live(backend: Backend, file_id: str) -> tuple[OpenedEntry, str]:
    opened = backend.cache.open(_id(file_id))
    if opened is None:
        raise _not_found()
    if is_expired(opened.entry, now=backend.now(), ttl=backend.settings.ttl):
        opened.file.close()
        raise _not_found()
    try:
        return opened, opened.sha256()
    except BaseException:
        opened.file.close()
        raise


def _record_of_live(backend: Backend, file_id: str) -> dict[str, Any]:
    """Return the stored record, corrected by what the file itself says."""
    opened, sha256 = _open_live(backend, file_id)
    opened.file.close()
    return (
        (opened.metadata or {})
        | _facts(opened.entry, sha256, backend, backend.now())
        | {
            "file_path": f"{file_id}.wav",
            "file_name": f"{file_id}.wav",
            "created_at": instant_text(opened.entry.stored_at),
            "file_size": opened.entry.size_bytes,
        }
    )


def _facts(entry: CacheEntry, sha256: str, backend: Backend, now: datetime) -> dict[str, Any]:
    return {
        "file_id": entry.file_id,
        "size": entry.size_bytes,
        "stored_at": instant_text(entry.stored_at),
        "age_s": round((now - entry.stored_at).total_seconds(), 3),
        "expires_at": instant_text(entry.stored_at + backend.settings.ttl),
        "sha256": sha256,
    }


def _page(backend: Backend, cursor: str, limit: int) -> dict[str, Any]:
    entries = backend.cache.page(after=cursor, limit=limit + 1)
    now = backend.now()
    rows = []
    for entry in entries[:limit]:
        opened = backend.cache.open(entry.file_id)
        if opened is None:
            sha256 = ""
        else:
            with opened.file:
                sha256 = opened.sha256()
        rows.append(_facts(entry, sha256, backend, now))
    more = len(entries) > limit
    return {"files": rows, "next_cursor": entries[limit - 1].file_id if more else None}


def _stats(backend: Backend) -> dict[str, Any]:
    total, expired, size_bytes = 0, 0, 0
    oldest: datetime | None = None
    now, ttl = backend.now(), backend.settings.ttl
    for entry in backend.cache.entries():
        total += 1
        size_bytes += entry.size_bytes
        expired += is_expired(entry, now=now, ttl=ttl)
        oldest = entry.stored_at if oldest is None else min(oldest, entry.stored_at)
    return {
        "total_files": total,
        "total_size_mb": round(size_bytes / _MIB, 3),
        "expired_files": expired,
        "active_files": total - expired,
        "storage_dir": None,
        "total_bytes": size_bytes,
        "oldest_stored_at": None if oldest is None else instant_text(oldest),
        "expiry_hours": backend.settings.expiry_hours,
    }
