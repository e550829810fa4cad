"""The container of an EPUB: a zip that may be damaged, encrypted, or made to harm. Only bytes here."""

import lzma
import posixpath
import re
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.markup import Element, MarkupError, local_name, parse_xml

MAX_ENTRIES = 20_000
MAX_TOTAL_BYTES = 1024**3
MAX_DOCUMENT_BYTES = 64 * 1024**2
MAX_READ_BYTES = 256 * 1024**2
MAX_RATIO = 200
FREE_RATIO_BYTES = 4 * 1024**2  # a small file may be compressed as well as it likes

# What zipfile raises for bytes that are no sound archive.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
)
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PACKAGE_TYPE = "application/oebps-package+xml"
_DRIVE = re.compile(r"[A-Za-z]:")


class EpubContainer:
    """An EPUB opened for reading. Names are paths inside it; nothing is ever extracted.

    Args:
        path: The file.

    Raises:
        SourceError: If it cannot be read (``unreadable``), is no zip (``not_an_epub``), is
            damaged (``damaged_epub``), would unpack to too much (``epub_too_large``), or its text
            is encrypted (``encrypted_epub``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise self._not_opened(error) from error
        except OSError as error:
            message = f"{path}: cannot be read ({error.strerror}); check the file and its rights"
            raise SourceError(message, code="unreadable", source=str(path)) from error
        self._encrypted: frozenset[str] = frozenset()
        self._read_bytes = 0
        try:
            self._entries = self._checked_entries()
            self._encrypted = self._encrypted_names()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zip.close()

    @property
    def has_mimetype(self) -> bool:
        """Whether the first file says, as it must, that this is an EPUB."""
        return "mimetype" in self._entries

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    def package_name(self) -> str:
        """Return the name of the package document that container.xml names, or the only one.

        Raises:
            SourceError: ``not_an_epub`` if there is none.
        """
        if _CONTAINER in self:
            try:
                root = parse_xml(self.read(_CONTAINER))
            except MarkupError as error:
                raise self.damaged(f"its {_CONTAINER} is not XML: {error}") from error
            for element in root.iter():
                if local_name(element) == "rootfile" and self._is_package(element):
                    return resolve("", element.get("full-path", ""))
        packages = [name for name in self._entries if name.endswith(".opf")]
        if len(packages) == 1:
            return packages[0]
        raise SourceError(
            f"{self._path}: not an EPUB: no package document is named in {_CONTAINER}; "
            "export or download the book again",
            code="not_an_epub",
            source=str(self._path),
        )

    def read(self, name: str) -> bytes:
        """Return the bytes of one file, found whatever the case and composition of its name.

        Raises:
            SourceError: ``damaged_epub``, ``epub_too_large`` or ``encrypted_epub``.
            KeyError: If there is no such file.
        """
        info = self._entries[_key(name)]
        if _key(name) in self._encrypted or info.flag_bits & 0x1:
            raise SourceError(
                f"{self._path}: the text of this EPUB is encrypted (DRM), {name} for one; only "
                "books without copy protection can be narrated",
                code="encrypted_epub",
                source=str(self._path),
            )
        if info.file_size > MAX_DOCUMENT_BYTES:
            raise self._too_large(f"{name} unpacks to {info.file_size} bytes")
        try:
            with self._zip.open(info) as file:
                data = file.read(MAX_DOCUMENT_BYTES)
        except (*_ZIP_ERRORS, OSError) as error:
            raise self.damaged(f"{name} cannot be unpacked ({error})") from error
        self._read_bytes += len(data)
        if self._read_bytes > MAX_READ_BYTES:
            raise self._too_large(f"its documents unpack to more than {MAX_READ_BYTES} bytes")
        return data

    def damaged(self, what: str) -> SourceError:
        """Return the error that says so."""
        return SourceError(
            f"{self._path}: damaged EPUB: {what}; download or copy the file again",
            code="damaged_epub",
            source=str(self._path),
        )

    def _is_package(self, rootfile: Element) -> bool:
        named = rootfile.get("media-type", _PACKAGE_TYPE) == _PACKAGE_TYPE
        return named and resolve("", rootfile.get("full-path", "")) in self

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        """Return the files by name; names that point outside are left out, and so unreadable."""
        infos = self._zip.infolist()
        if len(infos) > MAX_ENTRIES:
            raise self._too_large(f"it holds {len(infos)} files")
        if (total := sum(info.file_size for info in infos)) > MAX_TOTAL_BYTES:
            raise self._too_large(f"it unpacks to {total} bytes")
        for info in infos:
            limit = max(FREE_RATIO_BYTES, info.compress_size * MAX_RATIO)
            if info.file_size > limit:
                raise self._too_large(
                    f"{info.filename} unpacks to {info.file_size} bytes from {info.compress_size}"
                )
        return {_key(i.filename): i for i in infos if not i.is_dir() and is_inside(i.filename)}

    def _encrypted_names(self) -> frozenset[str]:
        """Return what encryption.xml names: often only obfuscated fonts, which are never read."""
        if _ENCRYPTION not in self:
            return frozenset()
        try:
            root = parse_xml(self.read(_ENCRYPTION))
        except MarkupError as error:
            raise self.damaged(f"its {_ENCRYPTION} is not XML: {error}") from error
        uris = [e.get("URI", "") for e in root.iter() if local_name(e) == "CipherReference"]
        return frozenset(_key(resolve("", uri)) for uri in uris)

    def _not_opened(self, error: Exception) -> SourceError:
        with self._path.open("rb") as file:
            begins_as_zip = file.read(4) == b"PK\x03\x04"
        if begins_as_zip:
            return self.damaged(f"the end of the file is missing or broken ({error})")
        return SourceError(
            f"{self._path}: not an EPUB: the file is no zip archive; "
            "export the book as EPUB, or give the file the ending of what it is",
            code="not_an_epub",
            source=str(self._path),
        )

    def _too_large(self, what: str) -> SourceError:
        return SourceError(
            f"{self._path}: refused, for {what}, which no novel needs; "
            "if the book is real, remove its large files",
            code="epub_too_large",
            source=str(self._path),
        )


def _key(name: str) -> str:
    """Return the name as it is looked up: programs differ in case, composition and slashes."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def is_inside(name: str) -> bool:
    """Tell whether a name in an archive stays inside it: relative, without ``..`` or a drive."""
    parts = name.replace("\\", "/").split("/")
    return (
        bool(name)
        and not name.startswith(("/", "\\"))
        and ".." not in parts
        and not (_DRIVE.match(name) or "\0" in name)
    )


def resolve(base: str, href: str) -> str:
    """Return the name in the container that a link in the document ``base`` points to.

    Empty for a link that leads outside: another site, an absolute path, ``..`` beyond the root.
    The fragment is dropped.

    Args:
        base: Name of the document the link stands in; empty for the root of the container.
        href: The link, percent-encoded.
    """
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return ""
    if parts.scheme or parts.netloc:
        return ""
    path = unquote(parts.path)
    if not path:
        return base
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
    return joined if is_inside(joined) and joined != "." else ""
