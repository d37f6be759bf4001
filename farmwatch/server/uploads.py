"""Uploaded captures: pieces on the disk, what is known of them in the state, one scan at a time in its own process.

No path is made of anything a sender says: files are named by ids made here. What the state says of a piece is durable:
a piece is synced before it is noted, and what a crash left behind the noted length is cut off before the next piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue

from farmwatch.errors import StoreError
from farmwatch.server.problems import Refusal
from farmwatch.server.settings import CaptureLimits
from farmwatch.store.state import State, Upload

__all__ = ["Uploads"]

_LOG = logging.getLogger("farmwatch.server")
_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 255
_UPKEEP_S = 600.0
_KEPT_TALK = 4000  # characters of what a failed scan said
_SPARE = 256 << 20  # bytes left free on the disk


class Uploads:
    """Captures in a folder.

    Args:
        folder: Made where there is none.
        limits: Sizes and times.
        state: Where uploads are noted.
        store: Folder or URL that results of scans are kept in.

    Raises:
        StoreError: the folder cannot be used.
    """

    def __init__(self, folder: Path, limits: CaptureLimits, state: State, store: str) -> None:
        self._limits, self._state, self._store = limits, state, store
        self._incoming, self._captures, self._reports = folder / "incoming", folder / "captures", folder / "reports"
        try:
            for path in (folder, self._incoming, self._captures, self._reports):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"{folder}: cannot hold captures: {error.strerror or error}") from error
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._queue: Queue[str | None] = Queue()
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._scan_on, name="scans", daemon=True)

    def start(self) -> None:
        """Take up scans that an earlier run did not finish, and clear away what has expired."""
        for upload in self._state.uploads("received"):
            self._queue.put(upload.id)
        self._thread.start()

    def finish(self) -> None:
        """End; a scan in hand is ended too and begins again with the next start."""
        self._ending.set()
        process = self._process
        if process is not None:
            process.kill()
        self._queue.put(None)

    # --- receiving -------------------------------------------------------------------------------------------------

    def begin(self, sender: str, name: str, size: int, sha256: str) -> Upload:
        """Begin an upload.

        Args:
            sender: Who.
            name: What it is called; shown, never opened.
            size: Bytes it will have.
            sha256: Of the whole, in hex.

        Raises:
            Refusal: 400 a value that cannot be; 413 too large; 429 too many begun; 507 no room.
        """
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise Refusal(400, f"name: 1 to {_LONGEST_NAME} characters that can be printed", reason="invalid")
        if not _SHA256.fullmatch(sha256):
            raise Refusal(400, "sha256: 64 hexadecimal digits, lower case", reason="invalid")
        if size < 1:
            raise Refusal(400, "size: the bytes of the capture, at least 1", reason="invalid")
        if size > self._limits.size_bytes:
            raise Refusal(
                413, f"a capture may have {self._limits.size_bytes} bytes; cut it, or scan it where it is",
                reason="too_large", limit=self._limits.size_bytes,
            )  # fmt: skip
        begun = self._state.uploads("receiving")
        if len(begun) >= self._limits.open_uploads:
            raise Refusal(
                429, f"{len(begun)} uploads are begun and not finished; finish or delete some", reason="open_uploads",
                retry_s=60, limit=self._limits.open_uploads,
            )  # fmt: skip
        promised = sum(one.size - one.received for one in begun)
        kept = sum(one.size for one in self._state.uploads())
        if kept + size > self._limits.total_bytes or (
            shutil.disk_usage(self._incoming).free < promised + size + _SPARE
        ):
            raise Refusal(507, "there is no room for this capture now; send it later", reason="no_room", retry_s=600)
        upload = self._state.add_upload(sender, name, size)
        self._state.note_upload(upload.id, received=0, state="receiving", detail=json.dumps({"sha256": sha256}))
        (self._incoming / upload.id).touch(mode=0o600)
        return upload

    def find(self, upload_id: str, sender: str) -> Upload:
        """A sender's own upload.

        Raises:
            Refusal: 404 it has none of this id.
        """
        upload = self._state.upload(upload_id) if _ID.fullmatch(upload_id) else None
        if upload is None or upload.sender != sender:
            raise Refusal(404, "this sender has no such capture; it may have expired", reason="unknown_capture")
        return upload

    async def take(self, upload_id: str, sender: str, offset: int, chunks: AsyncIterator[bytes]) -> Upload:
        """Take in a piece. What came before the connection broke counts too.

        Raises:
            Refusal: 404 unknown; 409 not the next byte, or all there; 413 beyond the size; 503 no room.
        """
        await asyncio.to_thread(self.find, upload_id, sender)  # before there is a lock of this name
        async with self._locks[upload_id]:
            upload = await asyncio.to_thread(self.find, upload_id, sender)
            if upload.state != "receiving":
                raise Refusal(409, "all of it is there already", reason="complete", close=True)
            if offset != upload.received:
                raise Refusal(
                    409, f"the next byte is {upload.received}, not {offset}", reason="offset", close=True,
                    headers={"Upload-Offset": str(upload.received)}, offset=upload.received,
                )  # fmt: skip
            received = upload.received
            path = self._incoming / upload.id
            file = await asyncio.to_thread(_opened_at, path, received)
            try:
                async for chunk in chunks:
                    if received + len(chunk) > upload.size:
                        raise Refusal(
                            413, f"more than the {upload.size} bytes that were announced", reason="too_large",
                            limit=upload.size, close=True,
                        )  # fmt: skip
                    await asyncio.to_thread(_write_all, file, chunk)
                    received += len(chunk)
            except OSError as error:
                raise Refusal(
                    503, f"the capture cannot be kept: {error.strerror}; go on later from the offset that HEAD gives",
                    reason="disk_full", retry_s=30, close=True,
                ) from error  # fmt: skip
            finally:
                await asyncio.shield(asyncio.to_thread(self._note, upload, file, received))
            return await asyncio.to_thread(self.find, upload_id, sender)

    def _note(self, upload: Upload, file: int, received: int) -> None:
        """Sync a piece, then note it."""
        try:
            os.fsync(file)
            self._state.note_upload(upload.id, received=received, state="receiving", detail=upload.detail)
        except OSError as error:
            _LOG.error("capture %s: a piece was not synced: %s", upload.id, error.strerror)
        finally:
            os.close(file)

    async def complete(self, upload_id: str, sender: str) -> Upload:
        """Check that the whole is there and right, keep it and queue its scan. Asked again, it says what is known.

        Raises:
            Refusal: 404 unknown; 409 not all there; 422 the sum is wrong, and what came is deleted.
        """
        await asyncio.to_thread(self.find, upload_id, sender)
        async with self._locks[upload_id]:
            upload = await asyncio.to_thread(self.find, upload_id, sender)
            if upload.state == "receiving":
                await asyncio.to_thread(self._complete, upload)
                self._queue.put(upload.id)
            return await asyncio.to_thread(self.find, upload_id, sender)

    def _complete(self, upload: Upload) -> None:
        if upload.received != upload.size:
            raise Refusal(
                409, f"{upload.received} of {upload.size} bytes are there", reason="incomplete",
                headers={"Upload-Offset": str(upload.received)}, offset=upload.received,
            )  # fmt: skip
        path = self._incoming / upload.id
        with path.open("r+b") as file:
            file.truncate(upload.size)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != json.loads(upload.detail)["sha256"]:
            self.remove(upload)
            raise Refusal(422, "the SHA-256 is not the one announced; upload it anew", reason="sha256")
        path.replace(self._captures / upload.id)
        for folder in (self._captures, self._incoming):
            _sync_folder(folder)
        self._state.note_upload(upload.id, received=upload.size, state="received", detail=upload.detail)

    def remove(self, upload: Upload) -> None:
        """Delete an upload, its capture and its report."""
        self._state.remove_upload(upload.id)
        for path in (self._incoming / upload.id, self._captures / upload.id, self._reports / f"{upload.id}.json"):
            path.unlink(missing_ok=True)
        self._locks.pop(upload.id, None)

    def report(self, upload: Upload) -> str | None:
        """The report of a scanned capture, as JSON."""
        path = self._reports / f"{upload.id}.json"
        return path.read_text("utf-8") if upload.state == "scanned" and path.is_file() else None

    # --- scanning --------------------------------------------------------------------------------------------------

    def _scan_on(self) -> None:
        """The thread that scans, one capture at a time."""
        while not self._ending.is_set():
            try:
                wanted = self._queue.get(timeout=_UPKEEP_S)
            except Empty:
                wanted = ""
            try:
                if wanted:
                    self._scan(wanted)
                if not self._ending.is_set():
                    self._clear()
            except (StoreError, OSError) as error:
                _LOG.error("captures: %s", error)

    def _scan(self, upload_id: str) -> None:
        upload = self._state.upload(upload_id)
        if upload is None or upload.state != "received" or self._ending.is_set():
            return
        report = self._reports / f"{upload.id}.json"
        command = [
            sys.executable, "-m", "farmwatch.server.scanning", str(self._captures / upload.id), str(report),
            f"--name={upload.name}", f"--sender={upload.sender}", f"--store={self._store}",
            f"--bytes={self._limits.scan_bytes}",
        ]  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603  (our own module; the sender's words are single arguments)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, talk = self._process.communicate(timeout=self._limits.scan_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, talk = self._process.communicate()
            talk = f"took more than {self._limits.scan_s:.0f} s".encode()
        code, self._process = self._process.returncode, None
        if code and self._ending.is_set():
            return
        detail = json.loads(upload.detail)
        if code:
            detail["error"] = talk.decode("utf-8", "replace").strip()[-_KEPT_TALK:] or f"ended with {code}"
        self._state.note_upload(
            upload.id, received=upload.size, state="failed" if code else "scanned", detail=json.dumps(detail)
        )

    def _clear(self) -> None:
        """Delete uploads that did not go on, captures kept long enough, and files nobody knows."""
        now = datetime.now(UTC)
        known = set()
        for upload in self._state.uploads():
            allowed = self._limits.expire_s if upload.state == "receiving" else self._limits.keep_s
            if now - datetime.fromisoformat(upload.updated) > timedelta(seconds=allowed):
                self.remove(upload)
            else:
                known.add(upload.id)
        for folder in (self._incoming, self._captures, self._reports):
            for path in folder.iterdir():
                age_s = now.timestamp() - path.stat().st_mtime
                if path.name.partition(".")[0] not in known and age_s > _UPKEEP_S:
                    path.unlink(missing_ok=True)


def _opened_at(path: Path, offset: int) -> int:
    """A file opened for writing at an offset, what stood behind it cut off."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    os.ftruncate(file, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return file


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):
            os.fsync(handle)
        os.close(handle)
