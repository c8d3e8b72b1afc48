"""effort: how much has been spent - turns, tokens, money, text."""

from __future__ import annotations

from featrouter.catalogue import lexicon
from featrouter.reading import Reading

_LARGE = 10_000


class Effort:
    def __init__(self, task: str) -> None:
        self._truncation = lexicon("effort")["truncated"]
        self._turns = 0
        self._prompt_tokens = self._cost_last = float("nan")
        self._completion_tokens, self._completions = 0.0, 0
        self._cost, self._costs = 0.0, 0
        self._output = self._output_last = self._output_max = 0
        self._output_capped = self._output_index = 0
        self._silent = self._truncated = 0
        self._action = self._action_last = self._action_lines = 0

    def observe(self, reading: Reading) -> None:
        self._observe_output(sum(call.observation_size for call in reading.calls))
        self._action_last = sum(call.action_size for call in reading.calls)
        self._action += self._action_last
        self._action_lines += sum(call.action.count("\n") + 1 for call in reading.calls if call.action)
        self._truncated += sum(self._is_cut(call.observation) for call in reading.calls)
        self._turns += 1
        if reading.prompt_tokens == reading.prompt_tokens:
            self._prompt_tokens = reading.prompt_tokens
        if reading.completion_tokens == reading.completion_tokens:
            self._completion_tokens += reading.completion_tokens
            self._completions += 1
        if reading.cost == reading.cost:
            self._cost += reading.cost
            self._costs += 1
            self._cost_last = reading.cost

    def _observe_output(self, size: int) -> None:
        self._output += size
        self._output_last = size
        self._output_max = max(self._output_max, size)
        self._silent += size == 0
        capped = min(size, _LARGE)
        self._output_capped += capped
        self._output_index += self._turns * capped

    def _is_cut(self, text: str) -> bool:
        return self._truncation.search(text[:300]) is not None or self._truncation.search(text[-200:]) is not None

    def row(self) -> dict[str, float]:
        nan = float("nan")
        turns = self._turns
        return {
            "effort_turns": turns,
            "effort_prompt_tokens": self._prompt_tokens,
            "effort_completion_tokens": self._completion_tokens / self._completions if self._completions else nan,
            "effort_cost": self._cost if self._costs else nan,
            "effort_cost_slope": self._cost_last * self._costs / self._cost
            if self._costs > 2 and self._cost > 0
            else nan,
            "effort_output": self._output / turns if turns else nan,
            "effort_output_last": self._output_last if turns else nan,
            "effort_output_max": self._output_max if turns else nan,
            "effort_output_slope": self._slope(),
            "effort_silent": self._silent,
            "effort_truncated": self._truncated,
            "effort_action": self._action / turns if turns else nan,
            "effort_action_last": self._action_last if turns else nan,
            "effort_action_lines": self._action_lines / turns if turns else nan,
        }

    def _slope(self) -> float:
        """Least-squares slope of the output size over the turn's index 0 … n-1, from running sums."""
        n = self._turns
        if n < 3:
            return float("nan")
        mean_index = (n - 1) / 2
        return (self._output_index - mean_index * self._output_capped) / (n * (n * n - 1) / 12)
