"""Opening Dagster's records for the command line, which also looks whether they are of this version."""

import contextlib
import os
import sys

import dagster as dg
from alembic.util import CommandError

from novel_audio_pipeline.errors import SettingError


def open_instance() -> dg.DagsterInstance:
    """Return the instance that ``DAGSTER_HOME`` names.

    Records that a process was killed over when it made them, Dagster takes for old ones. They hold
    nothing yet, and are brought to this version.

    Raises:
        SettingError: If that is no folder, not absolute, or its records are of another version of
            Dagster: with older ones everything may seem to work until some query fails.
    """
    try:
        instance = dg.DagsterInstance.get()
    except dg.DagsterInvariantViolationError as error:
        raise SettingError(f"DAGSTER_HOME is wrong: {error}") from error
    if not _is_of_this_version(instance) and _holds_nothing(instance):
        # It prints, where our output may be a document; and it knows no newer versions.
        with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(CommandError):
            instance.upgrade()
    if not _is_of_this_version(instance):
        instance.dispose()
        place = os.environ.get("NOVEL_AUDIO_DAGSTER_DIR", "")
        raise SettingError(
            f"Dagster's records in {place or 'its database'} were written by another version than "
            f"the installed {dg.__version__}. If that was an older one: stop everything that uses "
            "them, copy them to a safe place, then run: "
            f"DAGSTER_HOME={os.environ.get('DAGSTER_HOME', '')} NOVEL_AUDIO_DAGSTER_DIR={place} "
            "dagster instance migrate. If it was a newer one, install that one again"
        )
    return instance


def _is_of_this_version(instance: dg.DagsterInstance) -> bool:
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    for storage in storages:
        version = storage.alembic_version() if storage is not None else None
        if version is not None and version[0] != version[1]:
            return False
    return True


def _holds_nothing(instance: dg.DagsterInstance) -> bool:
    return not (
        instance.get_runs(limit=1)
        or instance.get_asset_keys(limit=1)
        or instance.all_instigator_state()
    )
