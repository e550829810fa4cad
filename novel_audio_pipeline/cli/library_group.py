"""The group of commands about the library; each lives in a module of its own."""

import click

from novel_audio_pipeline.cli.library_adopt_command import library_adopt_command
from novel_audio_pipeline.cli.library_check_command import (
    library_check_command,
    library_repair_command,
)
from novel_audio_pipeline.cli.library_orphans_command import library_orphans_command
from novel_audio_pipeline.cli.publish_command import library_publish_command


@click.group("library")
def library_group() -> None:
    """Look after the permanent library."""


for command in (
    library_check_command,
    library_repair_command,
    library_orphans_command,
    library_adopt_command,
    library_publish_command,
):
    library_group.add_command(command)
