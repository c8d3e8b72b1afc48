"""Bundles: there and back, damaged, loaded and saved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featrouter.bundle import Bundle, BundleError
from featrouter.calibration import Calibrator
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.linear import LINEAR, Linear
from featrouter.policy import Policy
from featrouter.reference import LEVELS, Reference

SAMPLE = Path(__file__).parent / "samples" / "tiny.featrouter"
FEATURES = ("effort_turns", "testruns_failed_last", "edits_files", "prompt_länge")


def head(name: str, link: str, shift: float = 0.0) -> Head:
    """A tree of three leaves, a tree of one, a tree on missing values alone."""
    nodes: dict[str, Any] = {
        "sizes": [5, 1, 3],
        "feature": [0, -1, 2, -1, -1, -1, 3, -1, -1],
        "threshold": [0.1, 0.0, 1e-35, 0.0, 0.0, 0.0, np.inf, 0.0, 0.0],
        "left": [1, -1, 3, -1, -1, -1, 1, -1, -1],
        "right": [2, -1, 4, -1, -1, -1, 2, -1, -1],
        "default_left": [True, False, False, False, False, False, False, False, False],
        "value": [0.0, 1 / 3 + shift, 0.0, -0.25, 5e-324, 0.125, 0.0, -0.5, 1e17 / 7],
        "cover": [10, 4, 6, 1, 5, 10, 10, 7, 3],
    }
    return Head(name, link, **nodes, intercept=0.1 + shift)


LINE = Linear(*map(np.array, ([0, 3], [3.5, 1 / 3], [2.0, 1e-9], [-0.5, 5e-324], [0.0, -0.25])))
STEPS = Calibrator("venn-abers", x=(-0.5, 1 / 3, 2.0), low=(0.0, 0.1, 0.4, 0.75), high=(0.125, 0.5, 0.8, 1.0))

#: Of four features: one that stands still, one never reported, two that rise, by thirds and to the smallest number.
RISING = [[0.25] * 21, [np.nan] * 21, [n / 3 for n in range(-10, 11)], [*[-1e100] * 7, *[5e-324] * 7, *[9.0] * 7]]
REFERENCES = {"": Reference(np.array(RISING), 2, 40), "häuser 2": Reference(np.zeros((4, 21)), 0, 0, {"r1": -1 / 3})}


def bundle(**changes: Any) -> Bundle:
    values: dict[str, Any] = {
        "features": FEATURES,
        "catalogue": "ab" * 32,
        "heads": {
            "r2": head("r2", "logit", 1.0),
            "r1": replace(head("r1", "logit"), linear=LINE),
            "c1": head("c1", "log"),
        }
        | {"c2": Head.constant("c2", "identity", 0.75)},
        "calibrators": {"r1": STEPS, "r2": Calibrator("constant", b=0.4)},
        "costs": {"value": 2.5, "strong": None, "weak_remaining": [[0, 0.4], [5, 0.1]], "handover": "restart"},
        "policies": {
            "rule": Policy(),
            "anytime": Policy("anytime", ((0, 0.25), (3, float("inf"))), -float("inf"), latch=True),
        },
        "policy": "anytime",
        "references": REFERENCES,
        "importances": {"edits_files": {"gain": 1.5, "split": 3, "permutation": None, "shap": 0.1}},
        "metrics": {"r1": {"auroc": 0.81, "curve": [[0.1, 0.2], [0.3, None]], "seal": ""}, "n": 412, "seal": ""},
        "provenance": {"note": 'a "quoted" \\ud800 line\nand \u2028 more', "seed": 7, "ok": True},
        "flags": ("r2: few positives",),
    }
    return Bundle(**(values | changes))


def test_there_and_back_is_the_same_bytes() -> None:
    first = bundle()
    data = first.to_bytes()
    again = Bundle.from_bytes(data, known_features=set(FEATURES))
    assert again.to_bytes() == data == bundle().to_bytes()
    assert data == SAMPLE.read_bytes()  # the format of version 3 does not drift
    rows = np.array([[np.nan] * 4, [0.0] * 4, [np.inf] * 4, [1.0, np.nan, -3.0, 2.0]])
    served = [Forest(list(one.heads.values()), 4).score_many(rows).tolist() for one in (first, again)]
    assert served[0] == served[1]
    assert list(again.heads) == ["c1", "c2", "r1", "r2"] == list(first.heads)
    for name, got in again.heads.items():
        for key in ("threshold", "value", "cover", "left", "default_left"):
            assert getattr(got, key).tobytes() == getattr(first.heads[name], key).tobytes()
    assert (again.costs, again.flags, again.calibrators) == (first.costs, first.flags, first.calibrators)
    assert (again.provenance, again.metrics) == (first.provenance, first.metrics)
    assert (again.policies, again.policy) == (first.policies, "anytime")
    assert list(again.references) == list(REFERENCES)
    for name, got in again.references.items():
        assert got.quantiles.tobytes() == REFERENCES[name].quantiles.tobytes()
        assert (got.limit, got.runs, got.shifts) == tuple(
            getattr(REFERENCES[name], key) for key in ("limit", "runs", "shifts")
        )
    assert [got.link for got in again.heads.values()] == ["log", "identity", "logit", "logit"]
    assert [name for name, got in again.heads.items() if got.linear] == ["r1"]
    for key in LINEAR:
        assert getattr(again.heads["r1"].linear, key).tobytes() == getattr(LINE, key).tobytes()


@pytest.mark.parametrize(
    "calibrator",
    [
        Calibrator(),
        Calibrator("constant", b=0.25),
        Calibrator("platt", 0.9, -0.1),
        Calibrator("beta", 0.5, 0.1, 2.0),
        Calibrator("isotonic", x=(0.0, 1.0), low=(0.1, 0.9)),
        STEPS,
    ],
    ids=lambda calibrator: calibrator.kind,
)
def test_every_kind_of_calibrator_is_carried(calibrator: Calibrator) -> None:
    data = bundle(calibrators={"r1": calibrator, "r2": calibrator}).to_bytes()
    assert Bundle.from_bytes(data).calibrators == {"r1": calibrator, "r2": calibrator}


def test_every_kind_of_policy_is_carried() -> None:
    promise = {"harm": 0.02, "confidence": 0.95, "words": "in 95 % of …", "runs": 40}
    policies = {"rule": Policy(allow_stop=True), "fixed": Policy.fixed(3), "anytime": Policy("anytime", (), 0.5)}
    policies["risk-controlled"] = Policy("risk-controlled", ((2, 0.125),), promise=promise)
    again = Bundle.from_bytes(bundle(policies=policies, policy="risk-controlled").to_bytes())
    assert again.policies == policies and again.policies["risk-controlled"].promise == promise


def test_another_version_is_refused_with_what_to_do() -> None:
    for version in (2, 4):
        with pytest.raises(BundleError, match=f"version is {version}, this featrouter reads 3; upgrade it, or train"):
            Bundle.from_bytes(bundle().to_bytes().replace(b'"version": 3', b'"version": %d' % version))


def test_a_diff_of_the_file_is_readable() -> None:
    data = bundle().to_bytes().decode()
    assert data.endswith("}\n") and data.count("\n") > 50 and '"prompt_länge"' in data
    before, after = data.splitlines(), bundle(catalogue="cd" * 32).to_bytes().decode().splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 2  # the digest and the seal
    content = json.loads(data)
    assert list(content) == sorted(content) and content["heads"]["c1"]["threshold"][6] == "inf"


def test_any_damage_breaks_the_seal() -> None:
    data = bundle().to_bytes()
    with pytest.raises(BundleError, match="seal: is not that of the content"):
        Bundle.from_bytes(data.replace(b"0.81", b"0.91"))
    with pytest.raises(BundleError, match="seal: is not that of the content"):
        Bundle.from_bytes(data + b" ")
    with pytest.raises(BundleError, match="not valid JSON"):
        Bundle.from_bytes(data[:-200])


def test_unknown_features_are_refused() -> None:
    with pytest.raises(BundleError, match="features: 1 unknown here, such as 'edits_files'"):
        Bundle.from_bytes(bundle().to_bytes(), known_features=set(FEATURES) - {"edits_files"})


def test_an_unsound_bundle_cannot_be_made() -> None:
    with pytest.raises(BundleError, match=r"metrics.auc: .* is int64, want a number"):
        bundle(metrics={"auc": np.int64(3)})
    with pytest.raises(BundleError, match=r"metrics\.auc: a number that is not finite"):
        bundle(metrics={"auc": np.float64("nan")})
    with pytest.raises(BundleError, match="heads: there is none"):
        bundle(heads={}, calibrators={})
    with pytest.raises(BundleError, match="heads: 'r3' is not the head's name"):
        bundle(heads={"r3": head("r1", "logit")})
    with pytest.raises(BundleError, match=r"calibrators\.r1: .* want Calibrator"):
        bundle(calibrators={"r1": 0.5, "r2": Calibrator()})
    with pytest.raises(BundleError, match="references: there is none"):
        bundle(references={})
    with pytest.raises(BundleError, match=r"references\.bash: .* want Reference"):
        bundle(references={"bash": REFERENCES[""].as_dict()})
    with pytest.raises(BundleError, match=r"references\.bash\.quantiles: 3 entries for 4 features"):
        bundle(references={"bash": Reference(np.zeros((3, len(LEVELS))), 0, 9)})
    with pytest.raises(BundleError, match=r"references\.bash\.shifts: unknown key 'c9'"):
        bundle(references={"bash": Reference(np.zeros((4, len(LEVELS))), 0, 9, {"c9": 0.5})})
    with pytest.raises(BundleError, match=r"references, a name: .* is not a name of 1 to 200 printable characters"):
        bundle(references={"a\nb": REFERENCES[""]})
    with pytest.raises(BundleError, match=r"policies\.rule: .* want Policy"):
        bundle(policies={"rule": {"kind": "rule"}}, policy="rule")
    with pytest.raises(BundleError, match="policies: 'fixed' is not the kind of the policy"):
        bundle(policies={"rule": Policy(), "fixed": Policy("anytime")}, policy="rule")
    with pytest.raises(BundleError, match="policy: 'fixed' is not one of the policies"):
        bundle(policy="fixed")
    with pytest.raises(BundleError, match="there is no 'rule' among them"):
        bundle(policies={"fixed": Policy.fixed(1)}, policy="fixed")
    with pytest.raises(BundleError, match=r"policies\.rule\.promise\.p: a number that is not finite"):
        bundle(policies={"rule": Policy(promise={"p": np.float64("nan")})}, policy="rule")
    with pytest.raises(BundleError, match=r"heads\.r1\.feature: 4, but there are 4 features"):
        beyond = replace(LINE, feature=np.array([0, 4]))
        bundle(heads={"r1": replace(head("r1", "logit"), linear=beyond)}, calibrators={"r1": Calibrator()})


def test_load_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.featrouter"
    bundle().save(path)
    data = path.read_bytes()
    pin = hashlib.sha256(data).hexdigest()
    assert Bundle.load(path, sha256=pin.upper()).to_bytes() == Bundle.load(str(path)).to_bytes() == data
    with pytest.raises(BundleError, match=r"m\.featrouter': its sha256 is not the one asked for"):
        Bundle.load(path, sha256="0" * 64)
    with pytest.raises(BundleError, match=r"nosuch': no such file"):
        Bundle.load(tmp_path / "nosuch")
    with pytest.raises(BundleError, match="no such file"):
        Bundle.load(tmp_path)
    with pytest.raises(BundleError, match="no such file"):
        Bundle.load("a\0b")
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(BundleError, match=r"m\.featrouter': not a featrouter bundle"):
        Bundle.load(path)
