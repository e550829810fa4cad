"""The little of a manifest that a look at a whole library needs, in a fraction of the time."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.strict_json import StrictFields


@dataclass(frozen=True, slots=True)
class ManifestGlance:
    """What a manifest says of its chapter and of the records in it.

    Attributes:
        listed: How many paragraphs it lists.
        complete: As in the manifest.
        script_digest: As in the manifest.
        records: By number, of each paragraph that has a record: its size and date, the size of the
            WAV, ``audio`` or ``skipped``, and the content key or an empty text.
    """

    listed: int
    complete: bool
    script_digest: str
    records: Mapping[int, tuple[int, int, int, str, str]]


def glance_at_manifest(data: bytes, *, what: str = "a manifest") -> ManifestGlance:
    """Return what the content of a ``chapter_manifest.json`` says of its records.

    Raises:
        RecordError: If what is read here is damaged, incomplete or of another version.
    """
    fields = StrictFields.parse(data, what=what)
    paragraphs = fields.raw_objects("paragraphs")
    try:
        records = {
            one["number"]: (
                *(one["recordSize"], one["recordModifiedNs"], one.get("size", 0)),
                *(one["status"], one.get("contentKey") or ""),
            )
            for one in paragraphs
            if one["status"] in ("audio", "skipped")
        }
        array("q", chain(records, *(record[:3] for record in records.values())))
        "".join(record[4] for record in records.values())
    except (KeyError, TypeError, OverflowError) as error:
        raise RecordError(f"{what} lists a paragraph wrongly: {error!r}") from error
    return ManifestGlance(
        len(paragraphs), fields.flag("complete"), fields.text("scriptDigest"), records
    )
