"""A model's server on the loopback, of three APIs, that works on any task with a fixed number of tool calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

TOKENS = (1000, 20)
Body = dict[str, Any]
#: What a model says to a request: a thought, and the command that it wants run, or None when it is done.
Mind = Callable[[Body, int], tuple[str, str | None]]


def patient(steps: int) -> Mind:
    """Looks around `steps` times, then is done."""
    return lambda body, done: (f"step {done}", f"echo step {done}" if done < steps else None)


class Upstream:
    """Serves OpenAI chat completions and Responses, and Anthropic messages, streamed or not; or is `down`.

    Keeps every request.
    """

    def __init__(self, name: str, mind: Mind, tool: str = "bash", argument: str = "command") -> None:
        self.name, self.mind = name, mind
        self._tool, self._argument = tool, argument
        self.requests: list[Body] = []
        self.down = False
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                upstream.requests.append(body)
                kind, data = ("text/plain", b"down") if upstream.down else upstream.answer(self.path, body)
                self.send_response(500 if upstream.down else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Upstream:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: Body) -> tuple[str, bytes]:
        messages = body.get("messages") or body.get("input") or []
        done = sum(_results(message) for message in messages if isinstance(message, dict))
        thought, command = self.mind(body, done)
        thought = f"{self.name}: {thought}"
        api = _responses if path.endswith("/responses") else _anthropic if path.endswith("/messages") else _openai
        call = None if command is None else (self._tool, {self._argument: command})
        whole, events = api(self.name, done, thought, call)
        if not body.get("stream"):
            return "application/json", json.dumps(whole).encode()
        lines = (
            f"event: {name}\ndata: {json.dumps(event)}\n\n" if name else f"data: {event}\n\n" for name, event in events
        )
        return "text/event-stream", "".join(lines).encode()


def _results(message: Body) -> int:
    if message.get("role") == "tool" or message.get("type") == "function_call_output":
        return 1
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return sum(block.get("type") == "tool_result" for block in blocks if isinstance(block, dict))


#: The tool's name and arguments, or nothing.
Asked = tuple[str, Body] | None
Answer = tuple[Body, Iterator[tuple[str, Any]]]


def _openai(model: str, number: int, thought: str, asked: Asked) -> Answer:
    message: Body = {"role": "assistant", "content": thought}
    if asked:
        function = {"name": asked[0], "arguments": json.dumps(asked[1])}
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
    stop = "tool_calls" if asked else "stop"
    usage = {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}
    frame = {"id": f"c{number}", "created": 1, "model": model}
    whole = {
        **frame,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
        "usage": usage,
    }

    def events() -> Iterator[tuple[str, Any]]:
        deltas: list[Body] = [{"role": "assistant", "content": ""}, {"content": thought}]
        for call in message.get("tool_calls", ()):
            function = call["function"]
            deltas.append({"tool_calls": [{**call, "index": 0, "function": {**function, "arguments": ""}}]})
            deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": function["arguments"]}}]})
        for delta in (*deltas, {}):
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else stop}
            chunk = {**frame, "object": "chat.completion.chunk", "choices": [choice], "usage": None if delta else usage}
            yield "", json.dumps(chunk)
        yield "", "[DONE]"

    return whole, events()


def _anthropic(model: str, number: int, thought: str, asked: Asked) -> Answer:
    think = {"type": "thinking", "thinking": "hm", "signature": f"sealed by {model}"}
    content: list[Body] = [think, {"type": "text", "text": thought}]
    if asked:
        content.append({"type": "tool_use", "id": f"toolu_{number}", "name": asked[0], "input": asked[1]})
    stop = "tool_use" if asked else "end_turn"
    usage = {"input_tokens": TOKENS[0], "output_tokens": TOKENS[1]}
    frame = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "stop_sequence": None}
    whole = {**frame, "content": content, "stop_reason": stop, "usage": usage}

    def events() -> Iterator[tuple[str, Any]]:
        started = {
            **frame,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": TOKENS[0], "output_tokens": 1},
        }
        yield "message_start", {"type": "message_start", "message": started}
        for index, block in enumerate(content):
            kind = block["type"]
            empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}[
                kind
            ]
            deltas = {
                "thinking": [
                    {"type": "thinking_delta", "thinking": block.get("thinking")},
                    {"type": "signature_delta", "signature": block.get("signature")},
                ],
                "text": [{"type": "text_delta", "text": block.get("text")}],
                "tool_use": [{"type": "input_json_delta", "partial_json": json.dumps(block.get("input"))}],
            }[kind]
            yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": block | empty}
            for delta in deltas:
                yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
            yield "content_block_stop", {"type": "content_block_stop", "index": index}
        ended = {"stop_reason": stop, "stop_sequence": None}
        yield "message_delta", {"type": "message_delta", "delta": ended, "usage": {"output_tokens": TOKENS[1]}}
        yield "message_stop", {"type": "message_stop"}

    return whole, events()


def _responses(model: str, number: int, thought: str, asked: Asked) -> Answer:
    said = {"type": "output_text", "text": thought, "annotations": []}
    output: list[Body] = [
        {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [said]}
    ]
    if asked:
        call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": asked[0]}
        output.append({**call, "arguments": json.dumps(asked[1]), "status": "completed"})
    usage = {"input_tokens": TOKENS[0], "output_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}
    whole = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }

    def events() -> Iterator[tuple[str, Any]]:
        yield (
            "response.created",
            {"type": "response.created", "sequence_number": 0, "response": {**whole, "output": []}},
        )
        for index, item in enumerate(output):
            told = {
                "type": "response.output_item.done",
                "sequence_number": index + 1,
                "output_index": index,
                "item": item,
            }
            yield "response.output_item.done", told
        last = len(output) + 1
        yield "response.completed", {"type": "response.completed", "sequence_number": last, "response": whole}

    return whole, events()
