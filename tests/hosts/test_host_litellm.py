"""A real LiteLLM proxy between an agent and two models on the loopback: who answers what, and what is logged of it."""

# host: litellm
from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, escalating
from tests.hosts.proxy import KEY, PRICES, Proxy, deployment, logged, serving
from tests.hosts.upstream import TOKENS, Upstream, patient

if importlib.util.find_spec("litellm") is None:  # importing it would look for prices on the network
    pytest.skip("litellm is not installed here; .ci/hosts runs this", allow_module_level=True)

#: The strong model takes over after so many turns, and both are done after STEPS.
TURN, STEPS = 2, 4
USD = {name: TOKENS[0] * prices[0] + TOKENS[1] * prices[1] for name, prices in PRICES.items()}


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    with Upstream("weak", patient(STEPS)) as weak, Upstream("strong", patient(STEPS)) as strong:
        yield {"weak": weak, "strong": strong}


@pytest.fixture(scope="module", params=["plugin", "hook"])
def proxy(
    request: pytest.FixtureRequest, upstreams: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Proxy, Path]]:
    """As README says to paste it: the plugin, and for older versions the pre-call hook."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        "FEATROUTER_BUNDLE": str(escalating(folder / "agent.featrouter", TURN)),
        "FEATROUTER_HARNESS": HARNESS,
        "FEATROUTER_LOG": str(folder / "log"),
    }
    import yaml  # the host's

    config = yaml.safe_load(readme.block("litellm" if request.param == "plugin" else "litellm-hook"))
    names = [entry["model_name"] for entry in config["model_list"]]
    if request.param == "hook":
        (folder / "featrouter_hook.py").write_text(readme.block("litellm-hook-file"), encoding="utf-8")
        environment |= {"FEATROUTER_WEAK": names[0], "FEATROUTER_STRONG": names[1]}
    config |= {"general_settings": {"master_key": KEY}}
    config["model_list"] = [
        deployment(names[0], "hosted_vllm/weak", upstreams["weak"].url + "/v1"),
        deployment(names[1], "anthropic/strong", upstreams["strong"].url),
        deployment("alone", "hosted_vllm/weak", upstreams["weak"].url + "/v1"),
    ]
    with serving(config, folder, environment) as served:
        yield served, folder


PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}}}
#: The one tool, as each API declares it.
BASH = {"name": "bash", "description": "Runs a command."}
TOOLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": {**BASH, "parameters": PARAMETERS}}],
    "anthropic": [{**BASH, "input_schema": PARAMETERS}],
    "responses": [{"type": "function", **BASH, "parameters": PARAMETERS}],
}
Step = Callable[[Proxy, list[Any], dict[str, str]], tuple[list[Any], str, str | None]]


def chat(stream: bool) -> Step:
    def step(proxy: Proxy, messages: list[Any], headers: dict[str, str]) -> tuple[list[Any], str, str | None]:
        body = {"model": "agent", "messages": messages, "stream": stream, "max_tokens": 2000, "tools": TOOLS["chat"]}
        told = proxy.post("/v1/chat/completions", body, headers)
        if not stream:
            message = told["choices"][0]["message"]
            calls = message.get("tool_calls") or []
            return [message], message["content"], calls[0]["id"] if calls else None
        deltas = [event["choices"][0]["delta"] for event in told if event["choices"]]
        content = "".join(delta.get("content") or "" for delta in deltas)
        pieces = [call for delta in deltas for call in delta.get("tool_calls") or ()]
        if not pieces:
            return [{"role": "assistant", "content": content}], content, None
        arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces)
        call = {"id": pieces[0]["id"], "type": "function", "function": {"name": "bash", "arguments": arguments}}
        return [{"role": "assistant", "content": content, "tool_calls": [call]}], content, call["id"]

    return step


def anthropic(proxy: Proxy, messages: list[Any], headers: dict[str, str]) -> tuple[list[Any], str, str | None]:
    """What Claude Code does: everything streamed, thinking and tool use as blocks."""
    body = {"model": "agent", "messages": messages, "stream": True, "max_tokens": 2000, "system": "you work"}
    body["tools"] = TOOLS["anthropic"]
    events = proxy.post("/v1/messages", body, {"anthropic-version": "2023-06-01", **headers})
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        assert event["type"] != "error", event
        if event["type"] == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"], partial="")
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for name in ("text", "thinking", "signature"):
                if name in delta:
                    block[name] = block.get(name, "") + delta[name]
            block["partial"] += delta.get("partial_json", "")
    content = []
    for block in blocks.values():
        partial = block.pop("partial")
        content.append(block | {"input": json.loads(partial)} if partial else block)
    said = "".join(block.get("text", "") for block in content)
    used = [block["id"] for block in content if block["type"] == "tool_use"]
    return [{"role": "assistant", "content": content}], said, used[0] if used else None


def responses(stream: bool) -> Step:
    def step(proxy: Proxy, items: list[Any], headers: dict[str, str]) -> tuple[list[Any], str, str | None]:
        body = {
            "model": "agent",
            "input": items,
            "instructions": "you work",
            "stream": stream,
            "tools": TOOLS["responses"],
        }
        told = proxy.post("/v1/responses", body, headers)
        if stream:
            told = next(event["response"] for event in told if event["type"] == "response.completed")
        output = told["output"]
        said = "".join(part["text"] for item in output if item["type"] == "message" for part in item["content"])
        calls = [item["call_id"] for item in output if item["type"] == "function_call"]
        return output, said, calls[0] if calls else None

    return step


def result(api: str, identity: str, seen: str) -> Any:
    if api.startswith("anthropic"):
        block = {"type": "tool_result", "tool_use_id": identity, "content": seen}
        return {"role": "user", "content": [block]}
    if api.startswith("responses"):
        return {"type": "function_call_output", "call_id": identity, "output": seen}
    return {"role": "tool", "tool_call_id": identity, "content": seen}


APIS: dict[str, Step] = {
    "chat": chat(False),
    "chat streamed": chat(True),
    "anthropic streamed": anthropic,
    "responses": responses(False),
    "responses streamed": responses(True),
}
EXPECTED = ["weak"] * TURN + ["strong"] * (STEPS + 1 - TURN)


def run(api: str, proxy: Proxy, headers: dict[str, str], task: str) -> list[str]:
    """An agent's loop; who answered at each step, by the first word of what it said."""
    messages: list[Any] = [{"role": "user", "content": task}]
    spoke = []
    for number in range(STEPS + 1):
        said, text, asked = APIS[api](proxy, messages, headers)
        spoke.append(text.partition(":")[0])
        messages += said
        if asked is None:
            return spoke
        messages.append(result(api, asked, f"saw {number}"))
    raise AssertionError("it was never done")


