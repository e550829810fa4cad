"""Many keys in little memory: a novel of a hundred thousand paragraphs wants and holds as many."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator

DIGEST_BYTES = 16


def key_digest(key: str) -> bytes:
    """Return 16 bytes that stand for a key: two of ten million share them once in 10^24 novels."""
    return hashlib.blake2b(key.encode(), digest_size=DIGEST_BYTES).digest()


class PackedRows:
    """Rows of equal length that begin with the digest of a key, sorted, one after another.

    Args:
        rows: The rows, in any order.
        width: Bytes of a row, at least those of a digest.
    """

    def __init__(self, rows: Iterable[bytes], *, width: int) -> None:
        self._width = width
        # Sorted by first byte, then each lot for itself: few rows are objects of their own at once.
        lots = [bytearray() for _ in range(256)]
        for row in rows:
            lots[row[0]] += row
        self._rows = b"".join(_sorted(bytes(lot), width) for lot in lots)

    def __len__(self) -> int:
        return len(self._rows) // self._width

    def __iter__(self) -> Iterator[bytes]:
        return (self._row(index) for index in range(len(self)))

    def first(self, key: str) -> bytes | None:
        """Return the first row of a key, or None if it has none."""
        digest = key_digest(key)
        index = bisect_left(range(len(self)), digest, key=self._row)
        if index == len(self) or not (row := self._row(index)).startswith(digest):
            return None
        return row

    def _row(self, index: int) -> bytes:
        return self._rows[index * self._width : (index + 1) * self._width]


class PackedKeys:
    """A set of keys, in 16 bytes apiece."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take the keys one by one; they may come more than once."""
        self._rows = PackedRows(map(key_digest, keys), width=DIGEST_BYTES)

    def __contains__(self, key: str) -> bool:
        return self._rows.first(key) is not None

    def repeated(self) -> frozenset[bytes]:
        """Return the digests of the keys that came more than once."""
        before, found = b"", set[bytes]()
        for row in self._rows:
            if row == before:
                found.add(row)
            before = row
        return frozenset(found)


def _sorted(rows: bytes, width: int) -> bytes:
    return b"".join(sorted(rows[at : at + width] for at in range(0, len(rows), width)))
