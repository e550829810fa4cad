"""The documents say what the code does: commands, settings, assets, errors, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import dagster as dg
import pytest

import novel_audio_pipeline
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.main import cli
from novel_audio_pipeline.definitions import defs
from novel_audio_pipeline.library.finding import CODES
from novel_audio_pipeline.settings import PROJECT_ROOT, read_settings
from novel_audio_pipeline.tts_backend.app import create_app
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_backend.settings import BackendSettings, settings_from
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.upkeep.finding import KINDS
from novel_audio_pipeline_tests.test_layers import LAYERS

README = PROJECT_ROOT / "README.md"
README_VI = PROJECT_ROOT / "README.vi.md"
READMES = [pytest.param(README, id="English"), pytest.param(README_VI, id="Vietnamese")]
ARCHITECTURE = PROJECT_ROOT / "docs" / "architecture.md"
TTS_BACKEND = PROJECT_ROOT / "docs" / "tts-backend.md"
OPERATIONS = PROJECT_ROOT / "docs" / "operations.md"
DOCUMENTS = sorted([*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")])
PACKAGE = Path(novel_audio_pipeline.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

SETTING = re.compile(r"(?:NOVEL_AUDIO|TTS|API|DAGSTER)_[A-Z][A-Z_]*[A-Z]")
ROW = re.compile(r"^\| `(?P<first>[^`]+)` \| (?P<second>[^|]*) \|", re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HELP = {"--help", "-h"}
# Dagster reads it, not we; the command line and make set it.
OF_DAGSTER = {"DAGSTER_HOME"}
# We set them for the program that is told of a failed run.
FOR_OTHERS = {"NOVEL_AUDIO_FAILED_RUN", "NOVEL_AUDIO_FAILURE_PAGE"}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class Environment(dict[str, str]):
    """An environment that remembers which settings were looked for."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)


def settings_read() -> set[str]:
    pipeline, backend = Environment(), Environment()
    read_settings(pipeline)
    settings_from(backend)
    others = Environment(
        TTS_ENGINE="openai,piper",
        TTS_PIPER_VOICE="a.onnx",
        TTS_OPENAI_URL="http://a/v1",
        TTS_OPENAI_MODEL="m",
        TTS_OPENAI_VOICES="vi=a",
    )
    settings_from(others)
    return pipeline.asked | backend.asked | others.asked


def defaults() -> dict[str, str]:
    """Return the default of each setting that has one and is no folder."""
    return {
        name: value
        for name, (value, _) in ({**settings_from({}).origins, **read_settings({}).origins}).items()
        if value and not Path(value).is_absolute()
    }


def commands(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def rows(path: Path) -> dict[str, str]:
    """Return the second cell of each table row by the code in its first cell."""
    return {match["first"]: match["second"].strip() for match in ROW.finditer(read(path))}


def described_commands(path: Path) -> dict[str, str]:
    """Return, for each command, the first cell of its row."""
    known = [name for name, _ in commands(cli)]
    found = {}
    for cell in rows(path):
        names = [name for name in known if cell == name or cell.startswith(f"{name} ")]
        if names:
            found[max(names, key=len)] = cell
    return found


def options_of(command: click.Command) -> set[str]:
    return {
        option
        for param in command.params
        if isinstance(param, click.Option)
        for option in param.opts
    } - HELP


# The command line


@pytest.mark.parametrize("readme", READMES)
def test_every_command_has_a_row(readme):
    assert set(described_commands(readme)) == {name for name, _ in commands(cli)}


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize(("name", "command"), [pytest.param(*c, id=c[0]) for c in commands(cli)])
def test_a_command_is_described_with_its_options_and_arguments(readme, name, command):
    cell = described_commands(readme)[name]
    assert set(re.findall(r"--[a-z-]+", cell)) == options_of(command)
    for argument in (param for param in command.params if isinstance(param, click.Argument)):
        assert argument.make_metavar(click.Context(command)).rstrip(".") in cell


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_command_or_option_that_is_not_there(document):
    known = dict(commands(cli))
    options = HELP.union(*(options_of(command) for command in known.values()))
    for line in re.findall(r"novel-audio ([a-z][^`\n#)]*)", read(document)):
        words = line.split()
        assert words[0] in cli.commands, line
        if isinstance(cli.commands[words[0]], click.Group) and len(words) > 1:
            assert " ".join(words[:2]) in known, line
        assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)) <= options, line


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("status", ExitStatus, ids=lambda status: status.name)
def test_exit_statuses_are_told(readme, status):
    assert f"| {status.value} | " in read(readme)


def test_the_make_targets_that_are_described_exist():
    makefile = read(PROJECT_ROOT / "Makefile")
    for document in DOCUMENTS:
        for target in re.findall(
            r"`make ([a-z]+)`|^make ([a-z]+) *(?:#.*)?$", read(document), re.MULTILINE
        ):
            assert f"\n{''.join(target)}:" in makefile, f"{document.name}: make {''.join(target)}"


# Settings


@pytest.mark.parametrize("readme", READMES)
def test_every_setting_has_a_row_and_every_row_is_a_setting(readme):
    described = {name for name in rows(readme) if SETTING.fullmatch(name)}
    assert described == settings_read() | OF_DAGSTER


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize(("name", "default"), sorted(defaults().items()))
def test_the_defaults_are_those_of_the_code(readme, name, default):
    assert rows(readme)[name].strip("`") == default


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_setting_that_is_not_there(document):
    read_somewhere = settings_read() | OF_DAGSTER | FOR_OTHERS | of_tests_and_tools()
    assert set(SETTING.findall(read(document))) - read_somewhere == set()


