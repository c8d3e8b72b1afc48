# ruff: noqa: E501, E731, SIM115 - run by hand, in the environment of the tool that it records
"""LiteLLM_SpendLogs as CSV: a real proxy with a fake OpenAI server, its own get_logging_payload, a real Postgres table and COPY.

Run: unshare -n PYTHON-WITH-litellm[proxy]-AND-pytest litellm_spend_logs.py    (1.108.7; needs Postgres' binaries; prisma's engine is not
to be had here, so a callback asks the proxy for the row that it would write, and psql writes it into the table of its own migrations)
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from fake_model import TASK, FakeModel, make_repo, replace, save, shell, steps, tidy, turn

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
WORK = Path("/tmp/spend")
PG = max(Path("/usr/lib/postgresql").glob("*/bin"))
SYSTEM = "You repair small programs in /tmp/repo."
CALLBACK = """
import json
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

class Rows(CustomLogger):
    def write(self, *a):
        open("/tmp/spend/rows.jsonl", "a").write(json.dumps(get_logging_payload(*a), default=str) + "\\n")
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, response_obj, start_time, end_time)
    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        kwargs["litellm_params"]["metadata"]["status"] = "failure"  # as the proxy's own hook does
        self.write(kwargs | {"completion_start_time": end_time}, response_obj or {}, start_time, end_time)

rows = Rows()
"""


def post(path, body, session):
    head = {
        "Content-Type": "application/json",
        "Authorization": "Bearer sk-dummy",
        "x-litellm-session-id": session,
        "x-litellm-tags": "repairs,nightly",
    }
    request = urllib.request.Request(f"http://127.0.0.1:4000{path}", json.dumps(body).encode(), head)
    return json.loads(urllib.request.urlopen(request, timeout=60).read())


def run_tool(name, arguments):
    if name == "bash":
        code, text = shell(**arguments)
        return f"{text}[exit code {code}]"
    return "Edited." if replace(**arguments) else "Error: there is no such text in the file."


def chat_agent(session, script):
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}]
    tools = [
        {"type": "function", "function": {"name": n, "parameters": {"type": "object", "properties": {}}}}
        for n in ("bash", "edit")
    ]
    while True:
        answer = post(
            "/v1/chat/completions", {"model": "coder", "messages": messages, "tools": tools, "user": "team-a"}, session
        )["choices"][0]["message"]
        messages.append({k: v for k, v in answer.items() if v is not None and k in ("role", "content", "tool_calls")})
        for call in answer.get("tool_calls") or []:
            text = run_tool(call["function"]["name"], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        if not answer.get("tool_calls"):
            return


def anthropic_agent(session, script):
    messages = [{"role": "user", "content": TASK}]
    tools = [{"name": n, "input_schema": {"type": "object", "properties": {}}} for n in ("bash", "edit")]
    for _ in script:
        answer = post(
            "/v1/messages",
            {"model": "coder", "max_tokens": 500, "system": SYSTEM, "messages": messages, "tools": tools},
            session,
        )
        calls = [b for b in answer["content"] if b["type"] == "tool_use"]
        messages += [
            {"role": "assistant", "content": answer["content"]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": c["id"], "content": run_tool(c["name"], c["input"])}
                    for c in calls
                ],
            },
        ]


def responses_agent(session, script):
    items = [{"role": "user", "content": TASK}]
    tools = [
        {"type": "function", "name": n, "parameters": {"type": "object", "properties": {}}} for n in ("bash", "edit")
    ]
    for _ in script:
        answer = post(
            "/v1/responses", {"model": "coder", "instructions": SYSTEM, "input": items, "tools": tools}, session
        )
        items += [{k: v for k, v in i.items() if v is not None} for i in answer["output"]]
        items += [
            {
                "type": "function_call_output",
                "call_id": i["call_id"],
                "output": run_tool(i["name"], json.loads(i["arguments"])),
            }
            for i in answer["output"]
            if i["type"] == "function_call"
        ]


AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def pg(*command, **more):
    return subprocess.run([*AS_POSTGRES, *command], check=True, capture_output=True, text=True, **more).stdout


def slim(row):
    """Without LiteLLM's price table and the internals that it adds to the request, which are the same in each row."""
    from litellm.constants import LITELLM_TRUNCATION_DB_SAFEGUARD_NOTE

    meta, request = json.loads(row["metadata"]), json.loads(row["proxy_server_request"] or "{}")
    meta["model_map_information"] = "(removed)"
    if meta.get("error_information"):
        meta["error_information"] = {
            k: "(removed)" if k in ("traceback", "error_message") else v for k, v in meta["error_information"].items()
        }
    for k in ("metadata", "litellm_metadata"):
        if k in request:
            request[k] = {n: v for n, v in request[k].items() if n in ("tags", "session_id")}
    text = json.dumps(request).replace(LITELLM_TRUNCATION_DB_SAFEGUARD_NOTE, "(removed)")
    return row | {"metadata": json.dumps(meta), "proxy_server_request": text, "request_duration_ms": 50}


