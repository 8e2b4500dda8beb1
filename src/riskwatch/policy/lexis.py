"""From what an author writes to what Python's parser reads: comments, line ends and durations, with the way back to
the text.

Nothing here evaluates anything. `ast.parse` only builds a tree; conditions are checked node by node in `expression`.
"""

from __future__ import annotations

import ast
import re
import warnings

from msgspec import Struct

MAX_LENGTH = 2_000
"""Characters of one condition. It also bounds every literal, and the parser's own work on hostile nesting."""

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Units of a duration literal (`30s`, `10m`, `24h`, `7d`), in seconds."""

_TOKEN = re.compile(
    r"""(?P<string>"[^"\n]*"|'[^'\n]*')"""
    r"""|(?P<comment>#[^\n]*)"""
    r"""|(?<![\w.])(?P<size>\d[\d_]*(?:\.\d+)?)(?P<unit>[smhd])(?!\w)"""
)
_LEAD = re.compile(r"(?:\s|#[^\n]*)*")
_SPACE = re.compile(r"[\n\r\t]")


class Edit(Struct, frozen=True):
    """`code[low:high]` stands for `text[text_low:text_high]`."""

    low: int
    high: int
    text_low: int
    text_high: int


class Source(Struct, frozen=True, kw_only=True):
    """A condition ready to parse. `durations`: offsets (in `code`) of literals that stand for seconds."""

    text: str
    code: str
    durations: frozenset[int]
    edits: tuple[Edit, ...]
    start: int

    def original(self, low: int, high: int) -> tuple[int, int]:
        """Offsets in `text` of the piece `[low, high)` of `code`."""
        first, last = low + self.start, high + self.start
        for edit in self.edits:
            if edit.low <= low:
                first = edit.text_low if low < edit.high else low - edit.high + edit.text_high
            if edit.low < high:
                last = edit.text_high if high <= edit.high else high - edit.high + edit.text_high
        return first, last


class Refused(Exception):
    """The text cannot be read at all: `message`, and the offset in the text where reading failed, if known."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def read_source(text: str) -> Source:
    """Turns comments and line ends into spaces and durations into seconds. Raises `Refused`."""
    if len(text) > MAX_LENGTH:
        raise Refused(f"a condition has at most {MAX_LENGTH} characters, this one has {len(text)}")
    if not text.strip():
        raise Refused("the condition is empty")
    for offset, character in enumerate(text):
        if character == "\\" or not (character in "\n\r\t" or " " <= character <= "~"):
            raise Refused(f"the character {character!a} is not part of the language", offset)
    start = done = _LEAD.match(text).end()  # type: ignore[union-attr]  # it matches the empty string too
    pieces: list[str] = []
    edits: list[Edit] = []
    durations: set[int] = set()
    written = 0
    for match in _TOKEN.finditer(text, start):
        if match["string"] is not None:
            continue
        before = _SPACE.sub(" ", text[done : match.start()])
        written += len(before)
        if match["comment"] is not None:
            new = " " * len(match[0])
        else:
            new = repr(float(match["size"].replace("_", "")) * SECONDS[match["unit"]])
            durations.add(written)
        pieces += (before, new)
        edits.append(Edit(written, written + len(new), match.start(), match.end()))
        written += len(new)
        done = match.end()
    pieces.append(_SPACE.sub(" ", text[done:]))
    code = "".join(pieces).rstrip()
    if not code:
        raise Refused("the condition is empty")
    return Source(text=text, code=code, durations=frozenset(durations), edits=tuple(edits), start=start)


def parse(source: Source) -> ast.expr:
    """The syntax tree of the condition, unchecked. Raises `Refused`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.code, mode="eval").body
    except SyntaxError as error:
        offset = None if error.offset is None else source.original(max(error.offset - 1, 0), error.offset)[0]
        raise Refused(f"it does not read as a condition: {error.msg}", offset) from None
    except (ValueError, MemoryError, RecursionError, OverflowError):
        raise Refused("it is nested too deeply to read") from None
