"""The resource of publishing: where the reader app is, by the settings of the environment."""

import os

import dagster as dg

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.reader_app.place import ReaderPlace, reader_place
from novel_audio_pipeline.settings import read_settings


class ReaderAppResource(dg.ConfigurableResource[None]):
    """The reader app that the library is published into, if it is set.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    def place(self) -> ReaderPlace:
        """Return where the app is; nothing is looked at yet.

        Raises:
            SettingError: If it is not set: publishing is off.
        """
        return reader_place(read_settings({**os.environ, **self.environment}))

    def why_off(self) -> str | None:
        """Return why publishing is off, or None if it is on."""
        try:
            self.place()
        except SettingError as error:
            return str(error)
        return None


@dg.definitions
def reader_app_resources() -> dg.Definitions:
    """The resource under the name that asset and sensor ask for."""
    return dg.Definitions(resources={"reader_app": ReaderAppResource()})
