"""One log file, read through once: its good rows, and an account of everything else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from featrouter.logs.account import Account
from featrouter.logs.forms import FREE, TURNS, Form
from featrouter.logs.rows import Records, read_header
from featrouter.logs.sources import LogError, chunks, packing
from featrouter.logs.usual import usual_rows

#: Where a row lies: its line from 1, its offset and length in (unpacked) bytes; in parquet, line and offset count rows.
Place = tuple[int, int, int]


class Source:
    """A log file of a form, its header read: `columns`, and the `account` that `rows` fills.

    `copy` takes in the plain bytes of the file while they are read. Raises LogError when it cannot be read as a log.
    """

    def __init__(self, path: Path, form: Form, copy: IO[bytes] | None = None) -> None:
        self.path, self.form = path, form
        self.account = Account(path.name, form.name, by_row=packing(path) == "parquet")
        self._stream = chunks(path)
        self._pieces = _copied(self._stream, copy) if copy else self._stream
        self._header = read_header(self._pieces, str(path))
        self.columns = self._header.columns
        self.account.ignored_columns = tuple(column for column in self.columns if column not in form.cells)

    def rows(self, known: Callable[[dict[str, Any]], bool]) -> Iterator[tuple[dict[str, Any], Place]]:
        """The rows that are good by themselves, and their places; the account takes in everything else.

        `known` tells rows that must be rows, of text that looks like one. Of turns only run_id, turn and call
        are sure to be there.
        """
        account, form = self.account, self.form
        with closing(self._stream):
            if not account.by_row:
                account.pass_by("header", self._header.length)
            read = form.reader(self.columns, texts=form is not TURNS)
            text_last = form.cells.get(self.columns[-1], str) in FREE
            usual = usual_rows(self.columns) if form is TURNS else None
            records = Records(
                self._pieces, self._header, form.cells, read, form.shapes, known, text_last=text_last, usual=usual
            )
            for number, span in enumerate(records, 1):
                place = (number if account.by_row else span.line, span.offset, span.length)
                if span.damage:
                    account.reject(*place, span.damage)
                elif span.value is None:
                    account.pass_by("blank", span.length)
                else:
                    account.take(span.length)
                    yield span.value, place
            if records.unended:
                account.warnings.append("the last row has no line end; it was taken, but see that the file is whole")


def _copied(pieces: Iterator[bytes], copy: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        try:
            copy.write(piece)
        except OSError as error:
            room = f"no room in {tempfile.gettempdir()} to unpack the log ({error.strerror})"
            raise LogError(f"{room}; point TMPDIR to a larger disk, or unpack it yourself") from None
        yield piece
