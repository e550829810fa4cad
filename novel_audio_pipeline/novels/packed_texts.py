"""Texts in little memory: what is read of a novel whose other chapters wait for their turn."""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class PackedTexts(Sequence[str]):
    """Texts in order, compressed together: about a fifth of what they take as strings.

    Made for going through all of them; each look unpacks them anew. Equal to a tuple or
    list of the same texts, and without a hash.
    """

    __slots__ = ("_data", "_length")

    def __init__(self, texts: Iterable[str]) -> None:
        listed = list(texts)
        data = json.dumps(listed, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._data = zlib.compress(data, 1)
        self._length = len(listed)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._unpacked()[index]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return iter(self._unpacked())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedTexts):
            return self._data == other._data
        return isinstance(other, tuple | list) and self._unpacked() == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._unpacked())

    def _unpacked(self) -> tuple[str, ...]:
        data = zlib.decompress(self._data)
        return tuple(json.loads(data.decode("utf-8", "surrogatepass")))
