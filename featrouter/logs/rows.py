"""Splits CSV bytes into records so that every byte belongs to a row, a blank line or a named damage.

The grammar is RFC 4180, strictly: a quote stands only around a field or doubled inside one. A writer that keeps to it
loses nothing here, and a lost quote breaks the grammar within a line or two instead of swallowing the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from featrouter.logs.sources import CHUNK, LONGEST, Cut, LogError

MOST_COLUMNS = 2000
# Columns whose good cells hold no line end.
_IN_A_LINE = ("run_id", "task_id")

# The only possessive group of the product, which keeps nothing of its iterations. CPython 3.11.2, Debian's, forgets where
# it stood when an iteration of such a group fails beyond its first literal characters; this one's cannot.
_QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"'
# A carriage return may stand in a bare cell: Python's csv module, asked for \n line ends, writes it so. Of those before
# the end of a record, two are the line end's. Of the three ways to be a bare cell only one ever fits: were there two, a
# record that fails at its end would be tried in twice as many ways for each cell.
_BARE = rb'(?:[^",\r\n]*+(?=[,\n]|\Z)|[^",\r\n]*+\r[^",\n]*+(?=,)|[^",\r\n]*+(?=\r)[^",\n]*?(?=\r{0,2}(?:\n|\Z)))'
_CELL = rb"(?:%s|%s)" % (_QUOTED, _BARE)
_NEWLINE = rb"\r{0,2}\n"  # \r\r\n is what a text-mode file on Windows makes of csv's \r\n
_STEP = re.compile(rb"(%s)(,|%s|\r{0,2}\Z)" % (_CELL, _NEWLINE))
_BLANK = re.compile(_NEWLINE)
_BOM = b"\xef\xbb\xbf"
# bytes; a cell of up to so many is split at its quotes, which takes half the time, and memory for each quote
_SHORT = 1 << 16

T = TypeVar("T")
Cells = tuple[bytes, ...]
Usual = Callable[[bytes, int], "tuple[int, T] | None"]


class Damage(Exception):
    """What is wrong with a record, and in which column when that is known."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class HeaderAgain(Damage):
    """A header where a row should be. Unless it is the `same`, rows after it would be read into wrong columns."""

    def __init__(self, same: bool) -> None:
        super().__init__(None, "header repeated" if same else "another header, with other columns; split the file here")
        self.same = same


class Header(NamedTuple):
    """The columns, the header's length in bytes and in lines, and the bytes already read after it."""

    columns: tuple[str, ...]
    length: int
    lines: int
    rest: bytes


class Span(NamedTuple, Generic[T]):
    """A range of the file: a row (`value`), a damage (`damage`), or blank. `line` is from 1, the rest in bytes."""

    line: int
    offset: int
    length: int
    value: T | None = None
    damage: Damage | None = None


def text(cell: bytes) -> str:
    """The text of a raw cell, quotes undone."""
    if cell[:1] != b'"':
        return cell.decode()
    if len(cell) < _SHORT:  # inside, every other piece stands between the two quotes of a pair, and is empty
        return b'"'.join(cell.split(b'"')[1::2]).decode()
    return cell[1:-1].replace(b'""', b'"').decode()


def pattern(
    columns: Sequence[str], wanted: Collection[str], *, last: bool = False, shapes: Mapping[str, bytes] | None = None
) -> re.Pattern[bytes]:
    """Matches one record of exactly `columns`; its groups are the raw `wanted` cells, in the file's order.

    Only the `last` record of a file may lack its line end. `shapes` (column -> pattern) narrows what a cell may be; each
    must be a pattern of bare cells without a carriage return.
    """
    patterns = ((column, (shapes or {}).get(column, _CELL)) for column in columns)
    cells = (b"(%s)" % cell if column in wanted else cell for column, cell in patterns)
    return re.compile(b",".join(cells) + (rb"\r{0,2}(?:\n|\Z)" if last else _NEWLINE))


