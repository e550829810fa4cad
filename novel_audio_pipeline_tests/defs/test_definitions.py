"""The code location as the server loads it, and what every asset must tell about itself."""

import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from novel_audio_pipeline.definitions import defs

PROJECT = Path(__file__).resolve().parents[2]
SPECS = {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}


def test_it_loads_without_environment_network_novels_or_pandas(tmp_path):
    script = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise RuntimeError(event)
sys.addaudithook(refuse)
from novel_audio_pipeline.definitions import defs
defs()
print("loaded", [name for name in ("pandas", "pyarrow") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"loaded []\n", done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_the_graph_leads_from_text_to_audio():
    deps = {name: {d.asset_key.to_user_string() for d in spec.deps} for name, spec in SPECS.items()}
    assert deps["cached_tts_audio"] == {"chapter_text"}
    assert deps["organized_audio"] == {"cached_tts_audio"}


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_asset_tells_what_it_is(name):
    spec = SPECS[name]
    assert spec.description
    assert spec.group_name not in (None, "default")
    assert spec.kinds
    assert spec.owners
    assert spec.code_version


def test_everything_runs_in_one_process_a_run():
    assert defs().executor is dg.in_process_executor


def test_the_location_has_one_name_everywhere():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (entry,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    module = entry["python_module"]
    assert module["location_name"] == project["code_location_name"]
    assert module["module_name"] == project["code_location_target_module"]
