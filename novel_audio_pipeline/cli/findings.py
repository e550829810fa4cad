"""Findings of the library as the command line tells them, in JSON and as a table."""

from collections.abc import Sequence

from novel_audio_pipeline.cli.printing import print_table, say
from novel_audio_pipeline.library.finding import Finding


def finding_document(finding: Finding) -> dict[str, str]:
    """Return a finding for a JSON document."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "path": finding.path,
        "message": finding.message,
        "advice": finding.advice,
    }


def wants_doing(findings: Sequence[Finding]) -> bool:
    """Return whether one of them is more than good to know."""
    return any(finding.severity != "info" for finding in findings)


def print_findings(findings: Sequence[Finding]) -> None:
    """Write findings as a table, with the advice for each kind and a count."""
    print_table(
        ("finding", "severity", "path", "message"),
        ((f.code, f.severity, f.path, f.message) for f in findings),
    )
    for code, advice in {f.code: f.advice for f in findings}.items():
        say(f"{code}: {advice}")
    counts = {s: sum(f.severity == s for f in findings) for s in ("error", "warning", "info")}
    say(", ".join(f"{count} {severity}" for severity, count in counts.items()))
