"""Declarative automation, for those who want new and changed chapters narrated at once."""

import dagster as dg

AUTOMATED_AT_ONCE = 100


class WhileFewAreUnderWay(dg.AutomationCondition[dg.AssetKey]):
    """True for the first candidates, as long as no more than so many partitions are under way.

    Those that find no room stay candidates for the next tick. Candidates are taken in the order of
    their keys, so that a novel is narrated from its beginning.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @property
    def description(self) -> str:
        """What the UI says of it."""
        return f"At most {self._limit} are under way, those that are asked for now included"

    async def evaluate(  # type: ignore[override]  # Dagster awaits it, as its own
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        """Return the candidates for which there is room."""
        if context.candidate_subset.is_empty:
            return dg.AutomationResult(context, context.candidate_subset)
        under_way = await context.for_child_condition(  # type: ignore[misc]  # narrower than it takes
            _Condition.in_progress(),
            child_indices=[0],
            candidate_subset=context.asset_graph_view.get_full_subset(key=context.key),
        ).evaluate_async()
        room = max(0, self._limit - under_way.true_subset.size)
        keys = sorted(context.candidate_subset.expensively_compute_partition_keys())[:room]
        return dg.AutomationResult(
            context, context.candidate_subset.compute_intersection_with_partition_keys(set(keys))
        )


_Condition = dg.AutomationCondition

# A chapter that appears or whose observed text changes is asked for once, when its text is observed
# and it is not being narrated. What failed is not asked for again: the nightly schedule does that.
_appeared = _Condition.missing().newly_true().since_last_handled()
_changed = _Condition.any_deps_match(_Condition.data_version_changed()).since_last_handled()
CACHED_AUDIO_CONDITION = (
    (_appeared | _changed)
    & ~_Condition.any_deps_missing()
    & ~_Condition.in_progress()
    & WhileFewAreUnderWay(AUTOMATED_AT_ONCE)
).with_label("chapter is new, or its text changed")

# One op makes both assets, so the second goes along with the first.
ORGANIZED_AUDIO_CONDITION = _Condition.any_deps_match(_Condition.will_be_requested()).with_label(
    "cached audio is asked for"
)

narration_automation_sensor = dg.AutomationConditionSensorDefinition(
    name="narration_automation_sensor",
    target=dg.AssetSelection.assets("cached_tts_audio", "organized_audio"),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    use_user_code_server=True,  # the daemon knows no conditions but Dagster's own
    description=(
        "Narrates new and changed chapters as soon as they are found, if you turn it on; at most "
        f"{AUTOMATED_AT_ONCE} at a time, the others follow when there is room. Chapters that were "
        "there before are not asked for: backfill them once. Whatever it starts waits for its turn "
        "at the TTS backend, one run at a time."
    ),
)
