"""Where a store lives: a local folder, or an object-store URL with its case state in a local folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from farmwatch.errors import StoreError

__all__ = ["FORMAT", "Place", "default_store", "place_of"]

FORMAT = 1  #: of the folder layout; a store of a later one is refused
_SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss", "adl", "azure")  #: object stores the Delta library reaches
_MARK = "farmwatch-store.json"


def default_store() -> str:
    """The store used when none is named: ``FARMWATCH_STORE``, or ``store`` in the user's data folder of farmwatch."""
    import platformdirs

    return os.environ.get("FARMWATCH_STORE") or str(platformdirs.user_data_path("farmwatch") / "store")


@dataclass(frozen=True, slots=True)
class Place:
    """A store's address: the folder or URL as given, and how its files are reached."""

    url: str
    folder: Path | None  #: the store's folder; none for an object store
    state_folder: Path  #: where the case state is
    options: Mapping[str, str] = field(default_factory=dict)  #: for the object store: region, endpoint, credentials

    def table_uri(self, table: str) -> str:
        """Where a Delta table is."""
        return str(self.folder / "tables" / table) if self.folder else f"{self.url}/tables/{table}"

    def files(self, uri: str) -> fs.FileSystem:
        """The files below a table or folder of this store, by paths relative to it."""
        if self.folder:
            return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())
        from farmwatch.store.object_files import ObjectFiles

        return fs.PyFileSystem(ObjectFiles(uri, dict(self.options)))

    def tables(self) -> list[str]:
        """Names of the tables that have been begun, sorted."""
        if self.folder:
            return sorted(path.parent.name for path in self.folder.glob("tables/*/_delta_log"))
        found = self.files(f"{self.url}/tables").get_file_info(
            fs.FileSelector("", allow_not_found=True, recursive=True)
        )
        parts = [info.path.strip("/").split("/") for info in found]
        return sorted({part[0] for part in parts if len(part) > 1 and part[1] == "_delta_log"})

    def make(self) -> None:
        """Make the store where there is none yet.

        Raises:
            StoreError: something else is there, or nothing can be made there.
        """
        if self.folder and self.folder.is_dir() and not self._mark() and any(self.folder.iterdir()):
            raise StoreError(f"{self.folder}: this folder holds other files and no store; name an empty or new folder")
        if self.folder and self.folder.exists() and not self.folder.is_dir():
            raise StoreError(f"{self.folder}: this is a file; a store is a folder")
        try:
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._mark():
                made = {"format": FORMAT, "made": datetime.now(UTC).isoformat(timespec="seconds")}
                with self.files(self.url).open_output_stream(_MARK) as file:
                    file.write(json.dumps(made).encode())
        except OSError as error:
            raise StoreError(f"{self.url}: no store can be made there: {error}") from error
        self.check()

    def check(self) -> None:
        """See that a store is there that this version can read.

        Raises:
            StoreError: it is not.
        """
        if self.folder and not self.folder.is_dir():
            raise StoreError(f"{self.folder}: no such folder; 'farmwatch ingest' or 'farmwatch serve' makes a store")
        mark = self._mark()
        if not mark:
            raise StoreError(f"{self.url}: no store: {_MARK} is missing; name the folder that ingest or serve wrote to")
        try:
            version = int(json.loads(mark)["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.url}/{_MARK}: not readable as a store's mark: {error}") from error
        if version > FORMAT:
            raise StoreError(
                f"{self.url}: made by a later farmwatch (layout {version}, here {FORMAT}); upgrade this one"
            )

    def _mark(self) -> bytes:
        """What the file says that marks a store; empty where there is none.

        Raises:
            StoreError: the place cannot be reached.
        """
        try:
            with self.files(self.url).open_input_file(_MARK) as file:
                return bytes(file.read())
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{self.url}: cannot be reached: {error}") from error


def place_of(url: str | Path, options: Mapping[str, str] | None = None) -> Place:
    """The place a path or URL names.

    Args:
        url: A folder, a ``file://`` URL, or an object-store URL such as ``s3://bucket/prefix``.
        options: What the object store needs beside its environment variables.
    """
    text = str(url).rstrip("/") or "/"
    parts = urlsplit(text)
    if len(parts.scheme) < 2:  # a path; one letter is a Windows drive
        folder = Path(text).expanduser().absolute()
        return Place(str(folder), folder, folder)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        return Place(str(folder), folder, folder)
    if parts.scheme not in _SCHEMES:
        raise StoreError(f"{text}: no store at {parts.scheme}:// addresses; a folder, or {', '.join(_SCHEMES)}")
    import platformdirs

    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Place(text, None, platformdirs.user_data_path("farmwatch") / "state" / name, dict(options or {}))
