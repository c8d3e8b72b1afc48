"""prompt: what the task text says before anything was done; constant over a run."""

from __future__ import annotations

import re

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.reading import Reading, task_window, text_of

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


class Prompt:
    def __init__(self, task: str) -> None:
        self._numbers = _numbers(text_of(task))

    def observe(self, reading: Reading) -> None:
        """The task text does not change while the agent works."""

    def row(self) -> dict[str, float]:
        return self._numbers


def _numbers(task: str) -> dict[str, float]:
    lex = lexicon("prompt")
    nan = float("nan")
    if not task.strip():
        return {feature.name: nan for feature in lex.features}
    text = task_window(task)
    lines = text.split("\n")
    words = _WORD.findall(text)
    fences = [index for index, line in enumerate(lines) if line.lstrip().startswith("```")]
    fenced = sum(end - start - 1 for start, end in zip(fences[::2], fences[1::2], strict=False))
    count = max(len(words), 1)
    return {
        "prompt_words": float(len(words)),
        "prompt_lines": float(task.count("\n") + 1),
        "prompt_code_blocks": float(len(fences) // 2),
        "prompt_code_share": min(1.0, (fenced + lex["code_line"].count(text)) / len(lines)),
        "prompt_traceback": float("Traceback (most recent call last)" in text),
        "prompt_errors": float(len({match.group(0) for match in lex["error"].finditer(text)})),
        "prompt_files": float(len(set(found_in.files(text)))),
        "prompt_symbols": float(len(found_in.symbols(text))),
        "prompt_steps": float(lex["steps"].search(text) is not None),
        "prompt_expected": float(lex["expected"].search(text) is not None),
        "prompt_links": float(lex["link"].count(text)),
        "prompt_numbers": 100.0 * lex["number"].count(text) / count,
        "prompt_questions": float(text.count("?")),
        "prompt_versions": float(lex["version"].count(text)),
        "prompt_word_length": sum(map(len, words)) / count if words else nan,
        "prompt_ranking": 100.0 * lex["ranking"].count(text) / count,
        "prompt_counting": float(lex["counting"].search(text) is not None),
    }
