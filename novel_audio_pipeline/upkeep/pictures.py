"""What upkeep draws: how old the cache is, and which bytes belong to nothing."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from novel_audio_pipeline.upkeep.expiry import Judged
from novel_audio_pipeline.upkeep.picture import Bar, as_markdown, bar_chart, bytes_text

if TYPE_CHECKING:
    import pandas as pd

_STEPS = 8
_NOVELS = 15
NO_NOVEL = "(no novel)"


def cache_age_picture(judged: Iterable[Judged], *, ttl: timedelta) -> str:
    """Return a picture of the cache's entries by age, as Markdown."""
    step = ttl / _STEPS
    counts = [0] * (_STEPS + 2)
    for one in judged:
        if one.is_entry:
            counts[0 if one.age < timedelta(0) else min(_STEPS, int(one.age / step)) + 1] += 1
    minutes = step.total_seconds() / 60
    labels = [
        "dated in the future",
        *(f"{i * minutes:.0f}-{(i + 1) * minutes:.0f} min" for i in range(_STEPS)),
        "past its time",
    ]
    bars = [Bar(label, [count], str(count)) for label, count in zip(labels, counts, strict=True)]
    title = "Entries of the TTS cache by age"
    return as_markdown(bar_chart(title, bars), title=title)


def novels_picture(sizes: "pd.Series[int]", findings: "pd.DataFrame") -> str:
    """Return a picture of the bytes by novel and finding, as Markdown.

    Args:
        sizes: Bytes of audio in the library by novel_id.
        findings: With ``novel_id``, ``severity``, ``size_bytes``.
    """
    found = findings.assign(novel_id=findings["novel_id"].replace("", NO_NOVEL))
    by_novel = found.pivot_table(
        index="novel_id", columns="severity", values="size_bytes", aggfunc="sum", fill_value=0
    )
    frame = by_novel.reindex(columns=["error", "warning", "info"], fill_value=0)
    frame = frame.reindex(frame.index.union(sizes.index), fill_value=0)
    held = sizes.reindex(frame.index, fill_value=0)
    frame.insert(0, "in order", (held - frame.sum(axis=1)).clip(lower=0))
    frame["all"] = frame.sum(axis=1)
    largest = frame.sort_values("all", ascending=False).head(_NOVELS)
    bars = [
        Bar(str(novel), [float(v) for v in row[:4]], bytes_text(float(row[4])))
        for novel, row in zip(largest.index, largest.to_numpy().tolist(), strict=True)
    ]
    title = "Bytes by novel and finding"
    series = ("in order", "error", "warning", "info")
    return as_markdown(bar_chart(title, bars, series=series), title=title)
