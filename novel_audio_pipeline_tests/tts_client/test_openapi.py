"""Reading what a backend can do out of its OpenAPI document."""

from typing import Annotated, Literal

import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel

from novel_audio_pipeline.tts_client.openapi import (
    SYNTHESIZE_PATH,
    BackendDocument,
    read_document,
)


class Base(BaseModel):
    text: str
    model: Literal["one", "two"] | None = "one"


class Form(Base):
    max_chars: int | None = 200


def document_of(form: object) -> BackendDocument:
    app = FastAPI(title="Some TTS")

    @app.post(SYNTHESIZE_PATH)
    def synthesize(form: Annotated[form, Body()]) -> None:
        return None

    @app.delete("/api/tts/audio/{some_id}")
    def delete(some_id: str) -> None:
        return None

    return read_document(app.openapi())


def test_calls_fields_defaults_and_models_are_read():
    document = document_of(Form)
    assert document.title == "Some TTS"
    assert document.calls == {("POST", SYNTHESIZE_PATH), ("DELETE", "/api/tts/audio/{}")}
    assert document.fields.keys() == {"text", "model", "max_chars"}
    assert document.models == {"one", "two"}
    assert document.default("max_chars") == 200
    assert document.default("text") is None
    assert document.default("absent") is None


def test_a_single_model_is_read():
    class Single(BaseModel):
        model: Literal["viet-tts"] = "viet-tts"

    assert document_of(Single).models == {"viet-tts"}


def test_any_text_for_a_model_is_no_list_of_models():
    class Free(BaseModel):
        model: str | None = None

    assert document_of(Free).models == frozenset()


def schema(**fields: object) -> dict[str, object]:
    form = {"application/json": {"schema": {"properties": fields}}}
    return {"paths": {SYNTHESIZE_PATH: {"post": {"requestBody": {"content": form}}}}}


@pytest.mark.parametrize(
    ("document", "models"),
    [
        pytest.param(schema(model={"type": "string", "enum": ["a", "b"]}), {"a", "b"}, id="enum"),
        pytest.param(
            schema(model={"allOf": [{"$ref": "#/components/schemas/M"}]})
            | {"components": {"schemas": {"M": {"enum": ["a", 3]}}}},
            {"a"},
            id="an enumeration elsewhere, with what is no text",
        ),
    ],
)
def test_models_are_found_where_generators_put_them(document, models):
    assert read_document(document).models == models


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({"paths": []}, id="paths that are none"),
        pytest.param({"paths": {SYNTHESIZE_PATH: {"post": {"requestBody": 7}}}}, id="a number"),
        pytest.param(schema(model={"$ref": "https://example.org/x"}), id="another's address"),
        pytest.param(schema(model={"$ref": "#/paths/none/here"}), id="an address of nothing"),
        pytest.param(
            schema(model={"$ref": "#/components/a"})
            | {"components": {"a": {"$ref": "#/components/a"}}},
            id="a circle",
        ),
        pytest.param(schema(model={"anyOf": {"enum": ["a"]}}), id="misshapen alternatives"),
    ],
)
def test_what_is_misshapen_tells_nothing(document):
    assert read_document(document).models == frozenset()
