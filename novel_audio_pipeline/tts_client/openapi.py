"""What a backend can do, read out of its OpenAPI document. No HTTP and no dialects here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SYNTHESIZE_PATH = "/api/tts/synthesize"
AUDIO_PATH = "/api/tts/audio/{}"
_PARAMETER = re.compile(r"\{[^}]*\}")
# Schemas refer to each other, in circles if they like.
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class BackendDocument:
    """The part of an OpenAPI document that tells one backend from another.

    Attributes:
        title: Name the service gives itself, for messages.
        calls: Method in capitals and path of each call, parameters written ``{}``.
        fields: For each field of a synthesis request, its schema with references resolved one
            level deep.
        models: Every value that the field ``model`` may have; empty if any text may stand there.
    """

    title: str = ""
    calls: frozenset[tuple[str, str]] = frozenset()
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    models: frozenset[str] = frozenset()

    def default(self, name: str) -> object:
        """Return the default of a field, or None if it has none or is not there."""
        return self.fields.get(name, {}).get("default")


def read_document(document: object) -> BackendDocument:
    """Return what is told by an OpenAPI 3 document; what is missing or misshapen tells nothing.

    Source: OpenAPI Specification 3.1, "Paths Object", "Request Body Object"; JSON Schema
    2020-12 for ``$ref``, ``enum``, ``const``, ``anyOf``, ``oneOf``, ``allOf``.
    """
    root = _object(document)
    paths = _object(root.get("paths"))
    synthesize = _object(_object(paths.get(SYNTHESIZE_PATH)).get("post"))
    content = _object(_object(synthesize.get("requestBody")).get("content"))
    form = _object(_object(content.get("application/json")).get("schema"))
    fields: dict[str, Mapping[str, Any]] = {}
    for schema in _alternatives(form, root):
        for name, property_ in _object(schema.get("properties")).items():
            fields[name] = _object(property_)
    models: set[str] = set()
    for schema in _alternatives(fields.get("model", {}), root):
        named = schema.get("enum")
        values = [*(named if isinstance(named, list) else []), schema.get("const")]
        models.update(value for value in values if isinstance(value, str))
    return BackendDocument(
        title=str(_object(root.get("info")).get("title", "")),
        calls=frozenset(
            (method.upper(), _PARAMETER.sub("{}", path))
            for path, methods in paths.items()
            for method in _object(methods)
        ),
        fields=fields,
        models=frozenset(models),
    )


def _object(node: object) -> Mapping[str, Any]:
    return node if isinstance(node, dict) else {}


def _alternatives(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0
) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and every schema it is made of or refers to, within the document."""
    if depth > _MAX_DEPTH:
        return
    yield schema
    if target := _referred(schema.get("$ref"), root):
        yield from _alternatives(target, root, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(word)
        for part in parts if isinstance(parts, list) else []:
            yield from _alternatives(_object(part), root, depth + 1)


def _referred(reference: object, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what ``#/a/b`` refers to in this document; other addresses are not followed."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return {}
    node: Mapping[str, Any] = root
    for name in reference.removeprefix("#/").split("/"):
        node = _object(node.get(name))
    return node
