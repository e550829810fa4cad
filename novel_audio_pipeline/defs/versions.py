"""What Dagster remembers of each chapter: observed text, made audio, and how the two are tied.

Events that an op logs by hand carry no provenance; without code version and input event pointers
nothing would ever become stale. The tags are those that Dagster itself writes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dagster as dg

from novel_audio_pipeline.novels.model import ChapterKey

CHAPTER_TEXT = dg.AssetKey("chapter_text")
CACHED_TTS_AUDIO = dg.AssetKey("cached_tts_audio")
ORGANIZED_AUDIO = dg.AssetKey("organized_audio")

DATA_VERSION_TAG = "dagster/data_version"
CODE_VERSION_TAG = "dagster/code_version"
_USER_PROVIDED_TAG = "dagster/data_version_is_user_provided"
_INPUT_VERSION_TAG = "dagster/input_data_version/"
_INPUT_POINTER_TAG = "dagster/input_event_pointer/"


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """A data version that Dagster has an event for.

    Attributes:
        version: The data version.
        storage_id: Of the event.
    """

    version: str
    storage_id: int


def text_observation(key: ChapterKey, digest: str) -> dg.AssetObservation:
    """Return the observation that a chapter's script has this digest."""
    return dg.AssetObservation(
        CHAPTER_TEXT,
        partition=str(key),
        tags={DATA_VERSION_TAG: digest},
        metadata={"digest": digest},
    )


def observed_digests(instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Return for each partition key the digest that was observed last."""
    return _latest_tag(
        instance, CHAPTER_TEXT, dg.DagsterEventType.ASSET_OBSERVATION, DATA_VERSION_TAG
    )


def narrated_digests(instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Return for each partition key the digest of the script that its cached audio was made from.

    It is that asset's data version, since Dagster looks up no other tag for all partitions at once.
    """
    return _latest_tag(
        instance, CACHED_TTS_AUDIO, dg.DagsterEventType.ASSET_MATERIALIZATION, DATA_VERSION_TAG
    )


def organized_versions(instance: dg.DagsterInstance) -> Mapping[str, str]:
    """Return for each partition key the data version of its organized audio."""
    return _latest_tag(
        instance, ORGANIZED_AUDIO, dg.DagsterEventType.ASSET_MATERIALIZATION, DATA_VERSION_TAG
    )


def latest_observation(instance: dg.DagsterInstance, key: ChapterKey) -> SeenVersion | None:
    """Return what was observed of a chapter last, or None."""
    found = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=CHAPTER_TEXT, asset_partitions=[str(key)]), limit=1
    )
    for record in found.records:
        observation = record.asset_observation
        if observation is not None and DATA_VERSION_TAG in observation.tags:
            return SeenVersion(str(observation.tags[DATA_VERSION_TAG]), record.storage_id)
    return None


def latest_materialization_id(
    instance: dg.DagsterInstance, asset: dg.AssetKey, key: ChapterKey
) -> int | None:
    """Return the storage id of a chapter's last materialization of an asset, or None."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[str(key)]), limit=1
    )
    return found.records[0].storage_id if found.records else None


def provenance(
    *, version: str, code_version: str, upstream: dg.AssetKey, seen: SeenVersion | None
) -> dict[str, str]:
    """Return the tags of a materialization: its data version, and what it was made from."""
    tags = {
        DATA_VERSION_TAG: version,
        _USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: code_version,
    }
    if seen is not None:
        name = upstream.to_user_string()
        tags[f"{_INPUT_VERSION_TAG}{name}"] = seen.version
        tags[f"{_INPUT_POINTER_TAG}{name}"] = str(seen.storage_id)
    return tags


def _latest_tag(
    instance: dg.DagsterInstance, asset: dg.AssetKey, event: dg.DagsterEventType, tag: str
) -> Mapping[str, str]:
    by_partition: Mapping[str, Mapping[str, str]] = (
        instance.event_log_storage.get_latest_tags_by_partition(asset, event, [tag])
    )
    return {key: tags[tag] for key, tags in by_partition.items() if tag in tags}


def changed_chapters(
    digests: Mapping[ChapterKey, str], *, observed: Mapping[str, str], known: Collection[str]
) -> dict[ChapterKey, str]:
    """Return the chapters that are new or whose digest differs from the one observed last."""
    partitions = frozenset(known)
    return {
        key: digest
        for key, digest in digests.items()
        if observed.get(str(key)) != digest or str(key) not in partitions
    }
