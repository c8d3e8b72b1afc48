"""The rows of a parquet file as CSV, in little memory whatever its cells repeat."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from featrouter.logs.sources import LONGEST, Cut, LogError

#: Row groups of at most so many bytes may be read many rows at a time: no row of theirs is larger.
_SMALL = 64 << 20
_MANY, _FEW = 1024, 16
#: Bytes of rows that are written as CSV at once; pyarrow needs several times as many for it.
_PIECE = 1 << 18


def csv_of(path: Path) -> Generator[bytes, None, None]:
    """The header, then the records of a parquet file, in pieces of about 256 KiB or of one row.

    Raises Cut where its data is damaged, LogError when it cannot be opened, or pyarrow is not installed.
    """
    parquet = _pyarrow("pyarrow.parquet", path)
    try:
        # Texts stay in their dictionary: in a few bytes each row of a file may repeat a cell of megabytes.
        texts = [field.name for field in parquet.read_schema(path) if _is_text(field.type)]
        file = parquet.ParquetFile(path, read_dictionary=texts)
    except Exception as error:
        raise LogError(f"{path}: is a damaged parquet file ({error}); write it again") from None
    with file:
        yield _header(file.schema_arrow.names)
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        if any(group.total_byte_size > max(group.num_rows, 1) * LONGEST for group in groups):
            raise LogError(f"{path}: holds cells of more than {LONGEST >> 20} MiB; leave them out")
        batches = file.iter_batches(batch_size=_batch_size(file.schema_arrow, groups))
        while True:
            try:
                batch = next(batches, None)
            except Exception as error:
                raise Cut(f"the parquet data is damaged here ({error}); what follows is lost") from None
            if batch is None:
                return
            for part in _slices(batch):
                yield _records(part)


def run_ids(path: Path) -> Iterator[tuple[list[str], list[int], int]]:
    """The columns run_id and turn of a turns file, some rows at a time, and how many bytes a row takes on average.

    Ids are as the CSV would have them; a turn that is no whole number is 0.
    """
    parquet = _pyarrow("pyarrow.parquet", path)
    try:
        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            size = sum(group.total_byte_size for group in groups) // max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=1 << 14, columns=["run_id", "turn"]):
                ids, turns = batch["run_id"].to_pylist(), batch["turn"].to_pylist()
                rows = [(str(_cell(run)), _turn(turn)) for run, turn in zip(ids, turns, strict=True) if run is not None]
                yield [run for run, _ in rows], [turn for _, turn in rows], size
    except Exception as error:
        raise LogError(f"{path}: is a damaged parquet file ({error}); write it again") from None


def _turn(value: Any) -> int:
    told = str(_cell(value))
    return int(told) if told.isdecimal() and len(told) < 10 else 0


def _pyarrow(module: str, path: Path) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise LogError(f"{path}: is a parquet file; run `pip install featrouter[parquet]`") from None


def _is_text(kind: Any) -> bool:
    types = import_module("pyarrow.types")
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _batch_size(schema: Any, groups: list[Any]) -> int:
    types = import_module("pyarrow.types")
    if any(types.is_nested(field.type) for field in schema):  # how long their rows are nobody knows before
        return 1
    return _MANY if all(group.total_byte_size <= _SMALL for group in groups) else _FEW


def _slices(batch: Any) -> Iterator[Any]:
    """The rows of a batch, in slices whose texts take a piece, or of one row."""
    size = np.full(len(batch), 1)
    for column in batch.columns:
        size += _lengths(column)
    start = 0
    while start < len(batch):
        fits = int(np.searchsorted(np.cumsum(size[start:]), _PIECE, side="right"))
        yield batch.slice(start, max(1, fits))
        start += max(1, fits)


def _lengths(column: Any) -> Any:
    """The bytes of each cell of a text column; of any other, a few."""
    compute, types = import_module("pyarrow.compute"), import_module("pyarrow.types")
    packed = types.is_dictionary(column.type)
    texts = column.dictionary if packed else column
    if not _is_text(texts.type):
        return 32
    told = compute.cast(compute.binary_length(texts), "int64")
    told = compute.take(told, column.indices) if packed else told
    return told.fill_null(0).to_numpy(zero_copy_only=False)


def _header(names: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(names)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _records(rows: Any) -> bytes:
    """The rows of a batch as the csv module writes them. pyarrow quotes and joins the cells in a tenth of its time."""
    pyarrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    nothing, quote, comma, end = (pyarrow.scalar(mark, "large_binary") for mark in (b"", b'"', b",", b"\r\n"))
    cells = []
    for column in rows.columns:
        raw = _raw(column)
        doubled = compute.replace_substring(raw, b'"', b'""')
        quoted = compute.binary_join_element_wise(quote, doubled, quote, nothing)
        cells.append(compute.if_else(compute.match_substring_regex(raw, b'[",\r\n]'), quoted, raw))
    lines = compute.binary_join_element_wise(*cells, comma)
    return b"".join(compute.binary_join_element_wise(lines, nothing, end).to_pylist())


def _raw(column: Any) -> Any:
    """The cells of a column as bytes, not yet quoted."""
    pyarrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
    texts = column.dictionary_decode() if pyarrow.types.is_dictionary(column.type) else column
    if _is_text(texts.type):
        return compute.fill_null(compute.cast(texts, "large_binary"), b"")
    values = (_cell(value) for value in column.to_pylist())
    cells = [b"" if value is None else str(value).encode("utf-8", "surrogateescape") for value in values]
    return pyarrow.array(cells, "large_binary")


def _cell(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a column of whole numbers with gaps comes as floats: 1.0 was written as 1
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
