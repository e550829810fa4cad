"""Dagster's records in SQLite, with less work for what Dagster asks again and again.

It reads all keys of a partitions definition a dozen times for an asset's page and seven times in a run
of 25 chapters. Row by row, 100,000 keys are a fifth of a second of CPU each time; as one JSON array
they are an eighth of that; what of them was made, and what is under way, SQLite finds in one query
each. And Dagster makes an engine for each query, which compiles every statement anew, and opens the
file, whose log SQLite writes back when the last one closes it. Here engines are kept, the two files
that all runs share stay open, and a table that was there is not looked for each time.

A run that waits for a pool sleeps, where Dagster's executor would turn in circles.

The files are Dagster's own, and nothing about them is different: ``storage: {sqlite: ...}`` in
dagster.yaml reads and writes the same ones.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import DYNAMIC_PARTITION_MEMBERSHIP_CHUNK_SIZE
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from dagster._utils.concurrency import ConcurrencyClaimStatus

# The plus keeps SQLite from sorting all keys: they lie in this order already.
_KEYS = sqlalchemy.text(
    "SELECT json_group_array(partition) FROM (SELECT partition FROM dynamic_partitions"
    " WHERE +partitions_def_name = :name ORDER BY id)"
)
_CLAIM_WAIT_S = 0.25
_ENGINES_KEPT = 16  # one for each run's events, and the one for what all runs share


def _open_engine(url: str) -> sqlalchemy.Engine:
    """Return an engine that keeps one connection open; threads at the same time get more."""
    return sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.QueuePool,
        pool_size=1,
        max_overflow=-1,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )


def _engine(url: str) -> sqlalchemy.Engine:
    """Return an engine that opens the file anew each time, and closes it."""
    return sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.NullPool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
    )


@contextmanager
def _transaction(engine: sqlalchemy.Engine) -> Iterator[sqlalchemy.Connection]:
    """Give a connection in a transaction; after an error it is not used again.

    The error may hold a result that was not read to its end, which keeps what others have written
    since out of the connection's sight.
    """
    with engine.begin() as connection:
        try:
            yield connection
        except BaseException:
            connection.invalidate()
            raise


class _EventRecords(SqliteEventLogStorage):
    """Dagster's events; partition keys are read in one piece, and what is under way at once."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        """Give a connection in a transaction; one at a time, as Dagster does."""
        with self._db_lock:
            engine = self._engines.pop(shard, None) or self._engine_of(shard)
            self._engines[shard] = engine  # the newest last
            if len(self._engines) > _ENGINES_KEPT:
                oldest = next(name for name in self._engines if name != INDEX_SHARD_NAME)
                self._engines.pop(oldest).dispose()
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with _transaction(engine) as connection:
                yield connection

    def _engine_of(self, shard: str) -> sqlalchemy.Engine:
        # Whoever watches a run's events waits for its file to change, as it does when it is closed.
        make = _open_engine if shard == INDEX_SHARD_NAME else _engine
        return make(self.conn_string_for_shard(shard))

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def has_table(self, table_name: str) -> bool:
        """Return whether there is such a table; one that was seen is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str, priority: int | None = None
    ) -> ConcurrencyClaimStatus:
        """Claim a slot of a pool; where there is none, a moment passes before the next attempt.

        Dagster 1.13 sleeps for the least of the time to its next attempt and zero, that is never: a
        run that waits for a pool would keep a core busy for as long as another one narrates.
        """
        status = super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
        if status.is_claimed:
            return status
        time.sleep(_CLAIM_WAIT_S)
        waiting: ConcurrencyClaimStatus = status.with_sleep_interval(0.0)
        return waiting

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """Return all keys of a partitions definition in the order in which they were added."""
        self._check_partitions_table()
        with self.index_connection() as connection:
            keys = connection.execute(_KEYS, {"name": partitions_def_name}).scalar_one()
        found: list[str] = json.loads(keys)
        return found

    def get_existing_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> AbstractSet[str]:
        """Return which of the keys there are; many are compared with all that there are."""
        if len(partition_keys) <= DYNAMIC_PARTITION_MEMBERSHIP_CHUNK_SIZE:
            return super().get_existing_dynamic_partitions(partitions_def_name, partition_keys)
        return {*partition_keys}.intersection(self.get_dynamic_partitions(partitions_def_name))

    def get_materialized_partitions(
        self,
        asset_key: dg.AssetKey,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> set[str]:
        """Return the keys that were materialized, in one piece as well."""
        latest = self._latest_event_ids_by_partition_subquery(
            asset_key,
            [dg.DagsterEventType.ASSET_MATERIALIZATION],
            before_cursor=before_cursor,
            after_cursor=after_cursor,
        )
        query = sqlalchemy.select(sqlalchemy.func.json_group_array(latest.c.partition))
        with self.index_connection() as connection:
            return {*json.loads(connection.execute(query).scalar_one())}

    def get_latest_asset_partition_materialization_attempts_without_materializations(
        self, asset_key: dg.AssetKey, after_storage_id: int | None = None
    ) -> Mapping[str, tuple[str, int]]:
        """Return run and event of each partition's last plan that no materialization followed.

        Dagster reads every partition's plan and materialization for that and compares them; here
        SQLite does.
        """
        planned, materialized = (
            self._latest_event_ids_by_partition_subquery(
                asset_key, [kind], after_cursor=after_storage_id
            ).alias(kind.value)
            for kind in (
                dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
                dg.DagsterEventType.ASSET_MATERIALIZATION,
            )
        )
        events = SqlEventLogStorageTable.c
        query = (
            sqlalchemy.select(planned.c.partition, events.run_id, events.id)
            .select_from(planned)
            .outerjoin(materialized, materialized.c.partition == planned.c.partition)
            .join(SqlEventLogStorageTable, events.id == planned.c.id)
            .where(planned.c.id > sqlalchemy.func.coalesce(materialized.c.id, 0))
        )
        with self.index_connection() as connection:
            rows = connection.execute(query).all()
        return {partition: (run_id, event) for partition, run_id, event in rows}


class _RunRecords(SqliteRunStorage):
    """Dagster's runs and backfills."""

    def __init__(self, conn_string: str) -> None:
        super().__init__(conn_string)
        self._engine = _open_engine(conn_string)

    @contextmanager
    def connect(self) -> Iterator[sqlalchemy.Connection]:
        """Give a connection in a transaction."""
        with _transaction(self._engine) as connection:
            yield connection

    def dispose(self) -> None:
        """Close what is open."""
        self._engine.dispose()


class SqliteRecords(DagsterSqliteStorage):
    """Runs, events, partitions, schedules and sensors in SQLite files below a folder.

    Args:
        base_dir: The folder, as of Dagster's own storage.
        inst_data: From dagster.yaml.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage.dispose()
        self._event_log_storage = _EventRecords(self._event_log_storage._base_dir)
        self._run_storage = _RunRecords(self._run_storage._conn_string)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "SqliteRecords":
        """Return the records that dagster.yaml asks for."""
        return cls.from_local(inst_data=inst_data, **config_value)
