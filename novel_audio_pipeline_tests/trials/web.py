"""What a person does in Dagster's web UI, by the same GraphQL mutations that its buttons send."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

LOCATION = {
    "repositoryLocationName": "novel_audio_pipeline",
    "repositoryName": "__repository__",
}
BOTH_ASSETS = [{"path": ["cached_tts_audio"]}, {"path": ["organized_audio"]}]
OVER = {"SUCCESS", "FAILURE", "CANCELED"}
BACKFILL_OVER = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


def wait_for(condition: Callable[[], object], *, timeout_s: float, what: str) -> float:
    """Wait until the condition holds; return how many seconds that took."""
    started = time.monotonic()
    while time.monotonic() - started < timeout_s:
        try:
            if condition():
                return time.monotonic() - started
        except (httpx.TransportError, ValueError):
            pass
        time.sleep(0.25)
    raise AssertionError(f"{what}: not within {timeout_s} s")


@dataclass(frozen=True)
class Run:
    """A run as the UI lists it."""

    run_id: str
    status: str
    job: str
    tags: Mapping[str, str]
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True)
class Web:
    """The web UI at an address."""

    url: str

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """Return the data of a query or mutation; its errors fail the trial."""
        answer = httpx.post(
            f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=60
        )
        document = answer.json()
        if "errors" in document:
            raise AssertionError(document["errors"])
        return dict(document["data"])

    def answers(self) -> bool:
        return httpx.get(f"{self.url}/server_info", timeout=5).is_success

    def location_error(self) -> str | None:
        """Return why the code location did not load, or None."""
        (entry,) = self.query(
            "{workspaceOrError{... on Workspace{locationEntries{"
            "locationOrLoadError{__typename ... on PythonError{message}}}}}}"
        )["workspaceOrError"]["locationEntries"]
        return entry["locationOrLoadError"].get("message")

    # Chapters

    def chapters(self, status: str | None = None) -> list[str]:
        """Return all chapter keys, or those with ``materialized``, ``failed``... partitions."""
        part = (
            "partitionKeys"
            if status is None
            else "assetPartitionStatuses{... on DefaultPartitionStatuses{materializedPartitions "
            "failedPartitions unmaterializedPartitions}}"
        )
        node = self.query(
            f'{{assetNodeOrError(assetKey:{{path:["organized_audio"]}}){{... on AssetNode{{{part}}}}}}}'
        )["assetNodeOrError"]
        return (
            node["partitionKeys"]
            if status is None
            else node["assetPartitionStatuses"][f"{status}Partitions"]
        )

    def stale(self, chapters: Iterable[str]) -> dict[str, list[str]]:
        """Return why chapters of cached_tts_audio are stale, for those that are."""
        found = {}
        for key in chapters:
            node = self.query(
                'query($key: String!){assetNodeOrError(assetKey:{path:["cached_tts_audio"]})'
                "{... on AssetNode{staleStatus(partition: $key) "
                "staleCauses(partition: $key){reason}}}}",
                key=key,
            )["assetNodeOrError"]
            if node["staleStatus"] == "STALE":
                found[key] = [cause["reason"] for cause in node["staleCauses"]]
        return found

    def add_by_hand(self, key: str) -> None:
        """Add a partition key as the launch dialog does, which demands little of it."""
        answer = self.query(
            "mutation($selector: RepositorySelector!, $key: String!){addDynamicPartition("
            'repositorySelector:$selector, partitionsDefName:"chapters", partitionKey:$key)'
            "{__typename}}",
            selector=LOCATION,
            key=key,
        )["addDynamicPartition"]
        assert answer == {"__typename": "AddDynamicPartitionSuccess"}, answer

    # Runs

    def launch(self, chapter: str) -> str:
        """Materialize one chapter, which is a run without a backfill; return its id."""
        answer = self.query(
            "mutation($params: ExecutionParams!){launchPipelineExecution(executionParams:$params)"
            "{__typename ... on LaunchRunSuccess{run{id}} ... on PythonError{message}"
            "... on InvalidSubsetError{message}}}",
            params={
                "selector": {
                    **LOCATION,
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": BOTH_ASSETS,
                },
                "mode": "default",
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": chapter}]},
            },
        )["launchPipelineExecution"]
        assert "run" in answer, answer
        return str(answer["run"]["id"])

    def runs(self, *, job: str | None = None, tag: tuple[str, str] | None = None) -> list[Run]:
        """Return runs, latest first."""
        wanted: dict[str, object] = {}
        if job is not None:
            wanted["pipelineName"] = job
        if tag is not None:
            wanted["tags"] = [{"key": tag[0], "value": tag[1]}]
        rows = self.query(
            "query($filter: RunsFilter){runsOrError(filter:$filter, limit: 500){... on Runs{"
            "results{id status pipelineName startTime endTime tags{key value}}}}}",
            filter=wanted,
        )["runsOrError"]["results"]
        return [
            Run(
                row["id"],
                row["status"],
                row["pipelineName"],
                {tag["key"]: tag["value"] for tag in row["tags"]},
                row["startTime"],
                row["endTime"],
            )
            for row in rows
        ]

    def run(self, run_id: str) -> Run:
        return next(run for run in self.runs() if run.run_id == run_id)

    def end_of(self, run_id: str, *, timeout_s: float) -> str:
        """Wait until a run is over; return its status."""
        wait_for(
            lambda: self.run(run_id).status in OVER, timeout_s=timeout_s, what=f"end of {run_id}"
        )
        return self.run(run_id).status

    def terminate(self, run_id: str) -> None:
        """Press *Terminate*."""
        answer = self.query(
            "mutation($ids: [String!]!){terminateRuns(runIds:$ids, "
            "terminatePolicy: SAFE_TERMINATE){... on TerminateRunsResult{terminateRunResults{"
            "__typename}}}}",
            ids=[run_id],
        )["terminateRuns"]["terminateRunResults"]
        assert answer == [{"__typename": "TerminateRunSuccess"}], answer

    # Backfills

    def backfill(self, chapters: list[str]) -> str:
        """Launch a backfill of chapters; return its id."""
        answer = self.query(
            "mutation($params: LaunchBackfillParams!){launchPartitionBackfill("
            "backfillParams:$params){__typename ... on LaunchBackfillSuccess{backfillId}"
            "... on PythonError{message}}}",
            params={"assetSelection": BOTH_ASSETS, "partitionNames": chapters, "tags": []},
        )["launchPartitionBackfill"]
        assert "backfillId" in answer, answer
        return str(answer["backfillId"])

    def backfills(self) -> dict[str, str]:
        """Return the status of each backfill by its id, latest first."""
        rows = self.query(
            "{partitionBackfillsOrError(limit: 50){... on PartitionBackfills{results{id status}}}}"
        )["partitionBackfillsOrError"]["results"]
        return {row["id"]: row["status"] for row in rows}

    def under_way(self) -> set[str]:
        """Return the chapters that backfills or runs which are not over ask for."""
        rows = self.query(
            "{partitionBackfillsOrError(limit: 50){... on PartitionBackfills{"
            "results{status partitionNames}}}}"
        )["partitionBackfillsOrError"]["results"]
        asked = {
            key
            for row in rows
            if row["status"] not in BACKFILL_OVER
            for key in row["partitionNames"] or ()
        }
        single = (
            run.tags.get("dagster/partition") for run in self.runs() if run.status not in OVER
        )
        return asked | {key for key in single if key}

    def end_of_backfill(self, backfill_id: str, *, timeout_s: float) -> str:
        wait_for(
            lambda: self.backfills()[backfill_id] in BACKFILL_OVER,
            timeout_s=timeout_s,
            what=f"end of backfill {backfill_id}",
        )
        return self.backfills()[backfill_id]

    def cancel_backfill(self, backfill_id: str) -> None:
        """Press *Cancel* on a backfill."""
        answer = self.query(
            "mutation($id: String!){cancelPartitionBackfill(backfillId:$id){__typename}}",
            id=backfill_id,
        )["cancelPartitionBackfill"]
        assert answer == {"__typename": "CancelBackfillSuccess"}, answer

    def reexecute_backfill(self, backfill_id: str) -> str:
        """Re-execute a backfill from failure; return the new one's id."""
        answer = self.query(
            "mutation($params: ReexecutionParams){reexecutePartitionBackfill("
            "reexecutionParams:$params){__typename ... on LaunchBackfillSuccess{backfillId}"
            "... on PythonError{message}}}",
            params={"parentRunId": backfill_id, "strategy": "FROM_FAILURE"},
        )["reexecutePartitionBackfill"]
        assert "backfillId" in answer, answer
        return str(answer["backfillId"])

    # Sensors and schedules

    def turn_on_sensor(self, name: str) -> None:
        answer = self.query(
            "mutation($selector: SensorSelector!){startSensor(sensorSelector:$selector)"
            "{__typename}}",
            selector={**LOCATION, "sensorName": name},
        )["startSensor"]
        assert answer == {"__typename": "Sensor"}, answer

    def turn_on_schedule(self, name: str) -> None:
        answer = self.query(
            "mutation($selector: ScheduleSelector!){startSchedule(scheduleSelector:$selector)"
            "{__typename}}",
            selector={**LOCATION, "scheduleName": name},
        )["startSchedule"]
        assert answer == {"__typename": "ScheduleStateResult"}, answer

    def ticks(self, name: str) -> list[dict[str, Any]]:
        """Return the ticks of a sensor, latest first."""
        answer = self.query(
            "query($selector: SensorSelector!){sensorOrError(sensorSelector:$selector){"
            "... on Sensor{sensorState{ticks(limit: 100){status skipReason timestamp endTimestamp "
            "runIds requestedAssetMaterializationCount error{message}}}}}}",
            selector={**LOCATION, "sensorName": name},
        )["sensorOrError"]
        return list(answer["sensorState"]["ticks"])