def _record_end(data: bytes, at: int) -> int:
    """Where the record at `at` ends by the parity of its quotes alone, which holds for damaged ones too; -1 if not here."""
    quoted = 0
    start = at
    while (newline := data.find(b"\n", start)) >= 0:
        quoted ^= data.count(b'"', start, newline) & 1
        start = newline + 1
        if not quoted:
            return start
    return -1


def read_header(chunks: Iterator[bytes], file: str) -> Header:
    """The first record of the bytes. Raises LogError when it is no header: not UTF-8, unreadable, a column twice."""
    head, more = b"", True
    while more and len(head) < CHUNK and _record_end(head, 0) < 0:
        try:
            piece = next(chunks, b"")
        except Cut as cut:
            raise LogError(f"{file}: has no whole header: {cut}; pack it again") from None
        head, more = head + piece, bool(piece)
    if b"\0" in head[:4]:
        raise LogError(f"{file}: is binary or UTF-16; save it as CSV in UTF-8")
    at, names = len(_BOM) if head.startswith(_BOM) else 0, []
    while step := _STEP.match(head, at):
        at = step.end()
        try:
            names.append(text(step[1]))
        except UnicodeDecodeError:
            raise LogError(f"{file}: its header is not UTF-8; save it as CSV in UTF-8") from None
        if step[2] != b",":
            break
    else:
        raise LogError(f"{file}: its first line is no CSV header (see its quotes); write the column names there")
    if len(names) > MOST_COLUMNS:
        raise LogError(f"{file}: has {len(names)} columns, a log at most {MOST_COLUMNS}; leave out what no form knows")
    if twice := sorted(name for name, often in Counter(names).items() if often > 1):
        raise LogError(f"{file}: the column {twice[0]!r:.100} stands twice in the header; keep one")
    return Header(tuple(names), at, head.count(b"\n", 0, at), head[at:])