@pytest.mark.parametrize("api", APIS)
def test_a_conversation_goes_to_the_strong_model_and_stays_there(
    api: str, proxy: tuple[Proxy, Path], upstreams: dict[str, Upstream]
) -> None:
    served, folder = proxy
    before = len(upstreams["strong"].requests)
    name = f"run of {api}"
    assert run(api, served, {"x-featrouter-run": name, "x-featrouter-task": "t-1"}, f"fix {api}") == EXPECTED
    logs = logged(folder / "log", {name}, STEPS + 1)
    told, (trajectory,) = logs.runs[name], [t for r, t in logs.trajectories() if r.run_id == name]
    assert (told.task_id, told.task, told.harness) == ("t-1", f"fix {api}", HARNESS)
    assert (told.route, told.route_turn, told.propensity, told.takeover) == ("strong", TURN, 1.0, None)
    assert told.weak_model.endswith("weak" if "plugin" in str(folder) else "agent")
    assert told.cost_weak == pytest.approx(TURN * USD["weak"])
    assert told.cost_strong == pytest.approx((STEPS + 1 - TURN) * USD["strong"])
    assert len(trajectory) == TURN
    for number, turn in enumerate(trajectory):
        (call,) = turn.each_call()
        assert turn.thought == f"weak: step {number}"
        assert json.loads(call.action) == {"command": f"echo step {number}"} and call.tool == "bash"
        assert call.observation == f"saw {number}"
        assert (turn.prompt_tokens, turn.completion_tokens, turn.cost) == (*TOKENS, pytest.approx(USD["weak"]))
        assert turn.latency and turn.latency > 0
    sent = json.dumps([request["messages"] for request in upstreams["strong"].requests[before:]])
    assert "sealed by weak" not in sent


def test_conversations_without_a_name_are_told_apart_by_how_they_begin(proxy: tuple[Proxy, Path]) -> None:
    served, _ = proxy
    assert run("chat", served, {}, "one task") == EXPECTED
    assert run("chat", served, {}, "another task") == EXPECTED
    session = {"X-Claude-Code-Session-Id": "a-session"}
    assert run("anthropic streamed", served, session, "the first thing asked") == EXPECTED
    assert run("anthropic streamed", served, session, "a title for it, please") == EXPECTED


