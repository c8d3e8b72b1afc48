"""Turns from anywhere: taken in soon, without a word on the terminal, and with nothing raised."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from clock import assert_takes_at_most, clocked, yardstick, yardsticks_of
from guard import times
from hostile import TEXTS, TOOLS, deep, seeds_of

from featrouter import Bundle, Call, Costs, Router, Turn
from featrouter.catalogue import FAMILIES, VOCABULARIES, lexicon
from featrouter.decision import CHOICES
from featrouter.session import Session

HARNESS = "recorded-bash"
#: A turn takes at most 25 ms (a yardstick is 10 ms where that was promised); by default, a shared machine gets some room.
SOON, SOON_STRICT = 8.0, 2.5
PATTERNS = [pattern for family in (*FAMILIES, *VOCABULARIES) for pattern in lexicon(family).patterns.values()]
PIECES = """cat grep sed -i -n 's/a/b/' | || && ; > >> < << <<EOF EOF ' " ` $( ) ( { } \\ # a.py ../b = if then fi do done
while for x in case esac [[ ]] (( )) <( >( $(( )) & ! ~ * ? : python -c -m pytest 2>&1 >&- <<<word $'\\x' ${a:-b}""".split()
DIFFS = [
    "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n-a\n+b\n c\n",
    "--- a/x.py\r\n+++ b/x.py\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n",
    "@@@ -1,2 -1,2 +1,3 @@@\n  a\n++b\n",
    "@@ -1,999999999 +1,999999999 @@\n",
    "@@ -0,0 +" + "9" * 400 + " @@\n+a\n",
    "diff --git a/x b/x\nGIT binary patch\nliteral 99999\n",
    "\x1b[31m--- a/x\x1b[0m\n\x1b[32m+++ b/x\x1b[0m\n@@ -1 +1 @@\n-a\n+b\n",
    "+" * 3000 + "\n",
    "*** Begin Patch\n*** Update File: a\n@@\n-a\n+b\n*** End Patch\n",
]
MARKS = [
    "\ud800", "\udfff", "\0", "\x1b[31m", "\x1b]0;title\x07", "\x1b[" + "9" * 40, "\r\n", "\r", "\u2028", "\x85", "\ufeff",
    "²", "\u0663", "\u202e", "a\u0300", "\U0001f468\u200d\U0001f469", "\x7f", "\v\f",
]  # fmt: skip


class Bomb:
    """Breaks whoever looks at it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("do not look")

    def __bool__(self) -> bool:
        raise RuntimeError("neither yes nor no")

    __repr__ = __str__ = __hash__ = __len__ = __iter__ = __eq__ = __bool__  # type: ignore[assignment]


class Loud(str):
    """A text of a class of its own, whose methods say something else."""

    def __len__(self) -> int:
        return 10**9

    def __contains__(self, other: object) -> bool:
        raise MemoryError

    def split(self, *_: Any) -> Any:
        return itertools.count()

    def __hash__(self) -> int:
        raise RecursionError

    def __eq__(self, other: object) -> bool:
        raise KeyError


def cyclic() -> list[Any]:
    told: list[Any] = [{}]
    told[0]["again"] = told
    return told


@cache
def huge() -> tuple[str, ...]:
    """Fields of 50 MB."""
    units = ("a|", "Error: x\n", " ", "1", "[", "\n", '{"a":', "\ud800")
    return tuple(unit * (50_000_000 // len(unit)) for unit in units)


@cache
def odd() -> tuple[Any, ...]:
    """What no field of a turn should be."""
    numbers = (0, -1, True, 1.5, float("nan"), float("inf"), 10**400, -(10**5000), 1j)
    texts = (b"\xff\0" * 9, bytearray(b"x" * 10**6), memoryview(b"x"), Loud("cat a.py"))
    return (None, *numbers, *texts, object(), Bomb(), cyclic(), deep(100_000), {"a": {1, 2}}, (), Turn, print, ...)


def a_text(rng: random.Random) -> str:
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(list(TEXTS.values()))
    if kind == 1:
        pattern = rng.choice(PATTERNS)
        return "".join(pattern.gates) + (rng.choice(seeds_of(pattern)) * 6000)[: rng.choice((60, 2000, 6200))]
    if kind == 2:
        return rng.choice(DIFFS) * rng.choice((1, 3, 400))
    if kind == 3:
        return " ".join(rng.choice(PIECES) for _ in range(rng.choice((5, 40, 700))))
    if kind == 4:
        return "".join(
            rng.choice([*MARKS, "word ", "a.py", "\n", " 1 failed", "Error"]) for _ in range(rng.choice((9, 900)))
        )
    if kind == 5:
        return rng.choice("[{(<\"'`\\") * rng.choice((200, 100_000))
    if kind == 6:
        command = " ".join(rng.choice([*PIECES, *MARKS]) for _ in range(30))
        arguments = {
            "command": command,
            "path": "a.py",
            "old_str": rng.choice(DIFFS),
            "new_str": command,
            "edits": [[]],
        }
        return json.dumps(arguments)[: rng.choice((40, 10**6))]
    return "".join(
        chr(rng.choice((rng.randrange(128), rng.randrange(0x11000)))) for _ in range(rng.choice((3, 200, 5000)))
    )


def a_turn(rng: random.Random) -> Turn:
    kind = rng.random()
    if kind < 0.002:
        return Turn(rng.choice(huge()), rng.choice(huge()), rng.choice(huge()), rng.choice(huge()))
    if kind < 0.08:
        thought, action, observation, tool, code, error = (rng.choice(odd()) for _ in range(6))
        return Turn(
            thought, action, observation, tool, code, error, cost=rng.choice(odd()), prompt_tokens=rng.choice(odd())
        )
    if kind < 0.1:
        calls: Any = rng.choice(
            [odd()[:9], itertools.count(), (Call("ls", "a"),) * 10_000, 7, "abc", deep(100_000), [Bomb()]]
        )
        return Turn(a_text(rng), calls=calls)
    if kind < 0.2:
        several = [Call(a_text(rng), a_text(rng), rng.choice(TOOLS)) for _ in range(rng.choice((2, 3, 5)))]
        return Turn(a_text(rng), calls=tuple(several))
    return Turn(
        a_text(rng), a_text(rng), a_text(rng), rng.choice(TOOLS), rng.choice((None, 0, 1, 2**70)), cost=rng.random()
    )


def resident() -> int:
    """Bytes of memory in use now."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cost_of(session: Session, turn: Turn) -> float:
    """Yardsticks of one turn, measured once."""
    with clocked() as taken:
        session.observe(turn)
    return taken.seconds / yardstick()


@pytest.fixture
def heard() -> Iterator[set[str]]:
    """Names of all loggers that say anything."""
    names: set[str] = set()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            names.add(record.name)

    def ours(record: logging.LogRecord) -> bool:
        names.add(record.name)
        return False  # pytest would keep the record, with its traceback and all that this holds

    ear, root = Ear(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(ear)
    logging.getLogger("featrouter").addFilter(ours)
    yield names
    logging.getLogger("featrouter").removeFilter(ours)
    root.removeHandler(ear)
    root.setLevel(level)


@times(500, 20_000)
def test_any_turn_is_taken_in_soon(
    n: int,
    recorded_bundle: Bundle,
    heard: set[str],
    capfd: pytest.CaptureFixture[str],
    tally: Callable[..., None],
) -> None:
    router = Router(recorded_bundle, harness=HARNESS)
    rng, soon = random.Random(n), SOON if n < 1000 else SOON_STRICT
    huge(), odd()
    session = router.session(a_text(rng))
    taken, slow, failed, before = [], [], 0, 0
    for number in range(-min(n, 1000), n):
        if number == 0:  # by now caches hold what they ever will
            session, before = router.session(a_text(rng)), resident()
        turn = a_turn(rng) if number % 250 else Turn(*(rng.choice(huge()) for _ in range(4)))
        cost = cost_of(session, turn)
        told = session.decide()
        assert told.choice in CHOICES and len(told.fallback) <= 250 and isinstance(session.explain(1), list)
        if cost > soon / 5:  # the machine may be busy, the turn is not to blame for that
            cost = min(cost, yardsticks_of(lambda turn=turn: router.session("").observe(turn), soon / 5))
        if number >= 0:
            taken.append(cost)
            slow += [turn] * (cost > soon)
        if session.failed or session.turn == 60:
            plain = all(type(field) is str for field in (turn.thought, turn.action, turn.observation, turn.tool))
            plain &= type(turn.calls) is tuple and all(type(call) is Call for call in turn.calls)
            assert not (session.failed and plain), session.failed
            failed += bool(session.failed)
            session = router.session(a_text(rng))
    grown = resident() - before
    taken.sort()
    assert not slow, [(f"{turn!r:.200}", len(slow)) for turn in slow[:1]]
    p99 = taken[int(0.99 * len(taken))]
    assert p99 <= soon / 5
    assert grown < 8_000_000
    assert heard <= {"featrouter"} and capfd.readouterr() == ("", "")
    tally(turns=n, no_texts=failed, p99_yardsticks=p99, most_yardsticks=taken[-1], grown_MB=grown / 1e6)


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_in_messages_is_read_soon(name: str, recorded_bundle: Bundle) -> None:
    """A list of messages is not capped before it is read."""
    router = Router(recorded_bundle, harness=HARNESS)
    text = (TEXTS[name] * (2_000_000 // len(TEXTS[name]) + 1))[:2_000_000]
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": text}}
    messages = [
        {"role": "user", "content": text},
        {"role": "user", "content": f"{text}<system-reminder>{text}"},
        {"role": "assistant", "content": text, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": f"<system-reminder>{text}"}]},
        {"role": "assistant", "content": f"```bash\n{text}\n```"},
        {"role": "user", "content": text},
    ]
    assert router.decide(messages).turn == 2
    assert_takes_at_most(lambda: router.decide(messages), yardsticks=50)


def test_a_session_of_ten_thousand_turns_stays_small(recorded_bundle: Bundle, tally: Callable[..., None]) -> None:
    session = Router(recorded_bundle, harness=HARNESS).session("Fix it")
    rng = random.Random(3)
    sizes = []
    for number in range(10_000):
        words = " ".join(f"w{rng.randrange(10**6)}" for _ in range(12))
        session.observe(Turn(f"{words} {number}", f"cat src/m{number}.py", f"Kind{number}Error: {words}\n" * 3, "bash"))
        if number in (5_999, 9_999):
            sizes.append(resident())
    assert session.turn == 10_000 and not session.failed
    assert sizes[1] - sizes[0] < 2_000_000  # the caps are full
    tally(turns=10_000, grown_since_6000_MB=(sizes[1] - sizes[0]) / 1e6)


@pytest.mark.parametrize("tool", ["", "bash", "apply_patch"])
@pytest.mark.parametrize("name", ["lines", "patch", "diffs", "errors", "heredocs", "pipes under the cap", "spaces"])
def test_many_calls_of_one_turn_are_taken_in_soon(name: str, tool: str, recorded_bundle: Bundle) -> None:
    text = "Error: x\n" * 20_000 if name == "errors" else TEXTS[name] * 3
    patch = "*** Begin Patch\n" if name == "lines" and not tool else ""
    turn = Turn("x", calls=tuple(Call(f"{patch}{text}{number}", f"{text}{number}", tool) for number in range(40)))
    router = Router(recorded_bundle, harness=HARNESS)
    assert_takes_at_most(lambda: router.session("").observe(turn), yardsticks=SOON)


@pytest.mark.parametrize("tokens", [float("inf"), float("nan"), -1e300, 1e308, 10**400, "many"])
def test_tokens_that_make_no_sense_price_no_handover(tokens: Any, recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness=HARNESS, guard=False, costs=Costs(handover=3.0))
    told = []
    for some in (tokens, None):
        session = router.session("x")
        session.observe(Turn("look", "ls", "a.py", prompt_tokens=some))
        told.append(session.decide())
    assert told[0].y2 == told[1].y2 and not told[0].fallback


def test_an_iterator_of_messages_is_read_once(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness=HARNESS, guard=False, epsilon=0.1)
    messages = [{"role": "assistant", "content": "```bash\nls\n```"}, {"role": "user", "content": "a.py"}]
    assert router.decide(iter(messages)).turn == router.decide(messages).turn == 1
