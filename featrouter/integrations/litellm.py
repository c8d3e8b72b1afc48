"""LiteLLM, proxy and SDK: a routing plugin, a pre-call hook for versions without plugins, and the log of both.

`plugin` and `hook`, made on first use, are what the environment describes (settings.py); README.md beside this file has the
lines to paste.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import litellm
from litellm.integrations.custom_logger import CustomLogger

from featrouter.decision import Costs
from featrouter.integrations import settings
from featrouter.integrations.escalator import Escalator, Usage
from featrouter.integrations.identity import conversation_of, task_of
from featrouter.messages import portable, trajectory_of
from featrouter.messages.parts import get
from featrouter.session import noted
from featrouter.trajectory import Turn

#: Under this name the decision stands in a plugin's `signals`, and in the metadata of a request.
NAME = "featrouter"
_METADATA = ("litellm_metadata", "metadata")


class FeatRouter(CustomLogger):  # type: ignore[misc]  # the host's class, of which nothing is typed
    """Sends a conversation to the weak model until the router escalates, and from then on to the strong one.

    As a plugin (`router_settings.plugins`): of the deployments under one model name, the `litellm_params.model` of the
    first is the weak one, of the last the strong one, unless `weak` and `strong` name them; another group is left alone.
    As a callback (`litellm_settings.callbacks`): keeps the log, and lets no reasoning follow that only the weak model's
    vendor can read. With `hook`, for versions of LiteLLM that have no plugins, requests for the model name `weak` are sent
    to the model name `strong` instead. Nothing that goes wrong in here reaches a request: it takes the default.
    """

    def __init__(self, escalator: Escalator, *, weak: str = "", strong: str = "", hook: bool = False) -> None:
        super().__init__()
        if hook and not (weak and strong):
            raise ValueError("the pre-call hook must know both model names: set FEATROUTER_WEAK and FEATROUTER_STRONG")
        self._escalator = escalator
        self._weak, self._strong = weak, strong
        self._hook = hook
        self._prices: dict[str, float] = {}

    async def run(self, context: Any) -> Any:
        """The routing plugin: leaves one of the two models among the candidates, and the decision in the signals."""
        try:
            candidates = list(context.candidate_models)
            weak, strong = self._weak or candidates[0], self._strong or candidates[-1]
            if weak != strong and weak in candidates and strong in candidates:
                told = self._decide(
                    context.raw_messages or context.structured_messages, "", context.metadata, (weak, strong)
                )
                context.signals[NAME] = told
                kept = {weak, strong} - {told["model"]} if _last_attempt(context.metadata) else {told["model"]}
                context.candidate_models = list(kept)
        except Exception as error:
            noted(error)
        return context

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: str) -> Any:
        """The hook of every version: names another model, where it is to choose."""
        try:
            if self._hook and data.get("model") == self._weak:
                metadata = next((data[name] for name in _METADATA if isinstance(data.get(name), Mapping)), None)
                key = {"user_api_key_hash": getattr(user_api_key_dict, "api_key", None)}
                messages = data.get("messages") or _items(data.get("input"))
                system = data.get("system") or data.get("instructions")
                told = self._decide(messages, system, {**(metadata or {}), **key}, (self._weak, self._strong))
                data["model"] = told["model"]
                for name in _METADATA:
                    if name in data or name == "metadata":
                        data[name] = {**(data.get(name) or {}), NAME: told}
        except Exception as error:
            noted(error)
        return data

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> dict[str, Any] | None:
        """Before the chosen deployment is called: the weak model's own reasoning stays with it."""
        try:
            told = self._told(kwargs)
            if told and told["handed_over"] is not None:
                for name in ("messages", "input"):
                    if isinstance(kwargs.get(name), list):
                        kwargs[name] = portable(kwargs[name], told["handed_over"])
        except Exception as error:
            noted(error)
        return kwargs

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """After the answer: what it took, and whether it ended the run, for the log and the next decision."""
        try:
            told = self._told(kwargs.get("litellm_params") or {}) or self._told(kwargs)
            if told:
                answer, standard = _answer(response_obj), kwargs.get("standard_logging_object") or {}
                usage = Usage(
                    standard.get("prompt_tokens"),
                    standard.get("completion_tokens"),
                    kwargs.get("response_cost"),
                    _seconds(start_time, end_time),
                )
                final = answer.thought if answer and not answer.calls else None
                self._escalator.answered(told["run"], told["turn"] + 1, usage, final=final)
        except Exception as error:
            noted(error)

    def _decide(
        self, messages: Sequence[Any], system: object, metadata: Mapping[str, Any], models: tuple[str, str]
    ) -> dict[str, Any]:
        run = conversation_of(messages, system, metadata)
        costs = self._costs(models[1])
        route = self._escalator.decide(messages, run, task_id=task_of(metadata), models=models, costs=costs)
        return {"model": models[route.escalate], **route.as_dict()}

    def _costs(self, strong: str) -> Costs | None:
        """The router's costs with what LiteLLM's price list asks for a conversation that no cache holds; None as they are."""
        router = self._escalator.router
        if router.costs.handover or router.policy.promise:
            return None
        if strong not in self._prices:
            self._prices[strong] = _price(strong)
        return replace(router.costs, handover=self._prices[strong]) if self._prices[strong] else None

    def _told(self, kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """The decision of a request, found in what LiteLLM hands on of it."""
        for name in _METADATA:
            metadata = get(kwargs, name)
            found = get(metadata if self._hook else get(metadata, "routing_plugin_signals"), NAME)
            if isinstance(found, dict):
                return found
        return None


def _price(model: str) -> float:
    """USD per million prompt tokens; 0 where LiteLLM knows none."""
    try:
        return float(litellm.get_model_info(model).get("input_cost_per_token") or 0.0) * 1e6
    except Exception:  # LiteLLM raises one of several for a model that it does not know
        return 0.0


def _last_attempt(metadata: Mapping[str, Any]) -> bool:
    """Whether the request has failed so often that the other model should answer it, if only this once."""
    tried, most = metadata.get("attempted_retries"), metadata.get("max_retries")
    return isinstance(tried, int) and tried > 0 and tried >= (most if isinstance(most, int) else 1)


def _answer(response: Any) -> Turn | None:
    """The turn that a response begins, of whichever API."""
    choices, output = get(response, "choices"), get(response, "output")
    said = [get(choices[0], "message")] if choices else output if isinstance(output, list) else [response]
    turns = trajectory_of(said).turns
    return turns[-1] if turns else None


def _items(given: Any) -> list[Any]:
    """Responses' `input`: a text is a user message."""
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def _seconds(start: Any, end: Any) -> float | None:
    took = end - start if isinstance(start, datetime) and isinstance(end, datetime) else None
    return took.total_seconds() if isinstance(took, timedelta) else None


def __getattr__(name: str) -> FeatRouter:
    if name not in ("plugin", "hook"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    weak, strong = settings.models()
    made = FeatRouter(settings.escalator(), weak=weak, strong=strong, hook=name == "hook")
    globals()[name] = made
    return made