def test_a_model_without_a_stronger_one_is_left_alone(proxy: tuple[Proxy, Path]) -> None:
    served, folder = proxy
    body = {"model": "alone", "messages": [{"role": "user", "content": "hello"}]}
    told = served.post("/v1/chat/completions", body, {"x-featrouter-run": "left alone"})
    assert told["choices"][0]["message"]["content"].startswith("weak")
    assert "left alone" not in Logs([folder / "log"]).runs


def test_hostile_messages_are_answered_all_the_same(proxy: tuple[Proxy, Path]) -> None:
    """What the models' servers accept, they get: the router stands in no request's way."""
    served, _ = proxy
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    odd: list[Any] = [
        {"role": "tool", "tool_call_id": "nobody", "content": "lost"},
        {"role": "assistant", "content": ""},
    ]
    odd += [{"role": "user", "content": [part, {"type": "text", "text": "x" * 300_000}]}] * 2
    told = served.post("/v1/chat/completions", {"model": "agent", "messages": odd})
    assert told["choices"][0]["message"]["content"]


def test_where_the_weak_model_is_down_the_request_is_answered_all_the_same(
    proxy: tuple[Proxy, Path], upstreams: dict[str, Upstream]
) -> None:
    """LiteLLM tries again; its last attempt goes to the other model."""
    served, folder = proxy
    if "hook" in str(folder):
        pytest.skip("two model names: that is what LiteLLM's own fallbacks are for")
    upstreams["weak"].down = True
    try:
        for number in range(4):
            body = {"model": "agent", "messages": [{"role": "user", "content": f"hello {number}"}], "max_tokens": 99}
            told = served.post("/v1/chat/completions", body)
            assert told["choices"][0]["message"]["content"].startswith("strong")
    finally:
        upstreams["weak"].down = False


def test_the_prompt_cache_that_a_switch_loses_is_priced_by_litellms_list(tmp_path: Path) -> None:
    from litellm import get_model_info

    from featrouter.integrations.escalator import Escalator
    from featrouter.integrations.litellm import NAME, FeatRouter

    bundle, model = escalating(tmp_path / "b", None), "anthropic/claude-sonnet-4-5"
    price = get_model_info(model)["input_cost_per_token"]
    assert price

    def c2(strong: str, **options: float) -> float:
        messages = [{"role": "user", "content": "x" * 4000}]
        candidates = ["openai/small", strong]
        context = SimpleNamespace(raw_messages=messages, candidate_models=candidates, metadata={}, signals={})
        asyncio.run(FeatRouter(Escalator.load(bundle, harness=HARNESS, **options)).run(context))
        assert context.candidate_models == ["openai/small"]
        return float(context.signals[NAME]["c2"])

    plain = c2("nobody/knows-it")
    assert c2(model) - plain == pytest.approx(1000 * price)
    assert c2(model, handover=50.0) - plain == pytest.approx(1000 * 50e-6)


def test_the_sdks_router_takes_the_same_plugin(
    upstreams: dict[str, Upstream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import litellm

    bundle = escalating(tmp_path / "mine.featrouter", TURN)
    monkeypatch.chdir(tmp_path)
    entries = [
        deployment("agent", "hosted_vllm/weak", upstreams["weak"].url + "/v1"),
        deployment("agent", "anthropic/strong", upstreams["strong"].url),
    ]
    made: dict[str, Any] = {"model_list": entries}
    exec(readme.block("litellm-sdk"), made)
    assert bundle.exists()
    router, plugin = made["router"], made["plugin"]
    monkeypatch.setattr(litellm, "callbacks", [plugin])
    before = len(upstreams["strong"].requests)

    async def converse() -> list[str]:
        messages: list[Any] = [{"role": "user", "content": "fix it"}]
        spoke = []
        for number in range(STEPS + 1):
            answer = await router.acompletion("agent", messages, max_tokens=99, tools=TOOLS["chat"])
            message = answer.choices[0].message
            spoke.append(str(message.content).partition(":")[0])
            messages.append(message.model_dump())
            for call in message.tool_calls or ():
                messages.append(result("chat", call.id, f"saw {number}"))
        return spoke

    assert asyncio.run(converse()) == EXPECTED
    assert "sealed by weak" not in json.dumps(upstreams["strong"].requests[before:])
    (run,) = Logs([tmp_path / "log"]).runs.values()
    assert (run.route, run.route_turn) == ("strong", TURN)
