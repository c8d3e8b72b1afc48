"""Bundles from strangers: each forgery is refused with its place. Thousands of them: tests/guards/test_guard_bundles.py."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from forging import GOOD, forged, reseal

from featrouter.bundle import MAX_BYTES, Bundle, BundleError


def put(path: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(content: dict[str, Any]) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in way:
            content = content[key]
        if value is ...:
            del content[last]
        else:
            content[last] = value

    return change


NEST: Any = 1
for _ in range(40):
    NEST = [NEST]

GOOD_REFERENCE = json.loads(GOOD)["references"][""]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", "featrouter", "not a featrouter bundle: format is 'featrouter'"),
        ("version", True, "version is True"),
        ("costs", ..., "the bundle: key 'costs' is missing"),
        ("extra", 1, "the bundle: unknown key 'extra'"),
        ("features.0", 5, r"features\[0\]: 5 is int, want str"),
        ("features.0", "edits_files", "a name stands twice"),
        ("features.0", "\ud800", r"features\[0\]: .* printable"),
        ("catalogue", "XYZ", "catalogue: not a hex digest"),
        ("heads", {}, "heads: there is none"),
        ("heads.r1", [], r"heads.r1: \[\] is list, want dict"),
        ("heads.R 1", {}, "heads: 'R 1' is not a name"),
        ("heads.r1.link", "probit", "head r1: link 'probit'"),
        ("heads.r1.link", "identity", "calibrators .*: unknown key 'r1'"),
        ("heads.r1.cover", ..., "heads.r1: key 'cover' is missing"),
        ("heads.r1.code", [], "heads.r1: unknown key 'code'"),
        ("heads.r1.intercept", 1e101, "head r1: intercept"),
        ("heads.r1.feature.2", 2.0, r"heads.r1.feature\[2\]: 2.0 is float, want int"),
        ("heads.r1.feature.2", True, r"heads.r1.feature\[2\]: True is bool, want int"),
        ("heads.r1.feature.2", 10**30, r"heads.r1.feature\[2\]: a number that is not finite or beyond"),
        ("heads.r1.feature.2", 10**15, "heads.r1.feature: 1000000000000000, but there are 4 features"),
        ("heads.r1.feature.2", -7, "head r1: feature: below -1, first at index 2"),
        ("heads.r1.default_left.0", 1, r"heads.r1.default_left\[0\]: 1 is int, want bool"),
        ("heads.r1.threshold.0", "Infinity", r"heads.r1.threshold\[0\]: 'Infinity' is str, want float or int"),
        ("heads.r1.value.1", "inf", "head r1: value: not finite or beyond 1e.100, first at index 1"),
        ("heads.r1.sizes", [5, 1, 4], "head r1: sizes add up to 10, but there are 9 nodes"),
        ("heads.r1.left.0", 0, "head r1: left: child not above its parent or outside its tree, first at index 0"),
        ("heads.r1.right.0", 5, "head r1: right: child not above its parent or outside its tree"),
        ("heads.r1.right.0", 1, "head r1: left, right: a node needs one parent"),
        ("heads.r1.left.1", 3, "head r1: left: a leaf has a child, first at index 1"),
        ("heads.r1.cover.0", 0, "head r1: cover: an inner node without rows"),
        ("heads.r1.cover.3", 2, "head r1: cover: not the sum of the children's, first at index 2"),
        ("heads.r1.linear", ..., "heads.r1: key 'linear' is missing"),
        ("heads.r1.linear", [], r"heads.r1.linear: \[\] is list, want dict"),
        ("heads.r1.linear", {}, "heads.r1.linear: key 'centre' is missing"),
        ("heads.r1.linear.clip", 9.0, "heads.r1.linear: unknown key 'clip'"),
        ("heads.r1.linear.feature", [3, 0], "linear feature: not rising numbers from 0"),
        ("heads.r1.linear.feature.0", -1, "linear feature: not rising numbers from 0"),
        ("heads.r1.linear.feature.1", 4, "heads.r1.feature: 4, but there are 4 features"),
        ("heads.r1.linear.feature.1", 3.0, r"heads.r1.linear.feature\[1\]: 3.0 is float, want int"),
        ("heads.r1.linear.feature.1", 2**60, r"heads.r1.linear.feature\[1\]: a number that is not finite or beyond"),
        ("heads.r1.linear.centre", [0.0], "linear centre: not one finite number"),
        ("heads.r1.linear.centre.0", None, r"heads.r1.linear.centre\[0\]: None is NoneType, want float or int"),
        ("heads.r1.linear.scale.0", 0, "linear scale, mean: a scale that is not above 0"),
        ("heads.r1.linear.weight.0", "inf", "linear weight: not one finite number within 1e.100 a feature"),
        ("heads.r1.linear.weight.0", 1e101, "linear weight: not one finite number"),
        ("heads.r1.linear.weight", 0.5, "heads.r1.linear.weight: 0.5 is float, want list"),
        ("heads.r1.linear.mean.0", -4.5, "a mean beyond 4"),
        ("calibrators.r2", ..., "calibrators .*: key 'r2' is missing"),
        ("calibrators.\ud800", {"kind": "none"}, "calibrators .*: unknown key"),
        ("calibrators.r1.later", {}, "calibrators.r1: a calibrator of kind venn-abers has exactly the keys"),
        ("calibrators.r1.kind", "spline", "calibrators.r1: calibrator kind 'spline'"),
        ("calibrators.r1.kind", "isotonic", "calibrators.r1: a calibrator of kind isotonic has exactly the keys"),
        ("calibrators.r1", None, "calibrators.r1: calibrator kind None"),
        ("calibrators.r1.x.1", -0.5, "calibrators.r1: calibrator of kind venn-abers: x does not rise"),
        ("calibrators.r1.x.1", "inf", r"calibrators.r1: calibrator x\[…\]='inf' is not a number"),
        ("calibrators.r1.x", [0.0], "calibrators.r1: .* do not fit each other in length"),
        ("calibrators.r1.low.0", 0.2, "calibrators.r1: .* not probabilities that rise"),
        ("calibrators.r1.low.3", 2, "calibrators.r1: .* not probabilities that rise"),
        ("calibrators.r1.high", [0.0] * 4, "calibrators.r1: .* low above high"),
        ("calibrators.r1.high", [0.5] * 100_001, "calibrators.r1: calibrator high: not a list of at most 100000"),
        ("calibrators.r2.b", 1.5, "calibrators.r2: constant calibrator b=1.5 is not a probability"),
        ("calibrators.r2.b", 10**400, "calibrators.r2: calibrator b=.* is not a number within"),
        ("policies", [], "policies: .* is list, want dict"),
        ("policies", {}, "policy: 'anytime' is not one of the policies"),
        ("policies.rule", ..., "there is no 'rule' among them"),
        ("policies.rule", None, "policies.rule: a policy has exactly the keys"),
        ("policies.rule.code", "x", "policies.rule: a policy has exactly the keys"),
        ("policies.rule.kind", "anytime", "policies: 'rule' is not the kind of the policy"),
        ("policies.rule.kind", {}, "policies.rule: policy kind {}"),
        ("policies.later", {}, "policies.later: a policy has exactly the keys"),
        ("policies.anytime.turns", [[0, 0.1], [0, 0.2]], r"policies.anytime: .* \(0, 0.2\) is no step"),
        ("policies.anytime.turns.0.0", -1, r"policies.anytime: .* \(-1, 0.25\) is no step"),
        ("policies.anytime.turns.1.0", 2**60, r"policies.anytime.turns\[1\]\[0\]: a number that is not finite or bey"),
        ("policies.anytime.turns.0.1", "inf", r"policies.anytime: .* \(0, 'inf'\) is no step"),
        ("policies.anytime.turns.0", 0, "policies.anytime: .* a list of pairs"),
        ("policies.anytime.end", "\ud800", r"policies.anytime: .* end '\\ud800' is no threshold"),
        ("policies.anytime.end", 2**60, "policies.anytime.end: a number that is not finite or beyond"),
        ("policies.anytime.end", 10**400, "policies.anytime: .* is no threshold"),
        ("policies.anytime.latch", 1, "policies.anytime: a policy's latch and allow_stop are true or false"),
        ("policies.anytime.promise", [], "policies.anytime: a policy's promise is an object or null"),
        ("policies.anytime.promise", {"a": NEST}, "policies.anytime.promise.a.*: nested deeper than 16"),
        ("policies.anytime.promise", {"a": "\udc00"}, "policies.anytime.promise.a: a lone surrogate"),
        ("policy", "fixed", "policy: 'fixed' is not one of the policies"),
        ("policy", None, "policy: None is NoneType, want str"),
        ("costs.value", 0, "costs.value: not above 0"),
        ("costs.strong", -1.0, "costs.strong: -1.0 is below 0"),
        ("costs.weak_remaining", [[1, 0.1], [1, 0.2]], r"costs.weak_remaining\[1\]: turn 1 does not follow 1"),
        ("costs.weak_remaining", [[1]], r"costs.weak_remaining\[0\]: not a pair"),
        ("costs.handover", "later", "costs.handover: 'later', known are restart, handover"),
        ("references", [], "references: .* is list, want dict"),
        ("references", {}, "references: there is none"),
        ("references.", [], r"references\.: a reference: \[\] is list, want dict"),
        ("references.", None, r"references\.: a reference: None is NoneType, want dict"),
        ("references.later", {}, r"references\.later: a reference: key 'limit' is missing"),
        ("references.\ud800", {}, "references"),
        ("references.\ud800", GOOD_REFERENCE, "references, a name: .* is not a name of 1 to 200 printable"),
        ("references.a\nb", GOOD_REFERENCE, "references, a name: .* is not a name of 1 to 200 printable"),
        ("references." + "a" * 201, GOOD_REFERENCE, "references, a name: .* is not a name of 1 to 200 printable"),
        ("references..code", "x", r"references\.: a reference: unknown key 'code'"),
        ("references..quantiles", [None], r"references\.\.quantiles: 1 entries for 4 features"),
        ("references..quantiles", [], r"references\.\.quantiles: 0 entries for 4 features"),
        ("references..quantiles", {}, r"references\.: quantiles: {} is dict, want list"),
        ("references..quantiles.0", [0.5], r"references\.: quantiles\[0\]: want 21 finite numbers"),
        ("references..quantiles.0", 5, r"references\.: quantiles\[0\]: 5 is int, want list"),
        ("references..quantiles.0.3", None, r"references\.: quantiles\[0\]\[3\]: None is NoneType, want float or int"),
        ("references..quantiles.0.3", True, r"references\.: quantiles\[0\]\[3\]: True is bool, want float or int"),
        ("references..quantiles.0.20", "inf", r"references\.: quantiles\[0\]: want 21 finite numbers"),
        ("references..quantiles.0.20", 1.1e100, r"references\.: quantiles: a feature has either none or 21 numbers"),
        ("references..quantiles.0.3", 41, r"references\.: quantiles: they do not rise"),
        ("references..limit", True, r"references\.: limit: True is bool, want int"),
        ("references..limit", -1, r"references\.: limit: -1 is below 0"),
        ("references..limit", 2.0, r"references\.: limit: 2.0 is float, want int"),
        ("references..runs", 2**60, r"references\.: runs: a number that is not finite or beyond"),
        ("references..runs", ..., r"references\.: a reference: key 'runs' is missing"),
        ("references..shifts", [], r"references\.: shifts: \[\] is list, want dict"),
        ("references..shifts", {"r3": 0.5}, r"references\.\.shifts: unknown key 'r3'"),
        ("references..shifts", {"c9": 0.5}, r"references\.\.shifts: unknown key 'c9'"),
        ("references..shifts", {"r1": "inf"}, r"references\.: shifts\.r1: 'inf' is str, want a number"),
        ("references..shifts", {"r1": -1.1e100}, r"references\.: shifts\.r1: beyond 1e\+100"),
        ("references..shifts", {"\ud800": 0.5}, r"references\.\.shifts: unknown key '\\ud800'"),
        ("references..shifts", {"\ud800": "x"}, r"references\.: shifts\."),
        ("importances.nosuch", {}, "importances: 'nosuch' is not one of the features"),
        ("importances.edits_files.gain", ..., "importances.edits_files: key 'gain' is missing"),
        ("metrics", [], "metrics: .* is list, want dict"),
        ("metrics.deep", NEST, "metrics.deep.*: nested deeper than 16"),
        ("provenance.seed", 2**70, "provenance.seed: a number that is not finite or beyond"),
        ("provenance.who", "\udc00", "provenance.who: a lone surrogate"),
        ("flags.0", "\udc00", r"flags\[0\]: a lone surrogate"),
    ],
)
def test_a_forged_file_is_refused_with_the_place(path: str, value: Any, words: str) -> None:
    data = forged(put(path, value))
    with pytest.raises(BundleError, match=words) as caught:
        Bundle.from_bytes(data)
    assert len(str(caught.value).encode()) < 400


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a featrouter bundle"),
        (pickle.dumps({"model": 1}), "not a featrouter bundle .*pickle"),
        (b"\x1f\x8b\x08joblib", "not a featrouter bundle"),
        (b"[1]", "not a featrouter bundle"),
        (b"tree\nversion=v4\n", "not a featrouter bundle"),
        (b"{}", "not a featrouter bundle: format is None"),
        (b'{"a": 1, "a": 2}', "key 'a' stands twice"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON: Exceeds the limit"),
        (b'{"a": "\xff"}', "not valid JSON: 'utf-8' codec"),
        (b'{"a":' * 10_000, "nested too deep"),
        (b'{"a":' + b"[" * 99_000, "nested too deep"),
        (b'{"a":' + b"[" * 200_000, "more than 100000 objects, lists, keys and texts"),
        (b"{" + b'"":0,' * 200_000, "more than 100000 objects, lists, keys and texts"),
        (b"{" + b" " * MAX_BYTES, "more than 8388608 bytes"),
    ],
    ids=range(16),
)
def test_what_is_no_bundle_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        Bundle.from_bytes(data)


def test_no_depth_escapes() -> None:
    for depth in range(500, 1100):  # Python's own limit lies somewhere here
        with pytest.raises(BundleError, match=r"format is|recursion|nested"):
            Bundle.from_bytes(b'{"format":' + b"[" * depth + b"]" * depth + b"}")


def test_a_seal_is_text() -> None:
    with pytest.raises(BundleError, match="seal: 5 is int, want str"):
        Bundle.from_bytes(re.sub(rb'\n"seal": "\w+"', b'\n"seal": 5', GOOD))


def test_an_overflowing_number_is_refused() -> None:
    data = reseal(GOOD.replace(b'"threshold": [0.1,', b'"threshold": [1e999,'))
    with pytest.raises(BundleError, match=r"heads.c1.threshold\[0\]: a number that is not finite"):
        Bundle.from_bytes(data)
