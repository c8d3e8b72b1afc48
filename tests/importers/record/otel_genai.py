"""OTel GenAI spans as OTLP JSON lines (by opentelemetry-exporter-otlp-json-file), of agents with a fake OpenAI server.

Run: PYTHON-WITH-pydantic-ai-slim[openai]-opentelemetry-exporter-otlp-json-file-opentelemetry-instrumentation-openai-v2-
openinference-instrumentation-openai-AND-pytest otel_genai.py
"""

import itertools
import json
import os
import tempfile
from pathlib import Path

os.environ |= {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
}

from fake_model import TASK, FakeModel, make_repo, replace, save, shell, tidy, turn
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import IdGenerator, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

SYSTEM = "You repair small programs in /tmp/repo."
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": n,
            "parameters": {"type": "object", "properties": {p: {"type": "string"} for p in ps}, "required": ps},
        },
    }
    for n, ps in (("bash", ["command"]), ("edit", ["path", "old", "new"]))
]


class Ids(IdGenerator):
    def __init__(self):
        self.n = itertools.count(1)

    def generate_span_id(self):
        return 0xA000000000000000 + next(self.n)

    def generate_trace_id(self):
        return 0xB0000000000000000000000000000000 + next(self.n)


TEST = ("bash", {"command": "python -m pytest -q --tb=no"})
SHORT = [
    turn("I look, and test.", ("bash", {"command": "head -5 durations.py"}), TEST, think="An hour is probably wrong."),
    turn("", ("edit", {"path": "durations.py", "old": '"hour": 360', "new": '"hour": 3600'})),
    turn("It is written h there.", ("edit", {"path": "durations.py", "old": '"h": 360}', "new": '"h": 3600}'}), TEST),
    turn("An hour counts 3600 seconds now."),
]
GIVES_UP = [SHORT[1], turn("I could not find out why the hours are wrong.")]


def record(name, agent, script=SHORT):
    path = Path(tempfile.mkdtemp()) / "traces.jsonl"
    provider = TracerProvider(resource=Resource({"service.name": "repairs"}), id_generator=Ids())
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    make_repo()
    with FakeModel(script) as fake:
        agent(fake.url + "/v1", provider)
    provider.shutdown()
    save(
        "otel",
        f"{name}.otlp.jsonl",
        tidy(
            path.read_text(),
            also=[
                (r'("exception.stacktrace", ?"value": ?\{"stringValue": ?)"(?:[^"\\]|\\.)*"', r'\g<1>"(removed)"'),
                (r'("server.port", ?"value": ?\{"intValue": ?"?)\d+', r"\g<1>8000"),
            ],
        ),
    )


def pydantic_ai(version):
    def run(url, provider):
        from pydantic_ai import Agent, InstrumentationSettings, ModelRetry
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        settings = InstrumentationSettings(tracer_provider=provider, version=version)
        model = OpenAIChatModel("gpt-4.1-mini", provider=OpenAIProvider(base_url=url, api_key="dummy"))
        from pydantic_ai.capabilities import Instrumentation

        agent = Agent(model, system_prompt=SYSTEM, name="repairs", capabilities=[Instrumentation(settings)])

        @agent.tool_plain(retries=3)
        def bash(command: str) -> str:
            code, out = shell(command)
            return f"{out}[exit code {code}]"

        @agent.tool_plain(retries=3)
        def edit(path: str, old: str, new: str) -> str:
            if not replace(path, old, new):
                raise ModelRetry("There is no such text in the file.")
            return "Edited."

        print(agent.run_sync(TASK).output)

    return run


def plain_loop(instrumentor, **options):
    """The openai client in a loop of our own, instrumented by a library; the tools leave no spans."""

    def run(url, provider):
        from openai import OpenAI

        instrument = instrumentor()
        instrument.instrument(tracer_provider=provider, **options)
        client = OpenAI(base_url=url, api_key="dummy")
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}]
        while True:
            answer = (
                client.chat.completions.create(model="gpt-4.1-mini", messages=messages, tools=TOOLS).choices[0].message
            )
            messages.append(answer.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
            for call in answer.tool_calls or []:
                arguments = json.loads(call.function.arguments)
                if call.function.name == "bash":
                    code, text = shell(**arguments)
                    text = f"{text}[exit code {code}]"
                else:
                    text = "Edited." if replace(**arguments) else "Error: there is no such text in the file."
                messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
            if not answer.tool_calls:
                break
        instrument.uninstrument()
        save("openai-chat", "plain-loop.json", tidy(json.dumps(messages, indent=1)))

    return run


if __name__ == "__main__":
    from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as OpenAIv2

    record("pydantic-ai-v5", pydantic_ai(5), [SHORT[0], SHORT[2], SHORT[3]])
    record("pydantic-ai-v6", pydantic_ai(6), GIVES_UP)
    record("openai-v2", plain_loop(OpenAIv2))
    record("openinference-openai", plain_loop(OpenInference))