class Records(Generic[T]):
    """Iterates over the spans of a file after its header, without gap or overlap, in the file's order.

    `parse` turns the raw `wanted` cells into a value or raises Damage. After a record that breaks the grammar, the
    rejected range ends at the next line that parses. `shapes` (column -> pattern of its cell) tells lines that begin
    like a row. Of those inside a quoted field, the ones that parse are taken for rows that a lost quote or a second
    writer put there if `known(value)` holds or a lone quote follows: the record is then rejected up to the first.
    `text_last` says that the last column is free text, whose lost quote leaves a good row and a rest without quote.
    `usual(window, at)` may tell the end and the value of the record at a position sooner than the grammar and `parse` do.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        header: Header,
        wanted: Collection[str],
        parse: Callable[[Cells], T],
        shapes: Mapping[str, bytes],
        known: Callable[[T], bool],
        *,
        text_last: bool,
        usual: Usual[T] | None = None,
    ) -> None:
        self.columns, self._wanted = header.columns, [column for column in header.columns if column in wanted]
        self._chunks, self._parse_cells, self._known = chunks, parse, known
        self._text_last, self._usual = text_last, usual
        self._row = pattern(header.columns, wanted)
        self._last = pattern(header.columns, wanted, last=True)
        self._begin: re.Pattern[bytes] | None = None
        self._hint: re.Pattern[bytes] | None = None  # some text of every line that begins like a row
        if typed := [place for place, column in enumerate(header.columns) if column in shapes]:
            line = b",".join(shapes.get(column, _CELL) for column in header.columns[: typed[-1] + 1])
            # Most lines of a text are ruled out by their first two cells, or the first comma, and at little cost.
            second = rb"%s[,\r\n]" % shapes[header.columns[1]] if typed[0] == 1 else b""
            soon = rb"(?=\"|[^\",\n]*,%s)" % second if typed[-1] else b""
            self._begin = re.compile(rb"\n%s(?=%s[,\r\n])" % (soon, line))
            if second and header.columns[0] in _IN_A_LINE and header.columns[0] in wanted:
                self._hint = re.compile(b"," + second)
        # The window: `_buf` holds the bytes from file offset `_base` on; `_pos` is where the next span starts in it.
        self._buf, self._base, self._pos, self._line = header.rest, header.length, 0, 1 + header.lines
        self._eof = False
        self.unended = False  # whether the last row was taken without a line end
        self._cut: Damage | None = None

    def __iter__(self) -> Iterator[Span[T]]:
        while self._pos < len(self._buf) or self._more():
            self._trim()
            if self._usual:
                yield from self._usual_rows(self._usual)
                if self._pos == len(self._buf) or (self._cut_short(self._pos) and self._more()):
                    continue
            end, value, damage = self._parse(self._pos)
            if end < 0:
                blank = _BLANK.match(self._buf, self._pos)
                yield self._take(blank.end()) if blank else self._resync(self._diagnose(self._pos), rest=False)
            elif isinstance(damage, HeaderAgain) and not damage.same:
                yield self._resync(damage, rest=True)
            elif inner := self._swallowed(self._pos, end):
                yield self._take(
                    inner, None, Damage(None, "another row stands inside a quoted field: a quote was lost")
                )
            elif damage is None and self._torn(end):
                yield self._resync(Damage(None, "the last field of a row is torn: a quote was lost"), rest=False)
            else:
                yield self._take(end, value, damage)
        if self._cut:
            yield Span(self._line, self._base + self._pos, 0, None, self._cut)

    def _usual_rows(self, usual: Usual[T]) -> Iterator[Span[T]]:
        """The rows from here to the first that is not usual, or that is good or not by what other lines say."""
        buf, find, count, last = self._buf, self._buf.find, self._buf.count, self._text_last
        while row := usual(buf, at := self._pos):
            end, value = row
            inner = find(b"\n", at, end - 1)
            if end - at > LONGEST or (inner >= 0 and self._beginnings(inner, end)):
                return
            if last and self._bare_at_end(end) and not (self._begin and self._begin.match(buf, end - 1)):
                return  # the next line does not begin like a row
            span = Span(self._line, self._base + at, end - at, value)
            self._line += count(b"\n", inner, end) if inner >= 0 else 1
            self._pos, self.unended = end, False
            yield span

    def _take(self, end: int, value: T | None = None, damage: Damage | None = None) -> Span[T]:
        span = Span(self._line, self._base + self._pos, end - self._pos, value, damage)
        self._line += self._buf.count(b"\n", self._pos, end)
        self._pos = end
        self.unended = value is not None and self._buf[end - 1 : end] != b"\n"
        return span

    def _more(self) -> bool:
        """Appends to the window, doubling it when one record fills it; positions in it stay valid."""
        pieces, size = [self._buf], 0
        while not self._eof and size < max(CHUNK, len(self._buf) - self._pos):
            try:
                piece = next(self._chunks, b"")
            except Cut as cut:
                piece, self._cut = b"", Damage(None, str(cut))
                self._last = self._row  # an unended last row may have lost digits
            self._eof = not piece
            pieces.append(piece)
            size += len(piece)
        self._buf = b"".join(pieces)
        return size > 0

    def _trim(self) -> None:
        if self._pos > max(CHUNK, len(self._buf) // 2):
            self._buf, self._base, self._pos = self._buf[self._pos :], self._base + self._pos, 0

    def _parse(self, at: int) -> tuple[int, T | None, Damage | None]:
        """The record at `at`: its end (-1 when it breaks the grammar), then its value or what is wrong with it."""
        while not (match := (self._last if self._eof else self._row).match(self._buf, at)):
            if not self._cut_short(at):
                return -1, None, None
            self._more()
        end = match.end()
        record = self._buf[at:end]
        if b"\0" in record or len(record) > LONGEST:
            return -1, None, None
        try:
            record.decode()
            return end, self._parse_cells(match.groups()), None
        except UnicodeDecodeError as error:
            byte = record[error.start]
            return end, None, Damage(None, f"not UTF-8 (byte 0x{byte:02x}); if it is latin-1, convert it to UTF-8")
        except Damage as damage:
            names = [text(cell).lstrip("\ufeff") for cell in match.groups()]
            header = len(set(names)) == len(names) and set(names) <= set(self.columns)
            return end, None, HeaderAgain(names == self._wanted) if header else damage

    def _cut_short(self, at: int) -> bool:
        """Whether the window ends before the record at `at` does, and there may be more."""
        return not self._eof and len(self._buf) - at <= LONGEST and _record_end(self._buf, at) < 0

    def _diagnose(self, at: int) -> Damage:
        whole = _record_end(self._buf, at)
        end = whole if whole >= 0 else len(self._buf)
        if (whole < 0 and not self._eof) or end - at > LONGEST:
            return Damage(None, f"no end of the record within {LONGEST >> 20} MiB: a quote was lost?")
        if self._buf.find(b"\0", at, end) >= 0:
            return Damage(None, "NUL bytes")
        fields = 0
        while step := _STEP.match(self._buf, at, end):
            fields, at = fields + 1, step.end()
            if step[2] != b",":
                short = fields < len(self.columns) and self._eof and end == len(self._buf)
                return Damage(None, f"{fields} fields where the header has {len(self.columns)}" + ": cut?" * short)
        column = self.columns[fields] if fields < len(self.columns) else None
        if whole is None and self._buf[at : at + 1] == b'"':
            return Damage(column, "a quoted field is never closed: a quote was lost, or the file cut?")
        return Damage(column, "a quote where none may stand: a quote was lost, or not doubled?")

    def _resync(self, damage: Damage, *, rest: bool) -> Span[T]:
        """Rejects from here to the next line that parses or is a header; with `rest`, to the end of the file."""
        line, offset = self._line, self._base + self._pos
        while True:
            newline = self._buf.find(b"\n", self._pos)
            self._pos = newline + 1 if newline >= 0 else len(self._buf)
            self._line += newline >= 0
            self._trim()
            if self._pos == len(self._buf) and not self._more():
                break
            if newline < 0 or rest:
                continue
            end, _, trouble = self._parse(self._pos)
            if end >= 0 and (trouble is None or isinstance(trouble, HeaderAgain)):
                break
        return Span(line, offset, self._base + self._pos - offset, None, damage)

    def _swallowed(self, at: int, end: int) -> int:
        """Where inside the record at `at` a row of its own starts, or 0."""
        odd: bool | None = None  # asked once a record at most: it may look far ahead
        for inner in self._beginnings(at, end):
            _, value, _ = self._parse(inner)
            if value is not None:
                odd = self._odd(end) if odd is None else odd
                if odd or self._known(value):
                    return inner
        return 0

    def _beginnings(self, at: int, end: int) -> list[int]:
        """Where inside the record at `at` a line begins like a row, but for those that no good row begins with."""
        found: list[int] = []
        seen = self._buf.find(b"\n", at, end - 1)
        if seen < 0 or not self._begin:
            return found
        if not self._hint:
            return [newline.start() + 1 for newline in self._begin.finditer(self._buf, seen, end - 1)]
        for hint in self._hint.finditer(self._buf, seen, end - 1):
            newline = self._buf.rfind(b"\n", seen, hint.start())
            seen = hint.start()  # a line is looked at once, however many hints it holds
            if newline >= 0 and self._begin.match(self._buf, newline, end - 1):
                found.append(newline + 1)
        return found

    def _bare_at_end(self, end: int) -> bool:
        return self._text_last and self._buf[max(0, end - 4) : end].rstrip(b"\r\n")[-1:] != b'"'

    def _torn(self, end: int) -> bool:
        """Whether the row that ends at `end` lost the quote before its last field, whose other lines then follow it."""
        return self._bare_at_end(end) and self._odd(end)

    def _odd(self, end: int) -> bool:
        """Whether one quote too many stands between `end` and the next line that begins like a row."""
        if not self._begin:
            return False
        while not (begin := self._begin.search(self._buf, end - 1)) and len(self._buf) - end < CHUNK and not self._eof:
            self._more()
        after = self._buf[end : begin.end() if begin else len(self._buf)]
        return after.count(b'"') % 2 == 1 and b"\0" not in after
