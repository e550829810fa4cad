"""The jobs of upkeep and their schedule."""

import dagster as dg

from novel_audio_pipeline.defs.upkeep_assets import orphan_report, tts_cache_expiry
from novel_audio_pipeline.defs.upkeep_records import EXPIRY_JOB, UPKEEP_JOB

_TAGS = {
    "novel_audio/kind": "upkeep",
    "dagster/priority": "10",
    "dagster/max_retries": "0",  # the sensor asks again, after a pause
}

tts_cache_expiry_job = dg.define_asset_job(
    name=EXPIRY_JOB,
    selection=dg.AssetSelection.assets(tts_cache_expiry),
    tags={**_TAGS, "dagster/max_runtime": "600"},
    description="Removes from the TTS cache what is past its two hours.",
)

storage_upkeep_job = dg.define_asset_job(
    name=UPKEEP_JOB,
    selection=dg.AssetSelection.assets(tts_cache_expiry, orphan_report),
    tags={**_TAGS, "dagster/max_runtime": "1800"},
    description="Removes from the TTS cache what is past its time, then reports orphans.",
)

storage_upkeep_schedule = dg.ScheduleDefinition(
    name="storage_upkeep_schedule",
    job=storage_upkeep_job,
    cron_schedule="7 * * * *",  # not on the hour, when everything else starts
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour: expire, then report orphans. On by default.",
)
