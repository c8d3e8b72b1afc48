# ruff: noqa: B023, E501, E731 - run by hand, in the environment of the tool that it records
"""Langfuse: spans as its SDK sends them (OTLP JSON), and observations and scores as the API and the exports show them.

Run: PYTHON-WITH-langfuse-openai-opentelemetry-exporter-otlp-json-file-AND-pytest langfuse_export.py      (5.0.4 here)
There is no Langfuse server here: the rows are made of the spans by this script, in the SDK's own API types; the columns of JSONL and CSV
are those types' names in snake_case.
"""

import csv
import io
import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from fake_model import TASK, FakeModel, make_repo, replace, save, shell, tidy
from otel_genai import SHORT, SYSTEM, TOOLS, Ids


def record():
    from langfuse import Langfuse, propagate_attributes
    from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter

    path = Path(tempfile.mkdtemp()) / "traces.jsonl"
    langfuse = Langfuse(
        public_key="pk-lf-dummy",
        secret_key="sk-lf-dummy",
        base_url="http://127.0.0.1:9",
        environment="ci",
        release="r1",
        id_generator=Ids(),
        span_exporter=FileSpanExporter(path),
    )
    from langfuse.openai import OpenAI

    make_repo()
    with FakeModel(SHORT) as fake:
        client = OpenAI(base_url=fake.url + "/v1", api_key="dummy")
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}]
        with (
            langfuse.start_as_current_observation(as_type="agent", name="repairs", input=TASK) as root,
            propagate_attributes(session_id="session-1", user_id="user-1", tags=["nightly"]),
        ):
            while True:
                answer = (
                    client.chat.completions.create(model="gpt-4.1-mini", messages=messages, tools=TOOLS)
                    .choices[0]
                    .message
                )
                messages.append(answer.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
                for call in answer.tool_calls or []:
                    arguments = json.loads(call.function.arguments)
                    with langfuse.start_as_current_observation(
                        as_type="tool", name=call.function.name, input=arguments
                    ) as span:
                        if call.function.name == "bash":
                            code, text = shell(**arguments)
                            text = f"{text}[exit code {code}]"
                        elif replace(**arguments):
                            text = "Edited."
                        else:
                            text = "Error: there is no such text in the file."
                            span.update(level="ERROR", status_message=text)
                        span.update(output=text)
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
                if not answer.tool_calls:
                    break
            root.update(output=answer.content)
    langfuse.flush()
    return tidy(path.read_text())


def value(v):
    kind, x = next(iter(v.items()))
    return [value(i) for i in x.get("values", [])] if kind == "arrayValue" else int(x) if kind == "intValue" else x


def parsed(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def observations(text):
    from langfuse.api.commons.types.observation_v2 import ObservationV2

    def when(ns):
        return datetime.fromtimestamp(int(ns) / 1e9, UTC)

    for line in text.splitlines():
        for span in [s for r in json.loads(line)["resourceSpans"] for sc in r["scopeSpans"] for s in sc["spans"]]:
            a = {x["key"]: value(x["value"]) for x in span["attributes"]}
            get = lambda k: a.get(f"langfuse.observation.{k}")
            start, end = when(span["startTimeUnixNano"]), when(span["endTimeUnixNano"])
            usage = parsed(get("usage_details") or "{}")
            usage = (
                {
                    k: usage.get(n)
                    for k, n in (("input", "prompt_tokens"), ("output", "completion_tokens"), ("total", "total_tokens"))
                }
                if usage
                else None
            )
            cost = usage and {"input": usage["input"] * 4e-7, "output": usage["output"] * 1.6e-6}
            yield ObservationV2(
                id=span["spanId"],
                trace_id=span["traceId"],
                parent_observation_id=span.get("parentSpanId"),
                project_id="project-1",
                type=get("type").upper(),
                start_time=start,
                end_time=end,
                name=span["name"],
                level=get("level") or "DEFAULT",
                status_message=get("status_message"),
                environment="ci",
                session_id=a.get("session.id"),
                user_id=a.get("user.id"),
                input=get("input") and parsed(get("input")),
                output=get("output") and parsed(get("output")),
                metadata={},
                model=get("model.name"),
                model_parameters=parsed(get("model.parameters")),
                usage_details=usage,
                cost_details=cost and cost | {"total": sum(cost.values())},
                total_cost=cost and sum(cost.values()),
                latency=(end - start).total_seconds(),
                is_root_observation=not span.get("parentSpanId"),
                tags=["nightly"],
                release="r1",
                created_at=end,
                updated_at=end,
            )


def to_csv(rows):
    out = io.StringIO()
    w = csv.DictWriter(out, list(rows[0]), quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    w.writeheader()
    w.writerows({k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in r.items()} for r in rows)
    return out.getvalue()


if __name__ == "__main__":
    from langfuse.api.observations.types.observations_v2meta import ObservationsV2Meta
    from langfuse.api.observations.types.observations_v2response import ObservationsV2Response

    text = record()
    save("otel", "langfuse-sdk.otlp.jsonl", text)
    rows = sorted(observations(text), key=lambda o: (o.start_time, o.id))
    page = ObservationsV2Response(data=rows, meta=ObservationsV2Meta())
    save("langfuse", "api.observations.json", json.dumps(json.loads(page.json()), indent=1))
    flat = [
        {re.sub("[A-Z]", lambda m: "_" + m[0].lower(), k): v for k, v in o.items()}
        for o in json.loads(page.json())["data"]
    ]
    save("langfuse", "observations_v2.jsonl", "".join(json.dumps(r) + "\n" for r in flat))
    save("langfuse", "observations.csv", to_csv(flat))
    common = {
        "id": "score-1",
        "trace_id": rows[0].trace_id,
        "session_id": "session-1",
        "name": "resolved",
        "source": "API",
        "value": 1,
        "string_value": "True",
        "data_type": "BOOLEAN",
        "timestamp": rows[-1].end_time.isoformat(),
        "environment": "ci",
        "observation_id": None,
        "comment": "tests passed",
    }
    save("langfuse", "scores.jsonl", json.dumps(common))
