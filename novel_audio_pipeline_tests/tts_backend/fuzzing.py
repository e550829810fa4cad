"""The real backend under requests that schemathesis makes out of its own OpenAPI document.

``python -m novel_audio_pipeline_tests.tts_backend.fuzzing [--requests 10000] [--seed 0]`` is the long
form of the test. It fails loudly at the first answer that is not specified, and if anything lies
outside the cache folder, or in it, that does not belong there.
"""

import argparse
import hashlib
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from novel_audio_pipeline_tests.tts_backend.serving import Child, log_of, start_child

SECRET = "what no answer may tell"  # noqa: S105  # planted beside the cache
# On a healthy server with room to store nothing else of 500 and above is right.
EXPECTED_ERRORS = {(503, "queue_full"), (503, "too_many_requests")}
_BATCH = 150
_WEIGHT_OF_FORM = 4
_NAMES = ("model", "voice", "speaker", "language")
_OWN = re.compile(r"[0-9a-f]{32}\.wav|metadata/[0-9a-f]{32}\.json|\.lock|\.first_seen\.json")
_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@dataclass(frozen=True)
class Fuzzed:
    """What was asked and answered.

    Attributes:
        statuses: Answers by operation and status.
        server_errors: Specified answers of 500 and above, by status and code.
        counted_by_server: Requests by the backend's own count.
    """

    statuses: Counter[tuple[str, int]]
    server_errors: Counter[tuple[int, str]]
    counted_by_server: int

    @property
    def requests(self) -> int:
        """How many were made."""
        return sum(self.statuses.values())


def fuzz(root: Path, *, count: int, start: int = 0) -> Fuzzed:
    """Start a backend, make so many requests or a few more, and look at what is left.

    Args:
        root: An empty folder; the backend's cache lies two folders below it.
        count: How many requests at least.
        start: Another number makes other requests.

    Raises:
        AssertionError: If an answer is not specified, or a file is where none belongs.
    """
    served = root / "in" / "between"
    served.mkdir(parents=True)
    planted = [root / "secret.wav", root / "in" / f"{'a' * 32}.wav", served / "metadata.json"]
    for path in planted:
        path.write_text(SECRET)
    child = start_child(served, "--parent-pipe", env={"TTS_ENGINE": "espeak"})
    try:
        before = outside(root, served / "cache")
        fuzzer = _Fuzzer(child, root)
        fuzzer.run(count, start=start)
        seen = fuzzer.seen()
    finally:
        _end(child)
    assert outside(root, served / "cache") == before
    strangers = [name for name in _names(served / "cache") if not _OWN.fullmatch(name)]
    assert strangers == []
    assert [line for line in log_of(served) if "error" in line] == []
    assert seen.counted_by_server >= seen.requests
    return seen


def outside(root: Path, cache: Path) -> dict[str, str]:
    """Return the digest of every file below ``root`` but those of the cache and the backend's log."""
    return {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest()
        for name in _names(root)
        if cache not in (root / name).parents and not name.endswith("log.jsonl")
    }


def _names(folder: Path) -> Iterator[str]:
    return (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


def _end(child: Child) -> None:
    assert child.process.poll() is None, "the backend ended by itself"
    child.process.stdin.close()
    child.process.stdout.close()
    assert child.process.wait(20) == 0


class _Fuzzer:
    """Makes requests and judges the answers."""

    def __init__(self, child: Child, root: Path) -> None:
        self._url = child.url
        self._root = root
        self._session = requests.Session()
        self._statuses: Counter[tuple[str, int]] = Counter()
        self._errors: Counter[tuple[int, str]] = Counter()
        self._file_ids = [self._make(f"Câu số {number}.") for number in range(8)]
        load_all_checks()
        document = schemathesis.openapi.from_url(f"{child.url}/openapi.json")
        self._operations = [found.ok() for found in document.get_all_operations()]

    def run(self, count: int, *, start: int) -> None:
        """Go through all operations, those with a form more often, until there were so many."""
        dice = random.Random(start)
        weights = [_WEIGHT_OF_FORM if operation.body else 1 for operation in self._operations]
        number = start * 1_000_000
        for operation in self._operations:
            self._ask(operation, number, examples=min(10, count))
        while self._statuses.total() < count:
            number += 1
            (operation,) = dice.choices(self._operations, weights)
            left = count - self._statuses.total()
            self._ask(operation, number, examples=min(_BATCH, left))

    def seen(self) -> Fuzzed:
        """Return what was seen so far."""
        metrics = httpx.get(f"{self._url}/metrics").text
        counted = re.findall(r"^tts_http_requests_total\{.*\} ([0-9.e+]+)$", metrics, re.MULTILINE)
        return Fuzzed(self._statuses, self._errors, int(sum(map(float, counted))))

    def _make(self, text: str) -> str:
        form = {"text": text, "return_audio": False}
        return httpx.post(f"{self._url}/api/tts/synthesize", json=form).json()["file_id"]

    def _ask(self, operation: schemathesis.APIOperation, number: int, *, examples: int) -> None:
        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=_cases(operation),
            known=st.sampled_from([*self._file_ids, None]),
            is_plain=st.booleans(),
        )
        def ask(case: schemathesis.Case, known: str | None, *, is_plain: bool) -> None:
            if known is not None and "file_id" in (case.path_parameters or {}):
                case.path_parameters["file_id"] = known
            if is_plain and isinstance(case.body, dict):  # no model or voice made up is ever there
                case.body = {k: v for k, v in case.body.items() if k not in _NAMES}
            answer = case.call(base_url=self._url, session=self._session, timeout=60)
            self._statuses[operation.label, answer.status_code] += 1
            self._judge(case, answer)

        ask()

    def _judge(self, case: schemathesis.Case, answer: schemathesis.Response) -> None:
        case.validate_response(answer, checks=_CHECKS)
        assert answer.headers["x-request-id"]
        for told in (SECRET, str(self._root), "Traceback"):
            assert told.encode() not in answer.content, told
        if answer.status_code >= 500:
            error = answer.status_code, answer.json()["error"]["code"]
            assert error in EXPECTED_ERRORS, error
            self._errors[error] += 1


def _cases(operation: schemathesis.APIOperation) -> st.SearchStrategy[schemathesis.Case]:
    """Return requests that follow the document and, where it forbids anything, such as do not."""
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not operation.body and not list(operation.iter_parameters()):
        return right
    return right | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def main(print_line: Callable[[str], None] = print) -> None:
    """Fuzz and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="another number makes other requests")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = fuzz(Path(folder), count=arguments.requests, start=arguments.seed)
    for (operation, status), number in sorted(seen.statuses.items()):
        print_line(f"{number:7}  {status}  {operation}")
    print_line(
        f"{seen.requests} requests, {seen.counted_by_server} by the backend's own count: every answer "
        f"as specified; of 500 and above: {dict(seen.server_errors) or 'none'}; nothing outside the "
        "cache folder"
    )


if __name__ == "__main__":
    main()
