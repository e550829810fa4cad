"""The code location: everything in defs/, run in one process per run."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Return all definitions. Loading them needs no network, environment or novels."""
    return dg.Definitions.merge(
        dg.Definitions(executor=dg.in_process_executor),
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    )
