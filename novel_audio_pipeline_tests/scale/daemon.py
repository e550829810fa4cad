"""What Dagster's real daemon takes: its ticks, read from their records, and backfills."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from novel_audio_pipeline_tests.scale.house import Running
from novel_audio_pipeline_tests.trials.web import wait_for

_REPOSITORY = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "novel_audio_pipeline",
}
_TICKS = """query Ticks($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { sensorState { ticks(limit: 500) {
    timestamp endTimestamp status skipReason error { message } requestedAssetMaterializationCount
  } } } } }"""
_START = """mutation Start($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
  __typename } }"""
_STOP_ID = """query State($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { id } } }"""
_STOP = "mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"
_LAUNCH = """mutation Launch($backfill: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfill) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL = """query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick of a sensor, as Dagster recorded it."""

    seconds: float
    status: str
    said: str
    requested: int


def _selector(sensor: str) -> dict[str, object]:
    return {"sensor": {**_REPOSITORY, "sensorName": sensor}}


def ticks(running: Running, sensor: str) -> list[Tick]:
    """Return the ticks of a sensor that are over, oldest first."""
    state = running.ask(_TICKS, **_selector(sensor))["sensorOrError"]["sensorState"]
    return [
        Tick(
            seconds=tick["endTimestamp"] - tick["timestamp"],
            status=tick["status"],
            said=(tick["error"] or {}).get("message") or tick["skipReason"] or "",
            requested=tick["requestedAssetMaterializationCount"],
        )
        for tick in reversed(state["ticks"])
        if tick["endTimestamp"] is not None
    ]


def more_ticks(running: Running, sensor: str, count: int, *, timeout_s: float) -> list[Tick]:
    """Wait for so many more ticks of a sensor and return them."""
    before = len(ticks(running, sensor))
    wait_for(
        lambda: len(ticks(running, sensor)) >= before + count,
        timeout_s=timeout_s,
        what=f"{count} ticks of {sensor}",
    )
    return ticks(running, sensor)[before:]


def start_sensor(running: Running, sensor: str) -> None:
    running.ask(_START, **_selector(sensor))


def stop_sensor(running: Running, sensor: str) -> None:
    found = running.ask(_STOP_ID, **_selector(sensor))["sensorOrError"]
    running.ask(_STOP, id=found["id"])


@dataclass(frozen=True, slots=True)
class Backfill:
    """What became of a backfill.

    Attributes:
        launch_s: Until the mutation had answered.
        wall_s: From the launch until Dagster called it complete.
        busy_s: Time in which at least one of its runs was at work.
        runs: How many runs it took.
        failed: How many of them did not succeed.
        status: Of the backfill in the end.
    """

    launch_s: float
    wall_s: float
    busy_s: float
    runs: int
    failed: int
    status: str


def backfill(
    running: Running, instance: dg.DagsterInstance, keys: Sequence[str], *, timeout_s: float
) -> Backfill:
    """Launch a backfill of both audio assets and wait until it is over."""
    started = time.perf_counter()
    launched = running.ask(
        _LAUNCH,
        backfill={
            "assetSelection": [{"path": ["cached_tts_audio"]}, {"path": ["organized_audio"]}],
            "partitionNames": list(keys),
        },
    )["launchPartitionBackfill"]
    launch_s = time.perf_counter() - started
    identifier = launched["backfillId"]

    def status() -> str:
        found = running.ask(_BACKFILL, id=identifier)["partitionBackfillOrError"]
        return str(found["status"])

    wait_for(
        lambda: status().startswith(("COMPLETED", "FAILED", "CANCELED")),
        timeout_s=timeout_s,
        what="the backfill",
    )
    wall_s = time.perf_counter() - started
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": identifier}))
    spans = [(r.start_time, r.end_time) for r in records if r.start_time and r.end_time]
    return Backfill(
        launch_s=launch_s,
        wall_s=wall_s,
        busy_s=covered_s(spans),
        runs=len(records),
        failed=sum(not record.dagster_run.is_success for record in records),
        status=status(),
    )


def covered_s(spans: Sequence[tuple[float, float]]) -> float:
    """Return how long at least one of the spans lasted."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