def to_csv(rows):
    import litellm_proxy_extras

    data = WORK / "pg"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    pg(str(PG / "initdb"), "-D", str(data))
    start = [
        str(PG / "pg_ctl"),
        "-D",
        str(data),
        "-w",
        "-l",
        str(data / "log"),
        "-o",
        f"-c listen_addresses='' -k {data}",
        "start",
    ]
    subprocess.run([*AS_POSTGRES, *start], check=True, stdout=subprocess.DEVNULL)
    try:
        sql = lambda text: pg("psql", "-h", str(data), "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1", input=text)
        for f in sorted(Path(litellm_proxy_extras.__file__).parent.glob("migrations/*/migration.sql")):
            for statement in re.sub(r"^\s*--.*$", "", f.read_text(), flags=re.M).split(";"):
                if re.match(r'\s*(CREATE|ALTER) TABLE (IF NOT EXISTS )?"LiteLLM_SpendLogs"', statement):
                    sql(statement + ";")
        columns = sql(
            "select column_name from information_schema.columns where table_name = 'LiteLLM_SpendLogs' order by ordinal_position"
        ).split()
        for row in rows:
            row = {k: v for k, v in row.items() if k in columns and v is not None}
            for k in ("metadata", "request_tags", "messages", "response", "proxy_server_request"):
                row[k] = json.loads(row[k]) if isinstance(row.get(k), str) else row.get(k) or {}
            names = ", ".join(f'"{k}"' for k in row)
            text = json.dumps(row).replace("'", "''")
            sql(
                f"""insert into "LiteLLM_SpendLogs" ({names}) select {names} from json_populate_record(null::"LiteLLM_SpendLogs", '{text}');"""
            )
        if "updated_at" in columns:
            sql('update "LiteLLM_SpendLogs" set updated_at = "endTime", created_at = "endTime"')
        return sql('copy (select * from "LiteLLM_SpendLogs" order by "startTime") to stdout with (format csv, header)')
    finally:
        pg(str(PG / "pg_ctl"), "-D", str(data), "-m", "fast", "stop")


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    make_repo()
    (Path("/tmp/repo") / "notes.txt").write_text("".join(f"note {i}: hours are written h\n" for i in range(120)))
    script = steps()
    chat = [turn("", *script[0]["calls"], ("bash", {"command": "cat notes.txt"})), turn("An hour is wrong in UNITS.")]
    messages = [script[3], turn("It counts 3600 now.")]
    responses = [turn("", ("bash", {"command": "git diff --stat"})), turn("Only one line changed.")]
    with FakeModel(chat + messages + responses + [turn() | {"status": 400}], port=8000) as fake:
        config = {
            "model_list": [
                {
                    "model_name": "coder",
                    "litellm_params": {
                        "model": "openai/gpt-4.1-mini",
                        "api_base": fake.url + "/v1",
                        "api_key": "dummy",
                    },
                }
            ],
            "litellm_settings": {"callbacks": "rows_callback.rows", "num_retries": 0},
            "general_settings": {"store_prompts_in_spend_logs": True},
        }
        (WORK / "config.yaml").write_text(json.dumps(config))
        (WORK / "rows_callback.py").write_text(CALLBACK)
        env = os.environ | {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "HOME": str(WORK),
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        proxy = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "litellm"),
                "--config",
                "config.yaml",
                "--host",
                "127.0.0.1",
                "--port",
                "4000",
                "--telemetry",
                "False",
            ],
            cwd=WORK,
            env=env,
            stdout=open(WORK / "log", "w"),
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(90):
                try:
                    urllib.request.urlopen("http://127.0.0.1:4000/health/liveliness", timeout=2)
                    break
                except OSError:
                    time.sleep(1)
            chat_agent("session-a", chat)
            anthropic_agent("session-b", messages)
            responses_agent("session-c", responses)
            try:
                post(
                    "/v1/chat/completions",
                    {"model": "coder", "messages": [{"role": "user", "content": TASK}]},
                    "session-d",
                )
            except urllib.error.HTTPError as e:
                print("failed as wanted:", e.code)
            time.sleep(3)
        finally:
            proxy.terminate()
            proxy.wait(20)
    text = tidy((WORK / "rows.jsonl").read_text(), also=[(r'(litellm_overhead_time_ms\\?": ?)[\d.]+', r"\g<1>1.5")])
    rows = [slim(json.loads(line)) for line in text.splitlines()]
    for r in rows:
        print(
            r["call_type"],
            r["status"],
            r["session_id"],
            r["messages"][:60],
            len(r["proxy_server_request"]),
            len(r["response"]),
        )
    save("litellm", "LiteLLM_SpendLogs.csv", to_csv(rows))
