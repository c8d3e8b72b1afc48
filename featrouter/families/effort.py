"""effort: how much text went to and fro, and what it cost."""

from __future__ import annotations

from math import log2

from featrouter.reading import Reading

_LARGE = 10_000


class Effort:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._turns = self._output = self._output_last = self._action = self._silent = 0
        self._output_capped = self._output_index = 0
        self._prompt_tokens = float("nan")
        self._completion_tokens, self._completions = 0.0, 0
        self._cost, self._costs = 0.0, 0

    def observe(self, reading: Reading) -> None:
        row, size, action, before = self._row, 0, self._action, self._turns
        for call in reading.calls:
            size += call.observation_size
            action += call.action_size
        turns = self._turns = before + 1
        self._action = action
        self._output_last = size
        if size:
            capped = size if size < _LARGE else _LARGE
            self._output += size
            self._output_capped += capped
            self._output_index += before * capped
        else:
            self._silent += 1
        row["effort_length"] = log2(1.0 + turns)
        row["effort_answer"] = log2(1.0 + self._output / turns)
        row["effort_answer_last"] = log2(1.0 + size)
        row["effort_action"] = log2(1.0 + action / turns)
        if before > 1:
            # least squares of the output size over the turn's index 0 … n-1, from running sums; 1,000 characters a turn
            moment = self._output_index - before / 2 * self._output_capped
            row["effort_output_slope"] = moment / (turns * (turns * turns - 1) / 12) / 1000
        if reading.has_amounts:
            self._observe_amounts(reading)

    def _observe_amounts(self, reading: Reading) -> None:
        prompt, completion, cost = reading.prompt_tokens, reading.completion_tokens, reading.cost
        if prompt == prompt:
            self._prompt_tokens = prompt
        if completion == completion:
            self._completion_tokens += completion
            self._completions += 1
        if cost == cost:
            self._cost += cost
            self._costs += 1

    def facts(self) -> dict[str, float]:
        nan = float("nan")
        return {
            "effort_turns": float(self._turns),
            "effort_prompt_tokens": self._prompt_tokens,
            "effort_completion_tokens": self._completion_tokens / self._completions if self._completions else nan,
            "effort_cost": self._cost if self._costs else nan,
            "effort_output": self._output / self._turns if self._turns else nan,
            "effort_output_last": float(self._output_last) if self._turns else nan,
            "effort_silent": float(self._silent),
        }
