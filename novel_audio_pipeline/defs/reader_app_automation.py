"""The job that publishes chapters, and the sensor that asks for it when one is organized anew."""

import dagster as dg

from novel_audio_pipeline.defs.partitions import contiguous_ranges, known_chapters, range_tags
from novel_audio_pipeline.defs.reader_app_assets import publish_chapters
from novel_audio_pipeline.defs.reader_app_events import organized_since
from novel_audio_pipeline.defs.reader_app_resource import ReaderAppResource
from novel_audio_pipeline.defs.under_way import UNFINISHED

JOB = "publish_to_reader_app_job"
CHAPTERS_AT_ONCE = 200

# Runs of its own: a step downstream of outputs that may be skipped is skipped in the same run.
publish_to_reader_app_job = dg.define_asset_job(
    name=JOB,
    selection=dg.AssetSelection.assets(publish_chapters),
    tags={"novel_audio/kind": "publishing", "dagster/max_runtime": "1800"},
    description=(
        "Lets the reader app play chapters of the library: a link for each chapter, a row for each "
        "paragraph. Publishing twice changes nothing."
    ),
)


@dg.sensor(
    name="reader_app_publishing_sensor",
    job=publish_to_reader_app_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Publishes every chapter that was organized anew. Does nothing until "
        "NOVEL_AUDIO_READER_DATABASE and NOVEL_AUDIO_READER_STATIC_ROOT are set."
    ),
)
def reader_app_publishing_sensor(
    context: dg.SensorEvaluationContext, reader_app: ReaderAppResource
) -> dg.SensorResult | dg.SkipReason:
    """Ask for runs over the chapters that were organized since the last tick that asked.

    The cursor is the last such event that was seen to; each is asked for once, whatever became of
    it. Never two batches at once.
    """
    if (why := reader_app.why_off()) is not None:
        return dg.SkipReason(why)
    running = context.instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=UNFINISHED), limit=1)
    if running:
        return dg.SkipReason(f"Run {running[0].run_id} is publishing; what is new waits for it.")
    since = int(context.cursor) if context.cursor else None
    organized = list(organized_since(context.instance, since, limit=CHAPTERS_AT_ONCE))
    if not organized:
        return dg.SkipReason("No chapter was organized anew.")
    known = known_chapters(context.instance)
    wanted = {one.partition for one in organized} & set(known)
    ranges = list(contiguous_ranges(wanted, known))
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags=range_tags(first, last)) for first, last in ranges],
        cursor=str(organized[-1].storage_id),
    )
