"""What training found, as text for people: aligned tables, numbers with their intervals."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from featrouter.bundle import Bundle
from featrouter.catalogue import feature_set
from featrouter.training.importances import KINDS

_UNKNOWN = "-"


def rows_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A text table: first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same as Markdown."""
    cells = [[cell.replace("|", "\\|").replace("<", "\\<") for cell in row] for row in (header, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], f"|{'---|' * len(header)}", *lines[1:]])


def escaped(name: str) -> str:
    """A stranger's name as Markdown that shows it, whatever it holds."""
    return re.sub(r"([\\`*\[\]<>|!])", r"\\\1", name)


def number(value: float | None, digits: int = 2, sign: bool = False) -> str:
    return _UNKNOWN if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def with_interval(value: float | None, ends: Sequence[float] | None, sign: bool = False, digits: int = 2) -> str:
    if value is None or ends is None:
        return number(value, digits, sign)
    return f"{number(value, digits, sign)} [{number(ends[0], digits, sign)}, {number(ends[1], digits, sign)}]"


def band(ends: Sequence[float] | None) -> str:
    return _UNKNOWN if ends is None else f"{ends[0]:.2f}-{ends[1]:.2f}"


def learned(bundle: Bundle) -> str:
    """What training found: each head against its base rate, out of fold, with an interval; then the flags."""
    about = bundle.provenance
    lines = [f"learned from {about['runs']} runs of {about['tasks']} tasks ({about['rows']} decision points)"]
    rows = []
    for name, found in bundle.metrics.items():
        gain, ends = found["logloss_gain"], found["logloss_gain_ci"]
        better = "better than a constant" if ends[0] and ends[0] > 0 else "NOT shown to be better than a constant"
        rows.append(
            [
                name,
                with_interval(found["auroc"], found["auroc_ci"]),
                f"{number(found['brier'], 3)} ({number(found['brier_constant'], 3)})",
                f"{number(gain, 4, True)} [{number(ends[0], 4, True)}, {number(ends[1], 4, True)}]",
                f"{found['recipe']['kind']}{', panel' if found['recipe']['panel'] else ''}, {found['calibration']}",
                better,
            ]
        )
    if rows:
        header = ["head", "AUROC", "Brier (constant)", "log-loss gained", "made by, calibration", ""]
        lines.append(rows_of(header, rows))
    lines.append(
        f"policy: {bundle.policy}; also in the bundle: {', '.join(sorted(set(bundle.policies) - {bundle.policy}))}"
    )
    lines += [flag if flag.startswith("promise: ") else f"flag: {flag}" for flag in bundle.flags]
    lines.append("whether routing pays is another question: featrouter evaluate")
    return "\n".join(lines)


def importances_table(
    features: Mapping[str, Mapping[str, float | None]], families: Mapping[str, Mapping[str, float | None]], n: int
) -> str:
    """Families, then the n features that carry most, by mean |SHAP|."""
    header = ["family", "gain", "splits", "permutation (nats)", "mean |SHAP|"]
    lines = [rows_of(header, [[name, *_cells(row)] for name, row in _ranked(families)]), ""]
    known = feature_set().by_name
    rows = [[name, *_cells(row), known[name].meaning] for name, row in _ranked(features)[:n]]
    text = rows_of(["feature", *header[1:]], [row[:-1] for row in rows]).split("\n")
    lines += [text[0], *(f"{line}  {row[-1]}" for line, row in zip(text[1:], rows, strict=True))]
    return "\n".join(lines)


def importances_csv(features: Mapping[str, Mapping[str, float | None]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["feature", "family", *KINDS])
    for name, row in _ranked(features):
        writer.writerow([name, feature_set().by_name[name].family, *(row[kind] for kind in KINDS)])
    return out.getvalue()


def _ranked(table: Mapping[str, Mapping[str, float | None]]) -> list[tuple[str, Mapping[str, float | None]]]:
    return sorted(table.items(), key=lambda item: -(item[1]["shap"] or 0.0))


def _cells(row: Mapping[str, float | None]) -> list[str]:
    return [
        number(row["gain"], 0),
        number(row["split"], 0),
        number(row["permutation"], 4, True),
        number(row["shap"], 4),
    ]
