"""A trained router as one data-only JSON file: written whole or not at all, and believed only after checks."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from featrouter import plain
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest
from featrouter.decision import LEAST_VALUE, MOST_USD
from featrouter.head import Head
from featrouter.linear import LINEAR, Linear
from featrouter.policy import Policy
from featrouter.reference import Reference

FORMAT, VERSION = "featrouter-bundle", 3
#: Larger files, and those of more objects, lists, keys and texts, are refused unread: some would take minutes and gigabytes.
MAX_BYTES, MAX_PARTS = 8 * 2**20, 100_000
HANDOVERS = ("restart", "handover")
IMPORTANCES = ("gain", "split", "permutation", "shap")

_INTEGERS, _FLOATS = ("sizes", "feature", "left", "right", "cover"), ("threshold", "value")
_HEAD = ("link", "intercept", "linear", "default_left", *_INTEGERS, *_FLOATS)
_HEAD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_Part = TypeVar("_Part")
_DIGEST = re.compile(r"[0-9a-f]{8,128}")
# Only the outermost keys begin their line, and no JSON string holds a newline: this stands once in a file.
_SEAL = '\n"seal": "{}"'


class BundleError(ValueError):
    """A bundle that cannot be believed: what is wrong, at which key, and what to do."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """All that a Router serves. A Bundle that exists is sound: the constructor refuses (BundleError) what is not.

    Two bundles are the same when their `to_bytes()` are.
    """

    #: model input names, in the order of a row
    features: tuple[str, ...]
    #: hex digest of the feature catalogue the model was trained with
    catalogue: str
    #: by name, kept in sorted order: r1, r2 (logit), c1, c2 (identity)
    heads: dict[str, Head]
    #: one for every logit head
    calibrators: dict[str, Calibrator]
    #: value: USD a solved task is worth; strong: mean USD of a strong run or None; weak_remaining: [turn, usd] knots
    #: sorted by turn; handover: "restart" or "handover"
    costs: dict[str, Any]
    #: by name, "rule" always among them; `policy` is the one that is followed unless the user asks for another
    policies: dict[str, Policy]
    policy: str
    #: by harness, at least one: heads read what a value is among that harness's, never the value itself
    references: dict[str, Reference]
    #: feature -> {gain, split, permutation, shap}, each a number or None
    importances: dict[str, dict[str, float | None]] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    #: words to the user
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            _check(self)
        except ValueError as error:
            raise BundleError(str(error)) from error
        object.__setattr__(self, "heads", dict(sorted(self.heads.items())))

    def to_bytes(self) -> bytes:
        """The file: sorted keys, a line a key and a line a head's array, a trailing newline; deterministic."""
        data = {item.name: getattr(self, item.name) for item in fields(self)} | {"format": FORMAT, "version": VERSION}
        data["heads"] = {name: _head_data(head) for name, head in self.heads.items()}
        data["calibrators"] = {name: calibrator.as_dict() for name, calibrator in self.calibrators.items()}
        data["policies"] = {name: policy.as_dict() for name, policy in self.policies.items()}
        data["references"] = {name: reference.as_dict() for name, reference in self.references.items()}
        blank = plain.lines(data | {"seal": ""}, depth=3) + "\n"
        return blank.replace(_SEAL.format(""), _SEAL.format(hashlib.sha256(blank.encode()).hexdigest())).encode()

    @classmethod
    def from_bytes(cls, data: bytes, *, known_features: Collection[str] | None = None) -> Bundle:
        """Read what `to_bytes` wrote. BundleError, and nothing else, for any other bytes.

        The seal (SHA-256 of the file with a blank seal) finds damage, not malice: the checks do not rely on it.
        `known_features`: the names this installation can compute; a bundle that wants others is refused.
        """
        _check_size(data)
        if not data.startswith(b"{"):
            raise BundleError("not a featrouter bundle (JSON, which pickle and joblib files are not); train one")
        try:
            bundle = _read(data)
        except BundleError:
            raise
        except (ValueError, RecursionError) as error:  # the repr in an error may nest too deep
            raise BundleError(f"{error}; the file is damaged or forged, fetch or train it again") from error
        if known_features is not None and (unknown := sorted(set(bundle.features) - set(known_features))):
            raise BundleError(f"features: {len(unknown)} unknown here, such as {unknown[0]!r}; upgrade or train again")
        return bundle

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], sha256: str | None = None, *, known_features: Collection[str] | None = None
    ) -> Bundle:
        """Read a file; `sha256` (hex, of the whole file) pins which one. BundleError for all that may be wrong."""
        try:
            if not os.path.isfile(path):
                raise BundleError("no such file; train a bundle or give the path of one")
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
            if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256.lower():
                raise BundleError("its sha256 is not the one asked for: take the right file, or pin this one")
            return cls.from_bytes(data, known_features=known_features)
        except BundleError as error:
            raise BundleError(f"{os.fspath(path)!r}: {error}") from error
        except (OSError, ValueError) as error:
            raise BundleError(f"{os.fspath(path)!r}: cannot be read ({error})") from error

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from featrouter.notebook import table  # nobody else needs it

        told = self.provenance
        about = [("harnesses", ", ".join(sorted(self.references)) or "none is named"), ("policy", self.policy)]
        about += [(name, told[name]) for name in ("runs", "tasks", "weak_models", "strong_model") if name in told]
        about += [("value of a solved task, USD", self.costs["value"]), *(("flag", flag) for flag in self.flags)]
        top = sorted(self.importances.items(), key=lambda item: -(item[1]["shap"] or 0.0))[:10]
        heads = [
            (
                name,
                self.calibrators[name].kind if name in self.calibrators else "",
                *map(_gained(self, name).get, _TOLD),
            )
            for name in self.heads
        ]
        return (
            table("featrouter bundle", about)
            + table("heads, on runs held out", heads, ("head", "calibration", *_TOLD))
            + table("features that carry most", [(name, row["shap"]) for name, row in top], ("feature", "mean |SHAP|"))
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file atomically: after a crash at any moment `path` is the old file or the new one.

        OSError; BundleError for one that is too large to be read back.
        """
        from featrouter import atomic  # a process that only routes saves nothing

        data = self.to_bytes()
        _check_size(data)
        atomic.write(path, data)


_TOLD = ("auroc", "auroc_ci", "logloss_gain", "logloss_gain_ci")


def _gained(bundle: Bundle, head: str) -> dict[str, Any]:
    """A head's metrics, which are free-form."""
    found = bundle.metrics.get(head)
    return {name: found.get(name, "") if isinstance(found, dict) else "" for name in _TOLD}


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise BundleError(f"more than {MAX_BYTES} bytes; a bundle never is that large")
    if sum(map(data.count, (b"{", b"[", b":"))) + data.count(b'"') // 2 > MAX_PARTS:
        raise BundleError(f"more than {MAX_PARTS} objects, lists, keys and texts; a bundle never has so many")


def refuse_outdated(bundle: Bundle, name: object = "This bundle") -> None:
    """BundleError, in words that say what to do, when a bundle was trained with another catalogue of features."""
    if bundle.catalogue != digest():
        raise BundleError(
            f"{name} was trained with an earlier catalogue of features, and their names and meanings have changed. "
            "Train it again from the same turns and runs files: featrouter train LOGS -o BUNDLE. Features files of "
            "that time must be extracted again, too: featrouter extract LOGS -o FEATURES."
        )


def _read(data: bytes) -> Bundle:
    found = plain.parse(data)
    if found.get("format") != FORMAT:
        raise BundleError(f"not a featrouter bundle: format is {found.get('format')!r:.60}, not {FORMAT!r}; train one")
    if type(found.get("version")) is not int or found["version"] != VERSION:
        raise BundleError(
            f"version is {found.get('version')!r:.60}, this featrouter reads {VERSION}; upgrade it, or train again"
        )
    names = [item.name for item in fields(Bundle)]
    plain.keys(found, "the bundle", [*names, "format", "version", "seal"])
    seal = plain.typed(found["seal"], str, "seal")
    blank = data.replace(_SEAL.format(seal).encode(errors="replace"), _SEAL.format("").encode(), 1)
    if hashlib.sha256(blank).hexdigest() != seal:
        raise ValueError("seal: is not that of the content")
    values = {name: found[name] for name in names}
    for key in ("features", "flags"):
        values[key] = tuple(plain.typed(found[key], list, key))
    heads = plain.typed(found["heads"], dict, "heads")
    values["heads"] = {name: _head(name, head) for name, head in heads.items()}
    calibrators = plain.typed(found["calibrators"], dict, "calibrators")
    values["calibrators"] = {n: _made(Calibrator.from_dict, v, f"calibrators.{n}") for n, v in calibrators.items()}
    policies = plain.typed(found["policies"], dict, "policies")
    values["policies"] = {
        name: _made(Policy.from_dict, value, f"policies.{plain.shown(name)}") for name, value in policies.items()
    }
    references = plain.typed(found["references"], dict, "references")
    values["references"] = {
        n: _made(Reference.from_dict, v, f"references.{plain.shown(n)}") for n, v in references.items()
    }
    return Bundle(**values)


def _head(name: str, value: Any) -> Head:
    if not _HEAD_NAME.fullmatch(name):
        raise ValueError(f"heads: {name!r:.60} is not a name such as 'r1'")
    where = f"heads.{name}"
    found = plain.keys(value, where, _HEAD)
    arrays: dict[str, Any] = {key: plain.integers(found[key], f"{where}.{key}") for key in _INTEGERS}
    arrays |= {key: plain.floats(found[key], f"{where}.{key}") for key in _FLOATS}
    arrays["default_left"] = plain.booleans(found["default_left"], f"{where}.default_left")
    link, intercept = plain.typed(found["link"], str, f"{where}.link"), found["intercept"]
    line = None if found["linear"] is None else _linear(found["linear"], f"{where}.linear")
    return Head(name, link, **arrays, intercept=plain.number(intercept, f"{where}.intercept"), linear=line)


def _linear(value: Any, where: str) -> Linear:
    found = plain.keys(value, where, LINEAR)
    arrays: dict[str, Any] = {key: plain.floats(found[key], f"{where}.{key}") for key in LINEAR if key != "feature"}
    return Linear(plain.integers(found["feature"], f"{where}.feature"), **arrays)


def _head_data(head: Head) -> dict[str, Any]:
    data = {key: getattr(head, key).tolist() for key in (*_INTEGERS, "default_left")}
    data |= {key: plain.listed(getattr(head, key).tolist()) for key in _FLOATS}
    line = None if head.linear is None else {key: getattr(head.linear, key).tolist() for key in LINEAR}
    return data | {"link": head.link, "intercept": head.intercept, "linear": line}


def _made(make: Callable[[Any], _Part], value: Any, where: str) -> _Part:
    try:
        return make(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _check(bundle: Bundle) -> None:
    for index, name in enumerate(bundle.features):
        plain.text(name, f"features[{index}]")
    if not bundle.features or len(set(bundle.features)) != len(bundle.features):
        raise ValueError("features: empty, or a name stands twice")
    if not _DIGEST.fullmatch(plain.typed(bundle.catalogue, str, "catalogue")):
        raise ValueError("catalogue: not a hex digest")
    if not bundle.heads:
        raise ValueError("heads: there is none")
    for name, head in bundle.heads.items():
        if head.name != name or not _HEAD_NAME.fullmatch(name):
            raise ValueError(f"heads: {name!r:.60} is not the head's name, or not one such as 'r1'")
        if head.reach >= len(bundle.features):
            raise ValueError(f"heads.{name}.feature: {head.reach}, but there are {len(bundle.features)} features")
    logits = [name for name, head in bundle.heads.items() if head.link == "logit"]
    for name, calibrator in plain.keys(bundle.calibrators, "calibrators (of the logit heads)", logits).items():
        plain.typed(calibrator, Calibrator, f"calibrators.{name}")
    for name, policy in plain.typed(bundle.policies, dict, "policies").items():
        if plain.typed(policy, Policy, f"policies.{name}").kind != name:
            raise ValueError(f"policies: {name!r:.60} is not the kind of the policy")
        plain.free(policy.as_dict(), f"policies.{name}")
    if "rule" not in bundle.policies or plain.typed(bundle.policy, str, "policy") not in bundle.policies:
        raise ValueError(f"policy: {bundle.policy!r:.60} is not one of the policies, or there is no 'rule' among them")
    _check_costs(plain.keys(bundle.costs, "costs", ("value", "strong", "weak_remaining", "handover")))
    _check_references(bundle)
    for name, kinds in plain.typed(bundle.importances, dict, "importances").items():
        if name not in bundle.features:
            raise ValueError(f"importances: {name!r:.60} is not one of the features")
        for kind, value in plain.keys(kinds, f"importances.{name}", IMPORTANCES).items():
            if value is not None:
                plain.number(value, f"importances.{name}.{kind}")
    for key in ("metrics", "provenance"):
        plain.free(plain.typed(getattr(bundle, key), dict, key), key)
    for index, words in enumerate(bundle.flags):
        plain.free(plain.typed(words, str, f"flags[{index}]"), f"flags[{index}]")


def _check_costs(costs: dict[str, Any]) -> None:
    if plain.number(costs["value"], "costs.value") < LEAST_VALUE:
        raise ValueError(f"costs.value: not above 0, or below {LEAST_VALUE:g}")
    if costs["strong"] is not None and plain.number(costs["strong"], "costs.strong", low=0) > MOST_USD:
        raise ValueError(f"costs.strong: above {MOST_USD:g}")
    before = -1.0
    for index, knot in enumerate(plain.typed(costs["weak_remaining"], list, "costs.weak_remaining")):
        where = f"costs.weak_remaining[{index}]"
        if not isinstance(knot, (list, tuple)) or len(knot) != 2:
            raise ValueError(f"{where}: not a pair [turn, usd]")
        turn, usd = plain.number(knot[0], where, low=0), plain.number(knot[1], where, low=0)
        if turn <= before:
            raise ValueError(f"{where}: turn {turn} does not follow {before}")
        if usd > MOST_USD:
            raise ValueError(f"{where}: {usd} USD are above {MOST_USD:g}")
        before = turn
    if costs["handover"] not in HANDOVERS:
        raise ValueError(f"costs.handover: {costs['handover']!r:.60}, known are {', '.join(HANDOVERS)}")


def _check_references(bundle: Bundle) -> None:
    for name, reference in plain.typed(bundle.references, dict, "references").items():
        where = f"references.{plain.shown(name)}"
        if name:  # logs may leave the harness blank
            plain.text(name, "references, a name")
        told = plain.typed(reference, Reference, where)
        if len(told.quantiles) != len(bundle.features):
            raise ValueError(f"{where}.quantiles: {len(told.quantiles)} entries for {len(bundle.features)} features")
        plain.keys(dict.fromkeys(bundle.heads) | told.shifts, f"{where}.shifts", bundle.heads)
    if not bundle.references:
        raise ValueError("references: there is none")
