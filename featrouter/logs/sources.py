"""The plain bytes of a log file, whatever it is packed in."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 1 << 20
LONGEST = 32 << 20  # bytes; a longer record is a damage, and bounds the memory a damaged file can take
# A decoder that fails loses what it was producing in that call; small steps keep that loss small, and bombs too.
_STEP = 1 << 14
_PIECE = 1 << 16

_MAGIC = {b"\x1f\x8b": "gz", b"\xfd7zXZ\0": "xz", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zst", b"PAR1": "parquet"}


class LogError(ValueError):
    """A log file cannot be used as a whole; the message says which, why, and what to do."""


class Cut(Exception):
    """The packed data ends or is found damaged here: what would follow is lost, what came before may be damaged."""


def packing(path: Path) -> str:
    """How `path` is packed, by its first bytes: gz, xz, bz2, zst, parquet, or "" for plain text. Raises LogError."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise LogError(f"{path}: is no plain file; give one, or a directory of some")
        with path.open("rb") as file:
            head = file.read(6)
    except FileNotFoundError:
        raise LogError(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be read ({error.strerror}); check what it is and its permissions") from None
    if not head:
        raise LogError(f"{path}: is empty; a log starts with a header line")
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def chunks(path: Path) -> Generator[bytes, None, None]:
    """The CSV bytes of `path`, in pieces of about 1 MiB or less. A parquet file is rewritten as CSV, one record a row.

    Raises Cut where packed data is damaged, LogError when the file cannot be opened or needs a missing package.
    """
    packed = packing(path)
    if packed == "parquet":
        from featrouter.logs.parquet import csv_of  # it stands on this file

        yield from csv_of(path)
        return
    with path.open("rb") as file:
        if packed:
            yield from _grouped(_unpacked(file, *_decoder(path, packed)))
        else:
            yield from iter(lambda: file.read(CHUNK), b"")


def _grouped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes in fewer pieces, as each costs a write; the first one soon, for who asks for the header alone."""
    held: list[bytes] = []
    size, most = 0, 0
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= most:
                yield b"".join(held)
                held.clear()
                size, most = 0, _PIECE
    except Cut:
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _decoder(path: Path, packed: str) -> tuple[Callable[[], Any], int, tuple[int, ...]]:
    """A maker of decoders, how many packed bytes to feed at once, and the output limit where the decoder takes one."""
    if packed == "xz":
        return lambda: lzma.LZMADecompressor(memlimit=100 << 20), CHUNK, (_STEP,)
    if packed == "bz2":
        return bz2.BZ2Decompressor, CHUNK, (_STEP,)
    if packed == "gz":  # deflate grows at most 1032-fold
        return lambda: zlib.decompressobj(31), _STEP >> 2, ()
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise LogError(f"{path}: is packed with zstandard; run `pip install featrouter[zstd]`") from None
    return lambda: zstandard.ZstdDecompressor().decompressobj(), 512, ()


def _unpacked(
    file: BinaryIO, new: Callable[[], Any], step: int, limit: tuple[int, ...]
) -> Generator[bytes, None, None]:
    decoder = new()
    while raw := file.read(step):
        while True:
            if decoder.eof:
                raw = raw.lstrip(b"\0")  # padding between or after streams
                if not raw:
                    break
                decoder = new()
            try:
                piece = decoder.decompress(raw, *limit)
            except Exception as error:  # each decoder has its own class, zstandard's is not importable everywhere
                raise Cut(f"the packed data is damaged at or before here ({error}); what follows is lost") from None
            if piece:
                yield piece
            raw = decoder.unused_data if decoder.eof else b""
            if not raw and (decoder.eof or getattr(decoder, "needs_input", True)):
                break
    if not decoder.eof:
        raise Cut("the packed data ends too early; what should follow is lost")
