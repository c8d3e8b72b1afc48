"""mini-swe-agent: a model that is the weak one until the router escalates, and then the strong one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from minisweagent.models import get_model

from featrouter.importers.mini_swe_agent import trajectory_of
from featrouter.integrations.escalator import Escalator, Route
from featrouter.messages import portable
from featrouter.session import noted


class EscalatingModel:
    """`model_class: featrouter.integrations.mini_swe_agent.EscalatingModel`; `weak` and `strong` are models' configurations.

    Without an `escalator`, one is loaded with `options`, those of Escalator.load. Nothing that goes wrong in here
    reaches the agent. The decision stands in every answer's `extra.featrouter`, and the route under `info.featrouter`.
    """

    def __init__(
        self,
        *,
        weak: Mapping[str, Any],
        strong: Mapping[str, Any],
        model_name: str = "featrouter",
        escalator: Escalator | None = None,
        **options: Any,
    ) -> None:
        self._models = [get_model(config=dict(config)) for config in (weak, strong)]
        self._names = (self._models[0].config.model_name, self._models[1].config.model_name)
        self.config = SimpleNamespace(model_name=model_name)
        self._escalator = escalator or Escalator.load(**options)
        self._run = ""
        self._route: Route | None = None
        #: Who answers, and since how many messages, if it is the strong one.
        self._on, self._cut = self._models[0], 0

    def query(self, messages: list[dict[str, Any]], **named: Any) -> dict[str, Any]:
        """One answer of the model that is on."""
        route = self._routed(messages)
        if route and route.escalate:
            if self._on is self._models[0]:
                self._on, self._cut = self._models[1], len(messages)
            weak = [left for message in messages[: self._cut] if (left := _portable(message))]
            messages = weak + messages[self._cut :]
        answer: dict[str, Any] = self._on.query(messages, **named)
        if route:
            answer["extra"] = {**answer.get("extra", {}), "featrouter": route.as_dict()}
        return answer

    def format_message(self, **named: Any) -> dict[str, Any]:
        """As the model that is on wants it; both are of one kind."""
        told: dict[str, Any] = self._on.format_message(**named)
        return told

    def format_observation_messages(self, message: Any, outputs: Any, template_vars: Any = None) -> list[Any]:
        """As the model that is on wants it, which wrote the message."""
        told: list[Any] = self._on.format_observation_messages(message, outputs, template_vars)
        return told

    def get_template_vars(self, **named: Any) -> dict[str, Any]:
        """Those of the model that is on."""
        return {**self._on.get_template_vars(**named), "model_name": self.config.model_name}

    def serialize(self) -> dict[str, Any]:
        """What a trajectory says of its model: both configurations, and the route."""
        weak, strong = (model.serialize()["info"]["config"] for model in self._models)
        model = {"model_name": self.config.model_name, "weak": weak.get("model"), "strong": strong.get("model")}
        kind = f"{type(self).__module__}.{type(self).__name__}"
        route = self._route
        told: dict[str, Any] = {"weak_model": self._names[0], "strong_model": self._names[1]}
        if route:
            told |= {
                "route": "strong" if route.escalate else "weak",
                "route_turn": route.handed_over,
                "propensity": route.decision.propensity,
            }
        return {"info": {"config": {"model": model, "model_type": kind}, "featrouter": told}}

    def _routed(self, messages: list[dict[str, Any]]) -> Route | None:
        try:
            read = trajectory_of(messages)
            if not len(read):  # another run begins
                self._run, self._on, self._cut = uuid.uuid4().hex, self._models[0], 0
            self._route = self._escalator.decide(read, self._run, models=self._names)
            return self._route
        except Exception as error:
            noted(error)
            return self._route


def _portable(message: dict[str, Any]) -> dict[str, Any] | None:
    """The message without reasoning that only its writer can read; None for one that was nothing else."""
    if isinstance(message.get("output"), list):
        return {**message, "output": portable(message["output"])}
    left = portable([message])
    return left[0] if left else None
