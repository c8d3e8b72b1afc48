"""The table of decision points: rows of a run, the features file and back, refusals, and that order does not matter."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featrouter.catalogue import feature_set
from featrouter.logs import LogError, Logs, Run
from featrouter.training.bundling import train
from featrouter.training.rows import SCHEDULE, run_rows
from featrouter.training.table import (
    LOGGED,
    META,
    Table,
    join_strong,
    read_features,
    select,
    table_of,
    write_features,
    write_outcomes,
)
from featrouter.trajectory import Call, Trajectory, Turn

RECORDED = Path(__file__).parent.parent.parent / "data" / "recorded"
STRONG = "scripted-strong"
First = Callable[[Table, int], Table]
RUN = Run("r", "t", repo="o", harness="h", weak_model="w", y_weak=1, cost_weak=0.5)
PLACE = {name: number for number, name in enumerate((*META, *LOGGED))}


def trajectory(n: int, cost: float | None = 0.25, blank: int = -1) -> Trajectory:
    turns = [
        Turn(
            thought=f"step {i}",
            calls=(Call(action=f"cat f{i}.py", observation="x"),),
            cost=None if i == blank else cost,
        )
        for i in range(n)
    ]
    return Trajectory("fix it", turns, ended=True)


def column(rows: list[tuple[object, ...]], name: str) -> list[object]:
    return [row[PLACE[name]] for row in rows]


@pytest.mark.parametrize("n", [0, 1, 5, 12, 13, 30])
def test_rows_are_the_scheduled_turns_before_the_end_and_the_end(n: int) -> None:
    rows, features = run_rows(RUN, trajectory(n))
    assert column(rows, "k") == [k for k in SCHEDULE if k < n] + [n]
    assert column(rows, "at_end") == [0] * (len(rows) - 1) + [1]
    assert {len(row) for row in rows} == {len(META) + len(LOGGED)}
    assert np.array(features).shape == (len(rows), len(feature_set().names))
    assert column(rows, "y_weak") == [1] * len(rows) and column(rows, "cost_weak_usd") == [0.5] * len(rows)


def test_spent_is_the_sum_of_the_turns_seen_also_of_those_that_are_thinned_out() -> None:
    rows, _ = run_rows(RUN, trajectory(10))
    assert column(rows, "k") == [0, 1, 2, 3, 4, 6, 8, 10]
    assert column(rows, "spent_usd") == [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5]


def test_spent_is_blank_where_a_turn_has_no_price() -> None:
    assert column(run_rows(RUN, trajectory(3, None))[0], "spent_usd") == [0.0, None, None, None]
    assert column(run_rows(RUN, trajectory(4, 0.1, blank=2))[0], "spent_usd") == [0.0, None, None, None, None]


def test_a_row_knows_nothing_of_the_turns_after_it() -> None:
    (rows, short), (_, long) = run_rows(RUN, trajectory(4)), run_rows(RUN, trajectory(9))
    assert column(rows, "k")[:4] == [0, 1, 2, 3]
    np.testing.assert_array_equal(np.array(short[:4]), np.array(long[:4]))


def test_the_recorded_runs_have_a_row_for_each_turn_and_one_end(recorded: Table) -> None:
    assert recorded.names == feature_set().names and recorded.x.shape == (len(recorded), len(recorded.names))
    for _, rows in recorded.meta.groupby("run_id"):
        n = int(rows["k"].max())
        assert rows["k"].tolist() == [k for k in SCHEDULE if k < n] + [n]  # sorted within the run as well
        assert rows["at_end"].tolist() == [0] * (len(rows) - 1) + [1]
    assert recorded.meta["run_id"].is_monotonic_increasing
    assert (recorded.inputs[:, :-1] == recorded.x)[~np.isnan(recorded.x)].all()
    assert (recorded.inputs[:, -1] == recorded.meta["at_end"]).all()


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.csv.xz"])
def test_a_features_file_reads_back_bit_for_bit(recorded: Table, first_runs: First, name: str, tmp_path: Path) -> None:
    few = first_runs(recorded, 12)
    x = few.x.copy()
    x[:4, 0] = [0.1 + 0.2, 1e-300, 1 / 3, np.nan]
    x[0, 1] = 12345678901234567.0
    ids = [["007", "NA", "1e5", "None", "nan", "", 'a "b", c', "ä"][i % 8] for i in range(len(few))]
    meta = few.meta.assign(repo=ids, harness=ids[::-1], weak_model=ids, task_id=[f"0{i}" for i in ids])
    meta.loc[:2, "y_weak"] = np.nan
    meta.loc[3:5, ["spent_usd", "cost_weak_usd"]] = np.nan
    write_features(replace(few, x=x, meta=meta), tmp_path / name)
    back = read_features(tmp_path / name)
    assert back.x.tobytes() == x.tobytes() and back.names == few.names
    pd.testing.assert_frame_equal(back.meta, meta[list(META)])


def test_training_on_the_features_file_is_training_on_the_turns(
    recorded: Table, first_runs: First, tmp_path: Path
) -> None:
    few = first_runs(recorded, 15)
    write_features(few, tmp_path / "f.csv.xz")
    write_outcomes(Logs([RECORDED / "outcomes.csv"]), tmp_path / "o.csv")
    logs = Logs([tmp_path])
    again = join_strong(table_of(logs), logs, STRONG)
    assert train(again, strong=STRONG).to_bytes() == train(few, strong=STRONG).to_bytes()


def spoil(few: Table, path: Path, name: str, value: str, line: int) -> Path:
    write_features(few, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[line - 1].split(",")
    assert len(cells) == len(META) + len(few.names)
    cells[lines[0].split(",").index(name)] = value
    path.write_text("\n".join([*lines[: line - 1], ",".join(cells), *lines[line:]]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("y_weak", "0.3", r"row 4, column y_weak: 0\.3 is not 0, 1 or blank"),
        ("y_weak", "2", "row 4, column y_weak: 2 is not 0, 1 or blank"),
        ("y_weak", "-1", "row 4, column y_weak: -1 is not 0, 1 or blank"),
        ("y_weak", "True", "cannot be read as numbers"),
        ("at_end", "", "row 4, column at_end: nan is not 0 or 1"),
        ("at_end", "0.5", r"row 4, column at_end: 0\.5 is not 0 or 1"),
        ("k", "", "row 4, column k: nan is not a whole number >= 0"),
        ("k", "-1", "row 4, column k: -1 is not a whole number >= 0"),
        ("k", "1.5", r"row 4, column k: 1\.5 is not a whole number >= 0"),
        ("cost_weak_usd", "-3", "row 4, column cost_weak_usd: -3 is not a number >= 0, or blank"),
        ("spent_usd", "inf", "row 4, column spent_usd: inf is not a number >= 0, or blank"),
        (feature_set().names[5], "many", "cannot be read as numbers"),
    ],
)
def test_a_spoilt_features_file_is_refused_by_file_row_and_column(
    recorded: Table, first_runs: First, tmp_path: Path, name: str, value: str, words: str
) -> None:
    path = spoil(first_runs(recorded, 2), tmp_path / "bad.csv", name, value, 4)
    with pytest.raises(LogError, match=rf"bad\.csv: {words}"):
        table_of(Logs([path]))


@pytest.mark.parametrize("name", ["y_weak", "cost_weak_usd", "spent_usd"])
def test_blank_is_not_refused_but_unobserved(recorded: Table, first_runs: First, tmp_path: Path, name: str) -> None:
    found = read_features(spoil(first_runs(recorded, 2), tmp_path / "good.csv", name, "", 4))
    assert np.flatnonzero(found.meta[name].isna()).tolist() == [2]


def test_a_features_file_of_another_catalogue_is_refused(recorded: Table, first_runs: First, tmp_path: Path) -> None:
    write_features(first_runs(recorded, 1), tmp_path / "f.csv")
    lines = (tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()
    lines[0] = lines[0].replace(recorded.names[-1], "a_feature_of_old")
    (tmp_path / "f.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(LogError, match=f"1 columns are missing, first '{recorded.names[-1]}'.*extract it again"):
        table_of(Logs([tmp_path / "f.csv"]))


@pytest.mark.parametrize("suffix", ["gz", "xz"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_features_file_is_refused_in_words(recorded: Table, tmp_path: Path, suffix: str, cut: bool) -> None:
    path = tmp_path / f"f.csv.{suffix}"
    write_features(recorded, path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data[: len(data) // 2] if cut else data)
    with pytest.raises(LogError, match=rf"f\.csv\.{suffix}"):
        table_of(Logs([path]))


def test_a_run_given_twice_is_refused(recorded: Table, first_runs: First, tmp_path: Path) -> None:
    write_features(first_runs(recorded, 2), tmp_path / "a.csv")
    name = sorted(set(recorded.meta["run_id"]))[0]
    with pytest.raises(LogError, match=f"run '{name}' stands in the logs twice"):
        table_of(Logs([tmp_path / "a.csv", RECORDED / "turns.csv", RECORDED / "runs.csv"]))
    (tmp_path / "b.csv").write_bytes((tmp_path / "a.csv").read_bytes())
    with pytest.raises(LogError, match="stands in the logs twice"):
        table_of(Logs([tmp_path / "a.csv", tmp_path / "b.csv"]))


def test_no_run_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no runs: give at least one turns or features file"):
        table_of(Logs([RECORDED / "outcomes.csv"]))


def test_the_order_of_rows_and_files_does_not_matter(recorded: Table, tmp_path: Path) -> None:
    for name, other in (("turns", "z"), ("runs", "a"), ("outcomes", "m")):
        frame = pd.read_csv(RECORDED / f"{name}.csv", dtype=str, keep_default_na=False)
        frame = frame.sample(frac=1, random_state=5)[frame.columns[::-1]]
        for half, part in enumerate((frame[: len(frame) // 3], frame[len(frame) // 3 :])):
            part.to_csv(tmp_path / f"{other}{half}.csv", index=False)
    logs = Logs(sorted(tmp_path.iterdir(), reverse=True))
    other = join_strong(table_of(logs), logs, STRONG)
    assert other.x.tobytes() == recorded.x.tobytes()
    pd.testing.assert_frame_equal(other.meta, recorded.meta)


def test_two_jobs_find_what_one_finds(recorded: Table) -> None:
    told: list[int] = []
    two = table_of(Logs([RECORDED]), jobs=2, progress=told.append)
    assert sum(told) == 60
    assert two.x.tobytes() == recorded.x.tobytes()
    pd.testing.assert_frame_equal(two.meta, recorded.meta[list(META)])


def test_the_strong_side_comes_from_outcomes_first_then_from_the_runs(recorded: Table, recorded_logs: Logs) -> None:
    solved = {task: outcome.resolved for (task, model), outcome in recorded_logs.outcomes.items() if model == STRONG}
    assert recorded.meta["y_strong"].tolist() == [solved[task] for task in recorded.meta["task_id"]]
    blank = [task for (task, _), outcome in recorded_logs.outcomes.items() if outcome.cost is None]
    assert set(recorded.meta.loc[recorded.meta["cost_strong_usd"].isna(), "task_id"]) == set(blank)
    logs = Logs([RECORDED / "runs.csv"])
    run = next(iter(logs.runs.values()))
    logs.runs = {run.run_id: replace(run, strong_model="big", y_strong=1, cost_strong=2.5)}
    joined = join_strong(recorded, logs, "big").meta
    of_task = joined["task_id"] == run.task_id
    assert (joined.loc[of_task, "y_strong"] == 1).all() and (joined.loc[of_task, "cost_strong_usd"] == 2.5).all()
    assert joined.loc[~of_task, ["y_strong", "cost_strong_usd"]].isna().all(axis=None)


def test_names_that_miss_are_answered_with_near_ones(recorded: Table, recorded_logs: Logs) -> None:
    with pytest.raises(LogError, match=r"--strong 'scripted-stong' has no outcome.*did you mean scripted-strong\?"):
        join_strong(recorded, recorded_logs, "scripted-stong")
    with pytest.raises(LogError, match=r"--strong 'x' has no outcome.*known are: scripted-strong"):
        join_strong(recorded, recorded_logs, "x")
    with pytest.raises(LogError, match="none is named there"):
        join_strong(recorded, Logs([RECORDED / "turns.csv"]), "x")
    with pytest.raises(LogError, match=r"--weak 'scripted-agnet' has no run.*did you mean scripted-agent\?"):
        select(recorded, weak="scripted-agnet")
    with pytest.raises(LogError, match=r"--harness: no run; did you mean .*recorded-bash"):
        select(recorded, weak=None, harness=["recorded-bsh"])


def test_select_takes_the_named_rows_only(recorded: Table) -> None:
    bash = select(recorded, weak="scripted-agent", harness=["recorded-bash", "no-such"])
    keep = (recorded.meta["harness"] == "recorded-bash").to_numpy()
    assert 0 < len(bash) < len(recorded)
    assert bash.x.tobytes() == recorded.x[keep].tobytes()
    assert bash.meta["run_id"].tolist() == recorded.meta.loc[keep, "run_id"].tolist()
    two = replace(recorded, meta=recorded.meta.assign(weak_model=np.where(keep, "one", "two")))
    assert len(select(two, weak="one")) == keep.sum()
    assert len(select(two, weak="all")) == len(select(two, weak=None)) == len(recorded)


ROUTED = {
    # run: turns, y_weak, route, propensity, route_turn, y_strong, cost_strong_usd
    "kept": (3, "1", "weak", "0.75", "2", "", ""),
    "handed": (2, "", "strong", "0.25", "2", "1", "2.5"),
    "handed-late": (5, "", "strong", "0.5", "5", "0", ""),  # five turns: not a turn of the schedule
    "restarted": (4, "0", "strong", "0.2", "4", "1", "3"),  # the weak run was let go on as well
    "unrouted": (1, "0", "", "", "", "", ""),
}


def one_armed(folder: Path) -> Logs:
    """Logs of a router that draws: of each run only what came of the route that was taken."""
    turns = [("run_id", "turn", "action", "observation", "cost_usd")]
    runs = [("run_id", "task_id", "weak_model", "y_weak", "cost_weak_usd", "strong_model", "route", "propensity")]
    runs[0] += ("route_turn", "y_strong", "cost_strong_usd")
    for run, (n, y, route, propensity, at, y_strong, usd) in ROUTED.items():
        turns += [(run, str(k + 1), f"cat f{k}.py", "x", "0.1") for k in range(n)]
        runs.append((run, f"task-{run}", "w", y, "0.5" if y else "", "big" if y_strong else "", route, propensity))
        runs[-1] += (at, y_strong, usd)
    for name, rows in (("turns", turns), ("runs", runs)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return Logs([folder])


def test_a_one_armed_log_is_read_with_its_routes(tmp_path: Path) -> None:
    logs = one_armed(tmp_path)
    assert logs.rejected == 0
    meta = table_of(logs).meta
    assert tuple(meta.columns) == (*META, *LOGGED)
    for run, (_, y, *told) in ROUTED.items():
        rows = meta[meta["run_id"] == run]
        assert set(rows["strong_model"]) == {"big" if told[3] else ""}
        for name, cell in zip(("y_weak", "route", *LOGGED[2:]), (y, *told), strict=True):
            for value in rows[name]:
                assert pd.isna(value) if not cell else value == (cell if name == "route" else float(cell)), (run, name)


def test_a_run_that_was_handed_over_has_no_end_but_its_last_turn(tmp_path: Path) -> None:
    meta = table_of(one_armed(tmp_path)).meta
    points = {run: rows[["k", "at_end"]].to_numpy().tolist() for run, rows in meta.groupby("run_id")}
    assert points["handed"] == [[0, 0], [1, 0], [2, 0]]
    assert points["handed-late"] == [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0]]
    assert points["kept"] == [[0, 0], [1, 0], [2, 0], [3, 1]]
    assert points["restarted"] == [[0, 0], [1, 0], [2, 0], [3, 0], [4, 1]]
    assert points["unrouted"] == [[0, 0], [1, 1]]


@pytest.mark.parametrize("name", ["f.csv", "f.csv.xz"])
def test_a_one_armed_features_file_reads_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    table = table_of(one_armed(tmp_path))
    write_features(table, tmp_path / name)
    back = table_of(Logs([tmp_path / name]))
    assert back.x.tobytes() == table.x.tobytes()
    pd.testing.assert_frame_equal(back.meta, table.meta.fillna({"route": np.nan}))


def test_logs_with_and_without_routes_stand_side_by_side(recorded: Table, first_runs: First, tmp_path: Path) -> None:
    logs = one_armed(tmp_path)
    write_features(first_runs(recorded, 2), tmp_path / "plain.csv")
    meta = table_of(Logs([tmp_path])).meta
    plain = meta["harness"].str.startswith("recorded")
    assert plain.any() and (~plain).sum() == len(table_of(logs))
    assert meta.loc[plain, list(LOGGED)].isna().all(axis=None) and meta.loc[~plain, "route"].notna().any()


def test_a_log_without_routes_has_no_columns_for_them(recorded: Table, first_runs: First, tmp_path: Path) -> None:
    assert "route" not in recorded.meta and "propensity" not in recorded.meta
    write_features(first_runs(recorded, 1), tmp_path / "f.csv")
    assert not set(LOGGED) & set((tmp_path / "f.csv").read_text(encoding="utf-8").split("\n")[0].split(","))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("route", "strongest", "row 4, column route: 'strongest' is not weak, strong or blank"),
        ("propensity", "0", "row 4, column propensity: 0 is not a number above 0 and at most 1, or blank"),
        ("propensity", "1.5", r"row 4, column propensity: 1\.5 is not a number above 0 and at most 1, or blank"),
        ("y_strong", "2", "row 4, column y_strong: 2 is not 0, 1 or blank"),
        ("cost_strong_usd", "-1", "row 4, column cost_strong_usd: -1 is not a number >= 0, or blank"),
    ],
)
def test_a_spoilt_one_armed_features_file_is_refused(tmp_path: Path, name: str, value: str, words: str) -> None:
    path = tmp_path / "bad.csv"
    write_features(table_of(one_armed(tmp_path)), path)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[2, name] = value
    frame.to_csv(path, index=False)
    with pytest.raises(LogError, match=rf"bad\.csv: {words}"):
        read_features(path)


def test_a_routed_run_keeps_its_own_strong_side(tmp_path: Path) -> None:
    """The other arm of a routed run was not seen, whatever other runs or models say of its task."""
    logs = one_armed(tmp_path)
    lines = ["task_id,model,resolved,cost_usd", *(f"task-{run},big,0,9" for run in ROUTED)]
    (tmp_path / "outcomes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    logs = Logs([tmp_path])
    meta = join_strong(table_of(logs), logs, "big").meta.groupby("run_id")[["y_strong", "cost_strong_usd"]].first()
    assert meta.loc["handed"].tolist() == [1, 2.5] and meta.loc["restarted"].tolist() == [1, 3]
    assert meta.loc["handed-late", "y_strong"] == 0 and np.isnan(meta.loc["handed-late", "cost_strong_usd"])
    assert meta.loc["kept"].isna().all()
    assert meta.loc["unrouted"].tolist() == [0, 9]


def test_a_routed_run_has_the_outcome_of_its_own_strong_model_alone(tmp_path: Path) -> None:
    logs = one_armed(tmp_path)
    table = table_of(logs)
    assert join_strong(table, logs, "big").meta["y_strong"].notna().any()
    with pytest.raises(LogError, match="'other' has no outcome in these logs"):
        join_strong(table, logs, "other")


def test_the_turn_of_a_route_is_a_whole_number(tmp_path: Path) -> None:
    table = table_of(one_armed(tmp_path))
    write_features(replace(table, meta=table.meta.assign(route_turn=1.0)), tmp_path / "f.csv")
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    header = text.split("\n")[0].split(",").index("route_turn")
    lines = [line.split(",") for line in text.strip().split("\n")]
    lines[2][header] = "-1.5"
    (tmp_path / "f.csv").write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    with pytest.raises(LogError, match=r"row 3, column route_turn: -1\.5 is not a whole number >= 0, or blank"):
        read_features(tmp_path / "f.csv")


def test_the_turn_of_a_route_has_its_row_whatever_was_done_there(tmp_path: Path) -> None:
    """A turn the schedule skips: if only runs that were handed over had its row, the row would tell the route."""
    logs = one_armed(tmp_path)
    kept = replace(logs.runs["restarted"], route="weak", route_turn=5)
    turns = Trajectory(kept.task, tuple(Turn("t", "ls", "x") for _ in range(7)), ended=True)
    assert 5 not in SCHEDULE
    ks = [row[META.index("k")] for row in run_rows(kept, turns)[0]]
    assert ks == [0, 1, 2, 3, 4, 5, 6, 7]
