"""Declarative automation, for those who want new and changed chapters narrated at once."""

import dagster as dg

_Condition = dg.AutomationCondition

# A chapter that appears or whose observed text changes is asked for once, when its text is observed
# and it is not being narrated. What failed is not asked for again: the nightly schedule does that.
_appeared = _Condition.missing().newly_true().since_last_handled()
_changed = _Condition.any_deps_match(_Condition.data_version_changed()).since_last_handled()
CACHED_AUDIO_CONDITION = (
    (_appeared | _changed) & ~_Condition.any_deps_missing() & ~_Condition.in_progress()
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
    description=(
        "Narrates new and changed chapters as soon as they are found, if you turn it on. Chapters "
        "that were there before are not asked for: backfill them once. Whatever it starts waits "
        "for its turn at the TTS backend, one run at a time."
    ),
)
