"""The jobs over the assets."""

import dagster as dg

from novel_audio_pipeline.defs.assets import narrate_chapters

narrate_job = dg.define_asset_job(
    name="narrate_job",
    selection=dg.AssetSelection.assets(narrate_chapters),
    tags={"novel_audio/kind": "narration"},
    description=(
        "Narrates chapters: what is missing or changed is spoken, verified and filed; what the "
        "library holds is kept. Select chapters as partitions, for example so-do/*."
    ),
)