def of_tests_and_tools() -> set[str]:
    """Return the settings that only tests and benchmarks read."""
    folders = ("novel_audio_pipeline_tests", "benchmarks")
    texts = [read(path) for folder in folders for path in (PROJECT_ROOT / folder).rglob("*.py")]
    return {
        name for text in texts for name in re.findall(rf'environ\S*?["\']({SETTING.pattern})', text)
    }


# Dagster's side


def names_of_definitions() -> list[str]:
    repository = defs().get_repository_def()
    assert isinstance(repository, dg.RepositoryDefinition)
    assets = [key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()]
    checks = [key.name for key in repository.asset_graph.asset_check_keys]
    jobs = [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")]
    sensors = [sensor.name for sensor in repository.sensor_defs]
    schedules = [schedule.name for schedule in repository.schedule_defs]
    return sorted({*assets, *checks, *jobs, *sensors, *schedules})


@pytest.mark.parametrize("name", names_of_definitions())
def test_every_asset_check_job_sensor_and_schedule_is_explained(name):
    assert f"`{name}`" in read(ARCHITECTURE) + read(OPERATIONS)


def test_the_assets_worth_looking_at_are_in_the_readme():
    repository = defs().get_repository_def()
    assets = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    assert assets <= set(rows(README))


@pytest.mark.parametrize("code", sorted({*CODES, *KINDS}))
def test_every_finding_is_explained(code):
    documents = read(OPERATIONS) + read(PROJECT_ROOT / "docs" / "library-format.md")
    assert f"| `{code}` |" in documents


# Architecture


def test_the_rooms_are_drawn_in_the_order_that_the_test_of_arrows_holds():
    block = read(ARCHITECTURE).split("```rooms\n")[1].split("```")[0]
    drawn = [tuple(line.split("  ")[0].split()) for line in block.splitlines() if line]
    assert drawn == [tuple(layer) for layer in LAYERS]


def test_the_files_that_documents_name_exist():
    package = PROJECT_ROOT / "novel_audio_pipeline"
    for document in DOCUMENTS:
        for name in re.findall(r"`([\w/]+/[\w/]+\.(?:py|yaml|toml|sh))`", read(document)):
            assert (PROJECT_ROOT / name).exists() or (package / name).exists(), (
                f"{document.name} names {name}"
            )


# The TTS backend


def described_backend(tmp_path: Path) -> tuple[dict[str, set[str]], str]:
    """Return the methods of every path, and the numbers as text."""
    app = create_app(
        BackendSettings(storage_dir=tmp_path),
        engines=[ToneEngine()],
        cache=CacheFolder(tmp_path),
    )
    paths = {path: {m.upper() for m in methods} for path, methods in app.openapi()["paths"].items()}
    return paths, Metrics(waiting=lambda: 0).text().decode()


def codes_of_the_backend() -> set[str]:
    patterns = (
        r'(?:\bcode=|"code": |_refusal\(\s*|TEXT_NOT_SPOKEN = )"([a-z_]+)"',
        r'\b\d{3}: "([a-z_]+)"',
        r'"([a-z_]+)": \d{3}\b',
    )
    texts = [read(path) for path in (PACKAGE / "tts_backend").rglob("*.py")]
    return {found for text in texts for one in patterns for found in re.findall(one, text)}


def test_every_call_and_number_of_the_backend_is_described(tmp_path):
    paths, numbers = described_backend(tmp_path)
    text = read(TTS_BACKEND)
    told = {
        (method, path)
        for methods, path in re.findall(r"((?:`?(?:GET|HEAD|POST|DELETE)`?,? )+)(/[^`]*)`", text)
        for method in re.findall("[A-Z]+", methods)
    }
    assert told == {(method, path) for path, methods in paths.items() for method in methods}
    names = set(re.findall(r"^# TYPE (tts_[a-z_]+?)(?:_total|_created)? ", numbers, re.MULTILINE))
    assert names == set(re.findall(r"`(tts_[a-z_]+)`", text))


def test_every_code_of_the_backends_errors_is_described():
    told = {
        code
        for line in re.findall(r"^\| [45]\d\d \| ([^|]*) \|", read(TTS_BACKEND), re.MULTILINE)
        for code in re.findall(r"`([a-z_]+)`", line)
    }
    assert codes_of_the_backend() == told


# Errors


def sentences_of_the_code() -> list[str]:
    return [
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_the_errors_that_the_vietnamese_readme_explains_are_those_of_the_code():
    sentences = sentences_of_the_code()
    table = read(README_VI).split("| Câu báo lỗi")[1].split("\n\n")[0]
    fragments = [match["first"] for match in ROW.finditer(table)]
    assert len(fragments) > 20
    for fragment in fragments:
        for part in fragment.split("'…'"):
            assert any(part in sentence for sentence in sentences), fragment


# All documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = re.sub(r"`[^`\n]+`", "", read(document))  # code is no link
    for match in LINK.finditer(text):
        target = match["target"]
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / unquote(name)).resolve() if name else document
        assert path.exists(), f"{document.name} links to {target}"
        assert PROJECT_ROOT in path.parents, f"{document.name} links out of the project: {target}"
        if anchor:
            assert anchor in anchors(path), f"{document.name} links to {target}"


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", read(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_is_in_the_index():
    index = PROJECT_ROOT / "docs" / "README.md"
    linked = {
        (index.parent / match["target"].partition("#")[0]).resolve()
        for match in LINK.finditer(read(index))
    }
    in_docs = {path for path in DOCUMENTS if (PROJECT_ROOT / "docs") in path.parents}
    assert in_docs - linked - {index} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_tells_of_one_machine(document):
    own = re.findall(r"(?<![\w.])/(?:home|Users|root|work|tmp|opt)/[\w.-]+", read(document))
    assert own == []
