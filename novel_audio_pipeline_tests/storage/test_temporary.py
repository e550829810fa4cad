"""Names of temporary files, and when they may go."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.storage.temporary import (
    TEMPORARY_EXTRA_CHARS,
    Owner,
    is_left_over,
    is_temporary,
    temporary_name,
    this_process,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = Owner("node-1-lan", 77)


def left_over(name: str, *, age: timedelta, alive: bool) -> bool:
    modified_ns = int((NOW - age).timestamp() * 1e9)
    return is_left_over(name, modified_ns=modified_ns, now=NOW, owner=ME, is_alive=lambda _: alive)


@given(
    final=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
)
def test_every_name_has_a_temporary_one_that_fits_and_is_known_again(final):
    name = temporary_name(final, ME)
    assert is_temporary(name)
    assert len(name.encode()) <= 255
    assert "/" not in name


def test_the_name_says_what_it_will_be_and_whose_it_is():
    name = temporary_name("paragraph_001.wav", ME)
    assert name.startswith(".paragraph_001.wav.node-1-lan-77-")
    assert len(name) - len("paragraph_001.wav") <= TEMPORARY_EXTRA_CHARS
    assert temporary_name("paragraph_001.wav", ME) != name


def test_this_process_has_a_host_that_fits_in_a_name():
    assert is_temporary(temporary_name("x", this_process()))
    assert len(this_process().host) <= 12


@pytest.mark.parametrize(
    ("owner", "age", "alive", "goes"),
    [
        pytest.param(ME, timedelta(0), False, True, id="owner dead"),
        pytest.param(ME, timedelta(minutes=119), True, False, id="owner alive"),
        pytest.param(ME, timedelta(hours=2), True, True, id="owner alive, two hours old"),
        pytest.param(Owner("other", 77), timedelta(minutes=119), False, False, id="other host"),
        pytest.param(Owner("other", 77), timedelta(hours=2), False, True, id="other host, old"),
        pytest.param(ME, timedelta(hours=-5), True, False, id="dated in the future"),
    ],
)
def test_when_a_temporary_file_goes(owner, age, alive, goes):
    assert left_over(temporary_name("paragraph_001.wav", owner), age=age, alive=alive) is goes


@pytest.mark.parametrize(
    "name",
    ["paragraph_001.wav", ".hidden", ".x.tmp", "x.node-77-0123abcd.tmp", ".x.node-77-0123.tmp"],
)
def test_no_other_file_ever_goes(name):
    assert not left_over(name, age=timedelta(days=99), alive=False)
