"""The shortest useful forms of the trials; the long ones are a command (docs/sweeps.md)."""

import signal

import pytest

from novel_audio_pipeline_tests.cli.homes import new_home
from novel_audio_pipeline_tests.trials.doors import launch_one, narrate_one_by
from novel_audio_pipeline_tests.trials.stopping import SLOW, terminate_a_run
from novel_audio_pipeline_tests.trials.up import TONE, start_up, write_novel

pytestmark = pytest.mark.slow
PARAGRAPHS = 12


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    home = new_home(tmp_path_factory.mktemp("up"))
    write_novel(home, "dung-lai", chapters=1, paragraphs=PARAGRAPHS)  # for the sensor's first look
    running = start_up(home, **TONE | SLOW)
    yield running
    running.kill_everything()


def test_a_terminated_run_loses_nothing_and_a_rerun_does_the_rest(up):
    terminate_a_run(up, "dung-lai", paragraphs=PARAGRAPHS)


def test_a_second_up_on_the_same_records_is_refused_and_the_first_goes_on(up):
    refused = up.home.run("up", **TONE)
    assert refused.returncode == 3
    assert "another novel-audio up works on Dagster's records" in refused.stderr
    assert up.answers()


def test_up_that_was_killed_takes_everything_with_it(up):
    assert len(up.family()) > 5
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL  # which waits until no process is left


def test_dagster_dev_is_a_way_in(tmp_path):
    narrate_one_by(tmp_path, ("dagster", "dev"))


def test_dg_launch_narrates_the_chapter_it_is_given(tmp_path):
    launch_one(tmp_path)
