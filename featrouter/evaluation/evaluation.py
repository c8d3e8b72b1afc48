"""Evaluation: the report of `featrouter evaluate --json`, with views for a notebook."""

from __future__ import annotations

from typing import Any


class Evaluation(dict[str, Any]):
    """What `evaluate` found, as plain data (see data/method.md); a notebook shows its verdict and tables.

    Example: `evaluate_logs(["log"], strong="gpt-4").plot().savefig("gpt-4.png")`
    """

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, then the tables, folded."""
        from featrouter.evaluation.words import heading, tables
        from featrouter.notebook import paragraph, table, text

        parts = [f"<p><b>{text(heading(self))}</b></p>", *map(paragraph, self["verdict"])]
        for shown in tables(self):
            told = table(shown.title, shown.rows, shown.header)
            parts.append(f"<details><summary>{text(shown.title)}</summary>{told}</details>")
        return "".join(parts)

    def plot(self) -> Any:
        """A figure of matplotlib (the extra `plot`): foresight, Route-AUC, reliability and gain. ImportError without it.

        It belongs to no window: show it in a notebook, or save it.
        """
        from featrouter.evaluation.plot import figure

        return figure(self)
