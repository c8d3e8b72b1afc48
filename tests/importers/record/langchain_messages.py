"""LangChain messages (messages_to_dict, and the same list by model_dump), of create_agent with a fake OpenAI server.

Run: PYTHON-WITH-langchain-langchain-openai-AND-pytest langchain_messages.py
"""

import json

from fake_model import TASK, FakeModel, make_repo, replace, save, shell, steps, tidy
from langchain.agents import create_agent
from langchain_core.load import dumps
from langchain_core.messages import messages_to_dict
from langchain_core.tools import ToolException, tool
from langchain_openai import ChatOpenAI


@tool
def bash(command: str) -> str:
    """Run a command."""
    code, out = shell(command)
    return f"{out}[exit code {code}]"


@tool
def edit(path: str, old: str, new: str) -> str:
    """Replace text in a file."""
    if not replace(path, old, new):
        raise ToolException("There is no such text in the file.")
    return "Edited."


edit.handle_tool_error = True

if __name__ == "__main__":
    for name, options in (("chat", {}), ("responses", {"use_responses_api": True})):
        make_repo()
        with FakeModel(steps()) as fake:
            model = ChatOpenAI(model="gpt-4.1-mini", base_url=fake.url + "/v1", api_key="dummy", **options)
            agent = create_agent(model, [bash, edit], system_prompt="You repair small programs in /tmp/repo.")
            messages = agent.invoke({"messages": [("user", TASK)]})["messages"]
        print([(m.type, getattr(m, "status", None)) for m in messages])
        save("langchain", f"{name}.messages_to_dict.json", tidy(json.dumps(messages_to_dict(messages), indent=1)))
        if name == "chat":
            save(
                "langchain",
                f"{name}.model_dump.json",
                tidy(json.dumps([m.model_dump(mode="json") for m in messages], indent=1)),
            )
            save("langchain", f"{name}.dumps.json", tidy(dumps(messages[:5], pretty=True)))
