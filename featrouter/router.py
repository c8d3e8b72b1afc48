"""Router: a loaded bundle, shared by threads. It never raises in the loop of whoever it serves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.bundle import Bundle, BundleError
from featrouter.catalogue import digest, feature_set
from featrouter.decision import CHOICES, Costs, Decision
from featrouter.messages import trajectory_of
from featrouter.reference import Reference
from featrouter.resources import resource
from featrouter.session import Session, Stage, safely
from featrouter.trajectory import Trajectory


class Router:
    """A trained router. Immutable: threads may share it, and a hot swap is one assignment.

    `costs`: what the user is willing to pay (see Costs); the bundle's own estimates fill what is not given.
    `default`: the choice when the numbers cannot be trusted. `guard=False` trusts rows unlike any training row.
    `harness`: whose runs these are, where the bundle knows several; of one that it does not know nothing can be said, and
    every decision is the default until the bundle is adapted (featrouter adapt).
    `policy`: one of the bundle's policies by name; without it the one it was trained for. `epsilon`: the share of
    decisions that explore, choosing evenly between the arms; the draw depends on `seed` and on what was observed
    alone, so the same run asked again at the same turn draws the same. ValueError for what is none of these.

    A policy that made a promise on harm never stops, does not explore, and escalates what cannot be trusted.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        harness: str | None = None,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> None:
        if default not in CHOICES:
            raise ValueError(f"default must be one of {', '.join(CHOICES)}, not {default!r}")
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon is the share of decisions that explore, 0 to 1, not {epsilon!r:.40}")
        name = policy or bundle.policy
        if name not in bundle.policies:
            raise ValueError(f"policy {name!r:.40} is not in this bundle; it has {', '.join(sorted(bundle.policies))}")
        if epsilon and bundle.policies[name].promise:
            raise ValueError(f"policy {name} made a promise on harm, which leaves no room for exploring: drop epsilon")
        if bundle.catalogue != digest():
            raise BundleError(
                "this bundle was trained with another feature catalogue, so its features mean something else: "
                "train it again (featrouter train)"
            )
        self.bundle = bundle
        self.costs = costs or Costs()
        self.default = default
        self.policy = bundle.policies[name]
        self.epsilon = epsilon
        self.seed = seed
        self._guarded = guard
        known = {name: index for index, name in enumerate(feature_set().names)}
        unknown = [name for name in bundle.features if name not in known]
        if unknown:
            raise BundleError(f"this bundle wants the feature {unknown[0]!r}, which this version does not compute")
        self._columns: npt.NDArray[np.intp] = np.array([known[name] for name in bundle.features])
        self._stages = {False: Stage(bundle, ended=False), True: Stage(bundle, ended=True)}
        self.harness = harness

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        sha256: str | None = None,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        harness: str | None = None,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> Router:
        """Open a bundle; without `path` the shipped default. `sha256` pins the file. Raises BundleError."""
        path = resource("models/default/default.featrouter") if path is None else path
        bundle = Bundle.load(path, sha256)
        return cls(
            bundle,
            costs=costs,
            default=default,
            guard=guard,
            harness=harness,
            policy=policy,
            epsilon=epsilon,
            seed=seed,
        )

    def session(
        self, task: str = "", *, costs: Costs | None = None, run: str = "", harness: str | None = None
    ) -> Session:
        """One agent run on one task (its problem text), on the router's harness or another that the bundle knows.

        `run` names it where the router explores: runs of one name and task draw alike. Without either, by chance.
        """
        return Session(self, task, costs or self.costs, run, self.harness if harness is None else harness)

    def decide(
        self,
        messages: Sequence[Mapping[str, Any]] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
        harness: str | None = None,
    ) -> Decision:
        """The decision after the last turn of a message list (OpenAI, Anthropic, Responses) or a trajectory."""
        return self.replay(messages, task=task, costs=costs, run=run, harness=harness).decide()

    def replay(
        self,
        messages: Sequence[Mapping[str, Any]] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
        harness: str | None = None,
    ) -> Session:
        """A session that has observed all turns of a message list or a trajectory.

        A router that explores has decided at the start and after each turn on the way, as if asked there.
        """

        def checked() -> Trajectory:
            told = messages if isinstance(messages, Trajectory) else trajectory_of(messages)
            return Trajectory(task or told.task, tuple(told), bool(told.ended))

        read = safely(checked)
        text = read.task if isinstance(read, Trajectory) else ""
        session = self.session(text, costs=costs, run=run, harness=harness)
        if isinstance(read, Trajectory):
            for turn in read:
                if self.epsilon:
                    session.decide()
                session.observe(turn)
            if read.ended:
                if self.epsilon:
                    session.decide()
                session.end()
        else:
            session.failed = f"messages could not be read: {read}"
        return session

    def reference(self, harness: str | None) -> Reference | str:
        """What is known of a harness, or in words why nothing is. Without a name: the only one the bundle knows."""
        known = self.bundle.references
        if harness is None and len(known) == 1:
            return next(iter(known.values()))
        if isinstance(harness, str) and harness in known:
            return known[harness]
        names = ", ".join(repr(name) for name in sorted(known))
        told = "no harness is named" if harness is None else f"harness {harness!r:.60} is not known to this bundle"
        return f"{told}: give harness= one of {names}, or fit it to your own runs (featrouter adapt)"
