"""The JSON forms that clients send."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from novel_audio_pipeline.speech.request import MAX_TAKE

_MAX_NAME_CHARS = 200


def _whole_characters(text: str) -> str:
    """Return the text; half of a surrogate pair, which JSON can carry, is no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character (a lone surrogate)") from None
    return text


Text = Annotated[str, AfterValidator(_whole_characters)]
Name = Annotated[Text, Field(max_length=_MAX_NAME_CHARS)]


class SynthesizeForm(BaseModel):
    """``POST /api/tts/synthesize``. Unknown fields change nothing; null is the same as left out."""

    model_config = ConfigDict(strict=True, extra="allow")

    text: Annotated[Text, Field(description="What is spoken; its NFC form is what counts.")]
    model: Name | None = None
    voice: Name | None = None
    language: Annotated[
        Name | None, Field(description="A language tag; its first part counts.")
    ] = None
    speed: Annotated[
        float | None, Field(description="1.0 is the voice's own.", allow_inf_nan=False)
    ] = None
    speaker: Annotated[
        Name | None, Field(description="The voice, as one of the existing backends calls it.")
    ] = None
    speed_factor: Annotated[
        float | None,
        Field(description="The speed, as others of them call it.", allow_inf_nan=False),
    ] = None
    take: Annotated[
        int | None,
        Field(ge=0, le=MAX_TAKE, description="More than 0: another reading of the same text."),
    ] = None
    expiry_hours: Annotated[
        int | None,
        Field(
            ge=1,
            description="Accepted and bounded: an entry lives as long as the backend is set to.",
        ),
    ] = None
    store: Annotated[
        bool | None,
        Field(description="Whether the audio goes to the cache; it does unless this is false."),
    ] = None
    return_audio: Annotated[
        bool | None,
        Field(description="Whether the answer is the audio itself; it is unless this is false."),
    ] = None
    reference: Annotated[
        Name | None, Field(description="Anything of the client's own; logged and answered.")
    ] = None
