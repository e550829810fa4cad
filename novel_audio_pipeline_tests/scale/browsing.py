"""A person's clicks in a real browser: until the page has answered, and the queries behind it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from novel_audio_pipeline_tests.browser.chromium import (
    CHROMIUM,
    CHROMIUM_OPTIONS,
    open_launch_dialog,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

TIMEOUT_MS = 60_000
TOLD_S = 0.5


@dataclass(frozen=True, slots=True)
class Query:
    """A GraphQL query that a page has asked.

    Attributes:
        name: Its name.
        body: As posted.
        seconds: Until it was answered, beside the page's others.
    """

    name: str
    body: dict[str, Any]
    seconds: float


@dataclass(slots=True)
class Step:
    """One thing that a person does.

    Attributes:
        what: They do.
        seconds: Until what they wait for is seen.
        queries: GraphQL queries of the page until then and until it came to rest, all at once.
    """

    what: str
    seconds: float = 0.0
    queries: list["Query"] = field(default_factory=list)


class Browsing:
    """A browser in which steps are timed."""

    def __init__(self, page: "Page", shots: Path | None) -> None:
        self.page = page
        self.steps: list[Step] = []
        self._finished: list[Request] = []
        self._shots = shots
        page.on("requestfinished", self._note)

    def _note(self, request: "Request") -> None:
        self._finished.append(request)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time what is done and waited for; then let the page come to rest."""
        self._finished.clear()
        started = time.perf_counter()
        yield
        step = Step(what, time.perf_counter() - started)
        self.page.wait_for_load_state("networkidle")
        step.queries = [
            Query(
                request.post_data_json["operationName"],
                request.post_data_json,
                request.timing["responseEnd"] / 1000,
            )
            for request in self._finished
            if "/graphql" in request.url and request.method == "POST"
        ]
        self.steps.append(step)
        asked = ", ".join(f"{q.name} {q.seconds:.2f}" for q in step.queries if q.seconds > TOLD_S)
        print(f"  {what}: {step.seconds:.2f} s; {asked}", flush=True)
        if self._shots is not None:
            self.page.screenshot(path=self._shots / f"{len(self.steps):02d}.png")


def browse(url: str, *, novel: str, chapters: int, shots: Path | None = None) -> list[Step]:
    """Look at the chapters, open one, choose a novel to narrate; launch nothing."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (a heavy import)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(TIMEOUT_MS)
        browsing = Browsing(page, shots)
        _steps(browsing, url, novel, chapters)
        browser.close()
    return browsing.steps


def asked_alone(url: str, steps: list[Step]) -> dict[str, float]:
    """Ask each query of the pages again, one at a time; return the seconds by name, slowest first."""
    queries = {query.name: query for step in steps for query in step.queries}
    seconds = {}
    for name, query in queries.items():
        started = time.perf_counter()
        answer = httpx.post(f"{url}/graphql", json=query.body, timeout=TIMEOUT_MS / 1000)
        assert answer.is_success, answer.text
        seconds[name] = time.perf_counter() - started
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _steps(browsing: Browsing, url: str, novel: str, chapters: int) -> None:
    page = browsing.page
    asset = f"{url}/assets/organized_audio"
    first = page.get_by_text(f"{novel}/0001", exact=True).first
    with browsing.step("open the graph"):
        page.goto(f"{asset}?view=lineage&lineageScope=neighbors")
        page.get_by_text("organized_audio").first.wait_for()
    with browsing.step("open the asset"):
        page.goto(f"{asset}?view=overview")
        page.get_by_text("audio_minutes").first.wait_for()
    with browsing.step("click the tab Partitions"):
        page.get_by_role("tab", name="Partitions").first.click()
        page.get_by_text("truyen-001/0001", exact=True).first.wait_for()
    with browsing.step("open the partitions again"):
        page.goto(f"{asset}?view=partitions")
        page.get_by_text("truyen-001/0001", exact=True).first.wait_for()
    with browsing.step("click a chapter"):
        page.get_by_text("truyen-001/0001", exact=True).first.click()
        page.get_by_text("paragraphs_spoken").first.wait_for()
    page.goto(f"{asset}?view=partitions")
    page.get_by_text("truyen-001/0001", exact=True).first.wait_for()
    with browsing.step("click Materialize"):
        open_launch_dialog(page)
    with browsing.step("click the list of chapters"):
        page.get_by_text("Select a partition or create one").click()
        page.get_by_text("Select all").first.wait_for()
        page.locator("input:focus").wait_for()  # a slash typed elsewhere opens the search
    with browsing.step("type a novel's name"):
        page.keyboard.type(f"{novel}/")
        page.get_by_text(f"Select all ({chapters})").wait_for()
    with browsing.step("click Select all"):
        page.get_by_text(f"Select all ({chapters})").click()
        first.wait_for()
    with browsing.step("open the runs"):
        page.goto(f"{url}/runs")
        page.get_by_text("narrate_job").first.wait_for()
