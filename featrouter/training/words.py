"""Results as text for people: aligned tables, the verdict first."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

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


def number(value: float | None, digits: int = 2, sign: bool = False) -> str:
    return _UNKNOWN if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def with_interval(value: float | None, ends: Sequence[float] | None, sign: bool = False) -> str:
    if value is None or ends is None:
        return number(value, sign=sign)
    return f"{number(value, sign=sign)} [{number(ends[0], sign=sign)}, {number(ends[1], sign=sign)}]"


def band(ends: Sequence[float] | None) -> str:
    return _UNKNOWN if ends is None else f"{ends[0]:.2f}-{ends[1]:.2f}"


def evaluation(report: Mapping[str, Any], at: Sequence[int] = ()) -> str:
    """One pair's report: the verdict, then a table a split."""
    pair = report["pair"]
    lines = [
        f"{pair['weak']} -> {pair['strong'] or '(no strong model)'}: {report['tasks']} tasks, {report['runs']} runs"
    ]
    lines += [f"* {sentence}" for sentence in report["verdict"]]
    header = [
        "k",
        "runs",
        "r1 AUROC",
        "Brier (constant)",
        "r2 AUROC",
        "Route-AUC",
        "random",
        "gain over prompt",
        "perfect r1",
        "oracle",
    ]
    for split, found in report["splits"].items():
        rows = []
        for k, row in [*found["k"].items(), ("end", found["end"])]:
            if at and k != "end" and int(k) not in at:
                continue
            r1, r2 = row["r1"], row["r2"]
            rows.append(
                [
                    k,
                    str(r1["n"]),
                    with_interval(r1["auroc"], r1["auroc_ci"]),
                    f"{number(r1['brier'], 3)} ({number(r1['brier_constant'], 3)})",
                    with_interval(r2["auroc"], r2["auroc_ci"]),
                    with_interval(row["route_auc"], row["route_auc_ci"]),
                    band(row["random_band"]),
                    with_interval(row["gain_over_prompt"], row["gain_ci"], sign=True),
                    number(row["perfect_r1"]),
                    number(row["oracle"]),
                ]
            )
        lines += ["", split, rows_of(header, rows)]
    return "\n".join(lines)


def pairs_table(reports: Sequence[Mapping[str, Any]], at: Sequence[int]) -> str:
    """Several pairs side by side, in Markdown: AUROC of r1 on both splits, Route-AUC and its random band."""
    lines = [
        "| weak -> strong | k | AUROC r1 mixed | AUROC r1 repo-disjoint | Route-AUC repo-disjoint | random band |",
        "|---|---|---|---|---|---|",
    ]
    for report in reports:
        pair = report["pair"]
        name = f"{pair['weak']} -> {pair['strong'] or '(none)'}" + (
            " (oracle-stopped)" if report["oracle_stopped"] else ""
        )
        splits = [report["splits"].get(split, {"k": {}})["k"] for split in ("mixed", "repo_disjoint")]
        for k in map(str, at):
            if k in splits[0]:
                mixed, apart = splits[0][k], splits[1].get(k)
                cells = [with_interval(mixed["r1"]["auroc"], mixed["r1"]["auroc_ci"])]
                if apart:
                    cells += [
                        with_interval(apart["r1"]["auroc"], apart["r1"]["auroc_ci"]),
                        with_interval(apart["route_auc"], apart["route_auc_ci"]),
                        band(apart["random_band"]),
                    ]
                else:
                    cells += [_UNKNOWN] * 3
                lines.append(f"| {name} | {k} | {' | '.join(cells)} |")
    lines += ["", *(f"* {report['pair']['weak']}: {report['verdict'][0]}" for report in reports)]
    return "\n".join(lines)


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
                better,
            ]
        )
    if rows:
        lines.append(rows_of(["head", "AUROC", "Brier (constant)", "log-loss gained", ""], rows))
    lines += [f"flag: {flag}" for flag in bundle.flags]
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
