"""The command line, used as a person would: from a log to a decision, and what it says when something is wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from featrouter import resources
from featrouter.catalogue import feature_set
from featrouter.cli import main
from featrouter.logs import Logs

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
#: The bundle knows two harnesses.
ON = ("--harness", "recorded-bash")


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "f.csv.xz"
    result = run("extract", RECORDED, "-o", path, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return path


@pytest.fixture(scope="module")
def bundle(features: Path) -> Path:
    path = features.with_name("b.featrouter")
    result = run(
        "train", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong", "-o", path, "--value", 0.2
    )
    assert result.exit_code == 0, result.output
    assert "constant" in result.stdout
    return path


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verb_explains_itself(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.split("Options:")[0].split()) > 8


def test_training_from_features_equals_training_from_turns(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.featrouter"
    assert run("train", RECORDED, "--strong", "scripted-strong", "-o", path, "--value", 0.2, "--json").exit_code == 0
    assert path.read_bytes() == bundle.read_bytes()


def test_evaluate_prints_json_alone_on_stdout(features: Path, bundle: Path) -> None:
    arguments = ("evaluate", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong")
    report = json.loads(run(*arguments, "--bundle", bundle, "--json").stdout)
    assert list(report["splits"]) == ["given"]
    done = run(*arguments, "--bundle", bundle)
    assert "Route-AUC" in done.stdout and "24 tasks, 60 runs" in done.stdout
    assert "100% of these tasks taught this bundle" in done.stdout
    assert "taught" not in run(*arguments, "--bundle", "default").stdout


@pytest.fixture(scope="module")
def judged() -> dict:
    quick = ("--head", "lightgbm", "--no-panel", "--baselines", "repeated, tfidf", "--max-harm", 0.5)
    result = run("evaluate", RECORDED, "--strong", "scripted-strong", *quick, "--policy", "risk-controlled", "--json")
    assert result.exit_code == 0, result.output
    assert "evaluating scripted-agent -> scripted-strong" in result.stderr
    return json.loads(result.stdout)


def test_evaluate_trains_inside_every_fold_with_the_options_of_train(judged: dict) -> None:
    assert list(judged["splits"]) == ["mixed", "repo_disjoint"]
    assert judged["settings"]["policy"] == "risk-controlled" and judged["settings"]["max_harm"] == 0.5
    for split in judged["splits"].values():
        assert set(split["k"]["2"]["baselines"]) == {"repeated", "tfidf"} == set(split["all_turns"])
        assert len(split["folds"]) == 5
        assert all(fold["policies"]["risk-controlled"]["promise"]["max_harm"] == 0.5 for fold in split["folds"])
        mine = next(one for one in split["value"] if one["value"] == 10.0)["policies"]
        assert {"always-weak", "always-strong", "stop", "rule", "fixed", "anytime", "end + stop", "oracle"} <= set(mine)
        assert 0 <= mine["risk-controlled"]["harm_ci"][0] <= mine["risk-controlled"]["harm"] <= 0.5


def test_evaluate_refuses_what_it_cannot_judge(features: Path) -> None:
    arguments = ("evaluate", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong")
    told = run(*arguments, "--baselines", "tfidf")
    assert told.exit_code == 1 and "baseline tfidf reads text: give the turns and runs files" in told.stderr
    told = run(*arguments, "--baselines", "oracle")
    assert told.exit_code == 2 and "'oracle': known are repeated, stage" in told.stderr
    told = run(*arguments, "--max-harm", 0.1)
    assert told.exit_code == 1 and "--max-harm" in told.stderr


def test_a_policy_is_part_of_the_bundle_and_another_may_be_asked_for(features: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.featrouter"
    quick = ("--head", "linear", "--calibration", "platt", "--policy", "fixed", "--value", 0.2)
    made = run(
        "train", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong", "-o", path, *quick, "--json"
    )
    told = json.loads(made.stdout)
    assert told["policy"] == "fixed" and set(told["policies"]) == {"rule", "fixed", "anytime"}
    text = json.dumps(a_recorded_run())
    turn = told["policies"]["fixed"]["turns"][0][0]
    asked = (max(0, turn - 1), turn)
    before, at = (json.loads(run("decide", path, *ON, "-", "--turn", k, stdin=text).stdout) for k in asked)
    assert before["choice"] == "continue" or turn == 0
    assert at["choice"] == ("escalate" if at["y2"] > at["y1"] else "continue")
    rule = json.loads(run("decide", path, *ON, "-", "--policy", "rule", "--turn", 1, stdin=text).stdout)
    assert not rule["fallback"] and rule["choice"] == ("escalate" if rule["y2"] > rule["y1"] else "continue")
    broke = ("--policy", "rule", "--allow-stop", "--value", 1e-6, "--turn", 1)
    poor = json.loads(run("decide", path, *ON, "-", *broke, stdin=text).stdout)
    assert poor["choice"] == "stop" and poor["y1"] < 0 and poor["y2"] < 0
    unknown = run("decide", path, *ON, "-", "--policy", "nosuch", stdin=text)
    assert unknown.exit_code == 1 and "it has anytime, fixed, rule" in unknown.stderr


def test_a_bundle_is_not_trained_for_a_folder_that_is_not_there(features: Path, tmp_path: Path) -> None:
    told = run("train", features, "-o", tmp_path / "no" / "b.featrouter")
    assert told.exit_code == 2 and "is no folder; make it first" in told.stderr


def test_importances_in_three_forms(bundle: Path) -> None:
    found = json.loads(run("importances", bundle, "--json").stdout)
    assert set(found) == {"families", "features"}
    rows = list(csv.DictReader(io.StringIO(run("importances", bundle, "--csv").stdout)))
    assert {row["feature"] for row in rows} == set(found["features"])
    assert run("importances", bundle, "-n", 3).stdout.count("\n") >= 6


def a_run() -> dict[str, object]:
    turn = {"thought": "look", "action": "cat a.py", "observation": "x = 1", "tool": "bash"}
    return {
        "task": "fix a.py",
        "turns": [turn, turn, {**turn, "action": "python -m pytest", "observation": "2 failed in 0.1s"}],
    }


def a_recorded_run() -> dict[str, object]:
    logged, trajectory = next(Logs([RECORDED]).trajectories())
    turns = [
        {"thought": turn.thought, "action": turn.action, "observation": turn.observation, "tool": turn.tool}
        for turn in trajectory
    ]
    return {"task": logged.task, "turns": turns}


def test_decide_and_explain_on_a_file_and_on_stdin(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(a_run()), encoding="utf-8")
    decision = json.loads(run("decide", bundle, *ON, path).stdout)
    assert decision["turn"] == 3
    assert decision == json.loads(run("decide", bundle, *ON, "-", stdin=path.read_text()).stdout)
    assert json.loads(run("decide", bundle, *ON, path, "--turn", 1).stdout)["turn"] == 1
    poor, rich = (json.loads(run("decide", bundle, *ON, path, "--value", usd).stdout) for usd in (0.001, 1000))
    assert poor["y2"] < rich["y2"] and poor["r2"] == rich["r2"]
    assert run("explain", bundle, *ON, path, "-n", 2).stdout.count("\n") >= 3
    assert json.loads(run("decide", bundle, *ON, path, "--ended").stdout)["choice"] in ("accept", "escalate")


def test_decide_on_chat_messages(bundle: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    messages = [
        {"role": "system", "content": "you are"},
        {"role": "user", "content": "fix it"},
        {"role": "assistant", "content": "I look", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "a.py"},
    ]
    for given in (messages, {"messages": messages}):
        assert json.loads(run("decide", bundle, *ON, "-", stdin=json.dumps(given)).stdout)["turn"] == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (("decide", "default", "-"), "{", 1, "not JSON"),
        (("decide", "default", "-"), '{"a": 1}', 1, "neither a message list"),
        (("decide", "default", "-"), '{"turns": [{"nonsense": 1}]}', 1, "turn 1: .*nonsense"),
        (("decide", "default", "-", "--turn", "9"), json.dumps(a_run()), 2, "the run has 3 turns"),
        (("decide", "nowhere.featrouter", "-"), "[]", 1, "no such file"),
        (("train", RECORDED, "--strong", "scripted-strog", "-o", "x"), None, 3, "did you mean scripted-strong"),
        (("train", RECORDED / "README.md", "-o", "x"), None, 3, "README.md"),
        (("features", "--family", "nosuch"), None, 2, "families are prompt"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[object, ...], stdin: str | None, code: int, words: str) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert re.search(words, result.stderr), result.stderr


def test_rejected_rows_end_with_exit_code_3_by_file_line_and_column(tmp_path: Path) -> None:
    for name in ("turns", "runs", "outcomes"):
        shutil.copy(RECORDED / f"{name}.csv", tmp_path)
    runs = tmp_path / "runs.csv"
    with runs.open("a", encoding="utf-8") as file:
        file.write("extra,task,repo,text,h,scripted-agent,yes,0.1\n")
    line = runs.read_text(encoding="utf-8").count("\n")
    result = run("extract", tmp_path, "-o", tmp_path / "f.csv")
    assert result.exit_code == 3
    assert f"runs.csv:{line} " in result.stderr and "y_weak: 'yes' is not 0, 1 or blank" in result.stderr
    assert not (tmp_path / "f.csv").exists()
    assert run("extract", tmp_path, "-o", tmp_path / "f.csv", "--max-rejects", 1).exit_code == 0


@pytest.mark.parametrize("verb", ["extract", "train", "evaluate"])
def test_every_verb_that_reads_logs_ends_with_3_when_rows_are_rejected(verb: str, tmp_path: Path) -> None:
    for name in ("turns", "runs", "outcomes"):
        shutil.copy(RECORDED / f"{name}.csv", tmp_path)
    outcomes = tmp_path / "outcomes.csv"
    with outcomes.open("a", encoding="utf-8") as file:
        file.write("spans__touching,other-strong,2,0.1\n")
    line = outcomes.read_text(encoding="utf-8").count("\n")
    output = () if verb == "evaluate" else ("-o", tmp_path / "made")
    strong = () if verb == "extract" else ("--strong", "scripted-strong")
    result = run(verb, tmp_path, *output, *strong)
    assert result.exit_code == 3 and result.stdout == ""
    assert f"outcomes.csv:{line} " in result.stderr and "resolved: '2'" in result.stderr
    assert "--max-rejects" in result.stderr
    assert not (tmp_path / "made").exists()


def test_json_verbs_keep_stdout_pure_and_say_on_stderr_what_goes_on(features: Path, tmp_path: Path) -> None:
    logs = (features, RECORDED / "outcomes.csv", "--strong", "scripted-strong", "--json")
    trained = run("train", *logs, "-o", tmp_path / "b.featrouter", "--card", tmp_path / "card.md")
    told = json.loads(trained.stdout)
    assert told["bundle"] == str(tmp_path / "b.featrouter")
    assert set(told["metrics"]) >= {"r1", "r2"}
    assert told["flags"] == json.loads((tmp_path / "b.featrouter").read_text(encoding="utf-8"))["flags"]
    assert "training" in trained.stderr and "KiB" in trained.stderr
    assert (tmp_path / "card.md").read_text(encoding="utf-8").startswith("#")


def test_the_numbers_alone_train_the_same_router_as_the_outcomes_gathered_with_them(tmp_path: Path) -> None:
    made = run("extract", RECORDED, "-o", tmp_path / "f.csv", "--outcomes", tmp_path / "o.csv", "--jobs", 1)
    assert made.exit_code == 0 and made.stdout == "" and "rows of" in made.stderr
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    assert "CycleError" not in text and "README" not in text  # numbers only, safe to share
    header = text.partition("\n")[0].split(",")
    assert set(feature_set().names) < set(header)
    gathered = list(csv.DictReader((tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()))
    original = list(csv.DictReader((RECORDED / "outcomes.csv").read_text(encoding="utf-8").splitlines()))
    assert {(r["task_id"], r["resolved"]) for r in gathered} == {(r["task_id"], r["resolved"]) for r in original}


def test_the_turn_is_bounded_by_the_run(bundle: Path) -> None:
    text = json.dumps(a_run())
    told = [json.loads(run("decide", bundle, *ON, "-", "--turn", turn, stdin=text).stdout) for turn in range(4)]
    assert [decision["turn"] for decision in told] == [0, 1, 2, 3]
    for turn in (-1, 4):
        for verb in ("decide", "explain"):
            result = run(verb, bundle, *ON, "-", "--turn", turn, stdin=text)
            assert result.exit_code == 2 and "the run has 3 turns" in result.stderr


def test_a_run_that_has_ended_ends_only_when_it_is_read_whole(bundle: Path) -> None:
    text = json.dumps({**a_run(), "ended": True})
    assert json.loads(run("decide", bundle, *ON, "-", stdin=text).stdout)["ended"]
    assert json.loads(run("decide", bundle, *ON, "-", "--turn", 3, stdin=text).stdout)["ended"]
    assert not json.loads(run("decide", bundle, *ON, "-", "--turn", 2, stdin=text).stdout)["ended"]


def test_turns_may_hold_parallel_calls(bundle: Path) -> None:
    call = {"action": "cat a.py", "observation": "x = 1", "tool": "bash"}
    short, long = (
        run("decide", bundle, *ON, "-", stdin=json.dumps({"task": "fix a.py", "turns": [turn]})).stdout
        for turn in ({"thought": "look", **call}, {"thought": "look", "calls": [call]})
    )
    assert json.loads(short) == json.loads(long)
    twice = {"task": "fix a.py", "turns": [{"thought": "look", "calls": [call, call]}]}
    assert json.loads(run("decide", bundle, *ON, "-", stdin=json.dumps(twice)).stdout) != json.loads(short)


def test_reasons_are_the_same_in_decide_and_explain(bundle: Path) -> None:
    text = json.dumps(a_run())
    decided = json.loads(run("decide", bundle, *ON, "-", "-n", 5, stdin=text).stdout)["reasons"]
    explained = json.loads(run("explain", bundle, *ON, "-", "-n", 5, "--json", stdin=text).stdout)
    assert len(decided) == 5
    assert [(r["feature"], r["words"], r["effect"]) for r in decided] == [
        (r["feature"], r["words"], round(r["effect"], 4)) for r in explained
    ]


@pytest.mark.parametrize("verb", ["decide", "explain"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "<stdin>: not JSON"),
        ("[" * 100_000, "<stdin>: not JSON"),
        ('{"turns": [], "x": ' + "1" * 5000 + "}", "<stdin>: not JSON"),
        ("5", "neither a message list"),
        ('{"messages": 5}', "neither a message list"),
        ('{"turns": [{"calls": [5]}]}', "turn 1, call 1: 5 is no object with action, observation"),
        ('{"turns": [{"calls": 5}]}', "turn 1: calls: 5 is no list of calls"),
        ('{"turns": [{"calls": {}}]}', "turn 1: calls: {} is no list of calls"),
        ('{"turns": [{}, null]}', "turn 2: None is no object with thought, action"),
        ('{"turns": [{"calls": [{"thought": "x"}]}]}', "turn 1, call 1: unknown field 'thought'; known are action"),
        ('{"turns": [{"calls": [{"nonsense": 1}]}]}', "nonsense"),
    ],
)
def test_a_run_that_cannot_be_read_is_an_error_in_words(verb: str, text: str, words: str, bundle: Path) -> None:
    result = run(verb, bundle, *ON, "-", stdin=text)
    assert result.exit_code == 1 and result.stdout == ""
    assert words in result.stderr and result.stderr.startswith("Error: ") and "Traceback" not in result.stderr


@pytest.mark.parametrize("usd", [0, -1])
def test_a_task_that_is_worth_nothing_is_refused_before_any_work(usd: int, bundle: Path, tmp_path: Path) -> None:
    logs = (RECORDED, "--strong", "scripted-strong", "--value", usd)
    for result in (
        run("decide", bundle, *ON, "-", "--value", usd, stdin="[]"),
        run("evaluate", *logs),
        run("train", *logs, "-o", tmp_path / "b"),
    ):
        assert result.exit_code == 2 and "--value" in result.stderr and "reading" not in result.stderr


def test_unknown_models_and_harnesses_name_the_near_ones(features: Path) -> None:
    for flag, wrong, right in (
        ("--weak", "scripted-agnt", "scripted-agent"),
        ("--harness", "recorded-bsh", "recorded-bash"),
    ):
        result = run("evaluate", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong", flag, wrong)
        assert result.exit_code == 3 and re.search(rf"did you mean .*{right}", result.stderr)


def test_pairs_and_single_models_do_not_mix() -> None:
    result = run("evaluate", RECORDED, "--pair", "a", "b", "--strong", "b")
    assert result.exit_code == 2 and "--pair" in result.stderr


def test_families_and_the_page_of_the_catalogue() -> None:
    rows = json.loads(run("features", "--family", "loops", "--json").stdout)
    assert rows and {row["family"] for row in rows} == {"loops"}
    assert all(set(row) == {"name", "family", "unit", "low", "high", "sign", "weight", "meaning"} for row in rows)
    lines = run("features").stdout.splitlines()
    assert len(lines) == len(feature_set())
    assert run("features", "--markdown").stdout == (RECORDED.parents[1] / "features" / "README.md").read_text("utf-8")


def test_doctor_says_how_to_mend_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from featrouter import doctor

    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "no-such-package-here"))
    result = run("doctor")
    assert result.exit_code == 1
    assert "MISS  no-such-package-here: not installed\n      pip install featrouter\n" in result.stdout
    checks = json.loads(run("doctor", "--json").stdout)
    assert all(set(check) == {"what", "ok", "needed", "found", "mend"} for check in checks)
    assert all(bool(check["mend"]) != check["ok"] for check in checks)


def test_doctor_and_features_list_what_is_there() -> None:
    checks = json.loads(run("doctor", "--json").stdout)
    assert all(check["ok"] for check in checks if check["needed"])
    assert {"Python", "OpenMP for training", "default bundle"} <= {check["what"] for check in checks}
    assert [row["name"] for row in json.loads(run("features", "--json").stdout)] == list(feature_set().names)


def test_bundles_are_judged_pair_by_pair_as_a_page_or_in_a_line_each(
    features: Path, bundle: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(features)
    table[table["run_id"].isin(table["run_id"].unique()[::3])].to_csv(tmp_path / "f.csv", index=False)
    pair = ("--pair", "scripted-agent", "scripted-strong", "--baselines", "none")
    arguments = ("evaluate", tmp_path / "f.csv", RECORDED / "outcomes.csv", *pair)
    page = run(*arguments, "--bundle", "default", "--markdown", "--at", 2)
    assert page.exit_code == 0, page.stderr
    assert page.stdout.startswith("# Benchmarks") and "## scripted-agent -> scripted-strong: " in page.stdout
    assert "note: harness 'recorded-bash' is not known to this bundle; it is judged as" in page.stderr
    short = run(*arguments, "--bundle", bundle)
    assert short.exit_code == 0 and "note:" not in short.stderr
    assert "* scripted-agent -> scripted-strong: " in short.stdout and len(short.stdout.splitlines()) < 10


def test_runs_of_several_weak_models_are_pooled_with_a_note_and_ranked_within_each(
    features: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(features)
    table.loc[table["run_id"].isin(table["run_id"].unique()[::2]), "weak_model"] = "another"
    table.to_csv(tmp_path / "f.csv", index=False)
    quick = ("--head", "linear", "--calibration", "platt", "-o", tmp_path / "b.featrouter", "--json")
    made = run("train", tmp_path / "f.csv", RECORDED / "outcomes.csv", "--strong", "scripted-strong", *quick)
    assert made.exit_code == 0, made.stderr
    assert "note: runs of 2 weak models are pooled (another, scripted-agent); --weak picks one" in made.stderr
    for head in ("r1", "r2"):
        by = json.loads(made.stdout)["metrics"][head]["auroc_by_weak_model"]
        assert set(by) == {"another", "scripted-agent"} and all(0 <= area <= 1 for area in by.values())


def test_doctor_names_what_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("lightgbm", "tree_sitter_python"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(resources, "_PACKAGE", str(tmp_path / "featrouter"))
    result = run("doctor")
    assert result.exit_code == 1
    for line in ("MISS  OpenMP for training: lightgbm does not load", "MISS  default bundle: featrouter's own file"):
        assert line in result.stdout
    assert (
        "note  grammar python: " in result.stdout
        and "      pip install tree-sitter-python: without it" in result.stdout
    )


#: What a terminal would take as a new title for its window.
TITLE = "é→\x1b]0;mine\x07"


@pytest.mark.parametrize(
    "arguments",
    [
        ("decide", "default", "-"),
        ("decide", "default", f"{TITLE}.json"),
        ("decide", "default", f"{TITLE}/run.json"),
        ("decide", f"{TITLE}.featrouter", "-"),
        ("export", f"{TITLE}.csv", "runs.csv", "-o", "out"),
        ("export", f"{TITLE}.csv", "runs.csv", "-o", f"out/{TITLE}"),
        ("extract", f"{TITLE}.csv", "runs.csv", "-o", f"nowhere/{TITLE}", "--max-rejects", 9),
        ("train", f"{TITLE}.csv", "runs.csv", "-o", f"{TITLE}/b.featrouter"),
        ("import", ".", f"{TITLE}.json", "-o", f"{TITLE}-logs", "--json"),
        ("import", ".", "-o", "out", "--format", TITLE),
    ],
)
def test_no_stranger_writes_to_the_terminal(
    arguments: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(f"{TITLE}.json").write_text("{", encoding="utf-8")
    Path(f"{TITLE}.txt").write_text("what I saw", encoding="utf-8")
    Path("chat.json").write_text('[{"role": "assistant", "content": "Done."}]', encoding="utf-8")
    Path("runs.csv").write_text("run_id,task_id\nr,t\n", encoding="utf-8")
    Path(f"{TITLE}.csv").write_text(
        f"run_id,turn,action,observation,{TITLE}\nr,1,a,o,x\nr,no,a,o,x\n", encoding="utf-8"
    )
    stdin = json.dumps({"turns": [{TITLE: 1}]})
    result = CliRunner().invoke(main, list(map(str, arguments)), input=stdin, color=True)
    assert result.exit_code in (1, 2, 3), result.output
    assert "é→\\x1b]0;mine\\x07" in result.stderr
    assert not {"\x1b", "\x07"} & set(result.output)
