"""What a person would see of an answer that came wrapped in JSON, in tags or in a form with named fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from featrouter.lazy_pattern import lazy_pattern

#: A longer JSON text is not parsed: its output and exit code are read by patterns.
MOST_JSON = 65536
_HEAD, _TAIL = 8192, 16384
_DEPTH = 4
_MOST_PARTS = 64
#: Beyond all exit codes, those of Windows included.
_NO_CODE = 2**33

_OUT = tuple("output stdout aggregatedoutput formattedoutput returndisplay result response observation text".split())
_ERR = ("stderr", "error", "errors", "errormessage")
_WHY = ("error", "errors", "errormessage", "message", "detail", "details", "reason", "description", "msg", "title")
_CODE = ("exitcode", "returncode", "exitstatus", "rc", "status", "code")
_HTTP = ("status", "statuscode", "code")
_SURE_CODE = frozenset(_CODE[:3])
_WRAPPED = ("functionresponse", "toolresult", "toolresponse", "kwargs")
#: Parts of an answer that a text does not show.
_NO_TEXT = frozenset("image input_image image_url resource resource_link audio tool_reference".split())
_BAD_STATUS = frozenset(["error", "fail", "failed", "failure"])
#: What stands beside an output in an envelope; an object with other keys is an answer of an API.
_BESIDE = frozenset((*_OUT, *_ERR, *_CODE, *_WHY, *_WRAPPED)) | frozenset(
    """
    content metadata meta iserror statuscode success ok timedout timeout duration durationseconds durationms walltime
    executiontime elapsed signal pid truncated interrupted name id callid
    toolcallid tooluseid toolname tool type role command cmd cwd directory
    structuredcontent isimage chunkid sessionid originaltokencount artifact additionalkwargs responsemetadata lc killed shell
    annotations logs finished exited
    """.split()
)

_KEYS = (
    "output|stdout|stderr|result|content|error|errors|success|ok|isError|is_error|exit_code|exitCode|returncode|return_code"
    "|functionResponse|response|text|kwargs|aggregated_output|metadata|observation"
)
_STATUS = r"(?:status|code|status_?[cC]ode)[\"'] {0,2}: {0,2}[\"']?(?:[45][0-9][0-9]\b|[eE]rror|[fF]ail)"
_KEY = lazy_pattern(rf"[\"'](?:(?:{_KEYS})[\"'] {{0,2}}:|{_STATUS})")
_CODE_KEY = lazy_pattern(
    r"[\"'](?:exit_?code|return_?code|exit_?status)[\"'] {0,2}: {0,2}(-?[0-9]{1,12})\b", re.IGNORECASE
)
_FIRST_TEXT = lazy_pattern(
    r"[{\[][\s{]{0,40}(?:[\"']type[\"'] {0,2}: {0,2}[\"']\w{1,30}[\"'],\s{0,20})?"
    r"[\"'](?:result|text|content)[\"']\s{0,4}:\s{0,4}[\"']"
    r"|[{,]\s{0,20}[\"'](?:output|stdout|aggregated_output)[\"']\s{0,4}:\s{0,4}[\"']"
)
_NEXT_KEY = lazy_pattern(
    r"(?<!\\)[\"'],\s{0,20}[\"'](?:stderr|metadata|exit_?code|return_?code|exit_?status|success|error|timed_out|duration\w{0,20})"
    r"[\"']\s{0,4}:",
    re.IGNORECASE,
)
_STDERR = lazy_pattern(r"[\"']stderr[\"']\s{0,4}:\s{0,4}[\"']")
_BROKEN_FLAG = lazy_pattern(r"[\"']is_?[eE]rror[\"'] {0,2}: {0,2}[tT]rue")
_DIGITS = lazy_pattern(r"-?[0-9]{1,10}")
_ESCAPE = lazy_pattern(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

_CODE_TAGS = "exit_code|exit-code|exitcode|exit_status|returncode|return_code"
_TAG_NAMES = f"stdout|stderr|output|output_head|{_CODE_TAGS}|tool_use_error|error|result|tool_result"
_OPENS = lazy_pattern(
    rf"\s{{0,20}}<(?:(?:bash|local-command|command|function|system|tool)[-_])?(?:{_TAG_NAMES}|results|tool_response)>"
)
_TAG = lazy_pattern(rf"<((?:bash-|local-command-|command-|command_)?(?:{_TAG_NAMES}))>")
#: mini-SWE-agent: the exit code, then the whole output.
_CODE_THEN_OUTPUT = lazy_pattern(r"<returncode>(-?[0-9]{1,9})</returncode>\s{0,4}<output>")
_CODE_TAG = lazy_pattern(rf"<(?:{_CODE_TAGS})>\s{{0,4}}(-?[0-9]{{1,12}})\s{{0,4}}</")
_FORM_OPENS = ("Output: ", "Output:\n", "Command: ")
_FIELD = lazy_pattern(
    r"^(Command|Directory|Output|Stdout|Stderr|Error|Exit Code|Signal|Background PIDs|Process Group PGID|PIDs): ?",
    re.MULTILINE,
)
_TOOL_MESSAGE = lazy_pattern(r"content=(['\"])")
_TOOL_MESSAGE_END = lazy_pattern(r"['\"] (?:name|tool_call_id|id|additional_kwargs)=['\"{]")
#: OpenHands, SWE-agent and mint, Cline and Roo: a line of the harness, then the answer.
_HEADER = lazy_pattern(
    r"(?:EXECUTION RESULT of \[[^\]\n]{1,60}\]:|OBSERVATION:|Observation:|\[[^\n]{1,200}\] Result:"
    r"|(The tool execution failed with the following error:))\n{1,2}"
)
_HEADS = ("EXECUTION RESULT of [", "OBSERVATION:\n", "Observation:\n", "[", "The tool execution failed")
_new = tuple.__new__  # of a named tuple, at a third of the price
#: What an answer in an envelope begins with; blanks may stand before.
_OPENING = "EO[T{<Cc \n\r\t"
_NOTHING = frozenset(["", *"(none) none null (empty) 0 false undefined n/a nil".split(), "no error", "no errors"])


class Envelope(NamedTuple):
    """What an envelope held.

    `text`: what a person would see, the output before the complaints. `exit_code`: of the program; None if not told.
    `is_error`: whether the tool says that it failed; None if it does not say.
    """

    text: str
    exit_code: int | None = None
    is_error: bool | None = None


def unwrap(observation: str) -> Envelope | None:
    """The content of an envelope of JSON, tags or named fields; None if the answer is none, such as an API's object."""
    first = observation[:1]
    if first not in _OPENING:
        return None
    if observation.startswith(_HEADS) and (headed := _HEADER.match(observation)):
        return _of_headed(observation[headed.end() :], failed=headed.group(1) is not None)
    if first in " \n\r\t":
        first = observation[:64].lstrip()[:1]
    if first == "{" or first == "[":
        return _of_json(observation)
    if first == "<":
        opened = _CODE_THEN_OUTPUT.match(observation)
        if opened and len(observation) <= _HEAD + _TAIL and observation.endswith(("</output>\n", "</output>")):
            output = observation[opened.end() : observation.rindex("<")].strip("\n")
            return _new(Envelope, (output, int(opened[1]), None))
        return _of_tags(observation) if _OPENS.match(observation) else None
    if first == "O" or first == "C":
        return _of_fields(observation) if observation.startswith(_FORM_OPENS) else None
    if first == "c":
        return _of_tool_message(observation) if _TOOL_MESSAGE.match(observation) else None
    if first == "E" and observation.startswith("Execution logs:"):
        return _of_execution_logs(observation)
    return None


def _of_headed(rest: str, *, failed: bool) -> Envelope:
    inner = None
    if rest[:1] in _OPENING and not (rest.startswith(_HEADS) and _HEADER.match(rest)):
        inner = unwrap(rest)
    if inner is not None:
        return Envelope(inner.text, inner.exit_code, True if failed else inner.is_error)
    if rest.startswith("ERROR:\n"):
        return Envelope(rest[len("ERROR:\n") :], None, True)
    return _new(Envelope, (rest, None, True if failed else None))


def says_nothing(value: object) -> bool:
    """Whether an error field holds no error: empty, null, false, 0, `(none)`."""
    if value is None or value is False or value == 0 or value == [] or value == {}:
        return True
    return isinstance(value, str) and len(value) < 20 and value.strip().lower() in _NOTHING


def _of_json(observation: str) -> Envelope | None:
    if not _KEY.search(observation[:320]) and not _KEY.search(observation[-320:]):
        return None
    if len(observation) <= MOST_JSON:
        try:
            return _of_value(json.loads(observation, parse_int=_whole, strict=False), _DEPTH)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data":  # lines of JSON
                return None
        except (ValueError, RecursionError):
            pass
    return _of_broken(observation)


def _whole(digits: str) -> int:
    """A whole number; one beyond all exit codes for so many digits that Python refuses to read them."""
    return int(digits) if len(digits) < 20 else _NO_CODE


def _of_value(value: Any, depth: int) -> Envelope | None:
    if isinstance(value, list):
        text = _of_parts(value)
        return None if text is None else Envelope(text)
    if not isinstance(value, dict) or not value or depth == 0:
        return None
    fields = {str(key).lower().replace("_", "").replace("-", ""): inner for key, inner in value.items()}
    for key in _WRAPPED:
        if isinstance(fields.get(key), dict) and fields.keys() <= _BESIDE:
            return _of_value(fields[key], depth - 1)
    if isinstance(fields.get("response"), dict) and fields.keys() <= _BESIDE:
        inner = _of_value(fields["response"], depth - 1)
        if inner is not None:
            return inner
    return _of_fields_of_json(fields, depth)


def _of_fields_of_json(fields: Mapping[str, Any], depth: int) -> Envelope | None:
    metadata = fields.get("metadata")
    code = _code(fields)
    if code is None and isinstance(metadata, dict):
        code = _code({str(key).lower().replace("_", ""): inner for key, inner in metadata.items()})
    is_error = _is_error(fields)
    parts = _of_parts(fields["content"]) if "content" in fields else None
    if not _is_envelope(fields, code, is_error, parts):
        return None
    texts = [parts] if parts is not None else [_text(fields[key], depth) for key in _OUT if key in fields]
    texts += [_text(fields[key], depth) for key in _ERR if not says_nothing(fields.get(key))]
    if is_error and not any(texts):
        texts += [_text(fields[key], depth) for key in _WHY if not says_nothing(fields.get(key))]
    if fields.get("timedout") is True:
        texts.append("[timed out]")
        is_error = True
    shown = list(dict.fromkeys(filter(None, texts)))
    return Envelope("\n".join([text.rstrip("\n") for text in shown[:-1]] + shown[-1:]), code, is_error)


def _is_envelope(fields: Mapping[str, Any], code: int | None, is_error: bool | None, parts: str | None) -> bool:
    if "stdout" in fields or "stderr" in fields:
        return isinstance(fields.get("stdout"), str | None) and isinstance(fields.get("stderr"), str | None)
    if code is not None and "output" in fields:
        return True
    if fields.keys() <= _BESIDE:
        part = fields.get("type") in ("text", "output_text") and isinstance(fields.get("text"), str)
        return bool(
            code is not None or parts is not None or is_error or part or "output" in fields or "result" in fields
        )
    # An object that holds more than an envelope does is one only if it says in words what went wrong.
    return is_error is True and _complains(fields)


def _complains(fields: Mapping[str, Any]) -> bool:
    return not all(says_nothing(fields.get(key)) for key in ("error", "errors", "errormessage", "message", "detail"))


def _code(fields: Mapping[str, Any]) -> int | None:
    shell = "stdout" in fields or "stderr" in fields or "output" in fields
    for key in _CODE:
        value = fields.get(key)
        if isinstance(value, str) and key in _SURE_CODE and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        # `status` and `code` are an API's more often than a program's.
        if (key in _SURE_CODE and abs(value) < _NO_CODE) or (shell and -256 < value < 256):
            return value
    return None


def _is_error(fields: Mapping[str, Any]) -> bool | None:
    flag = fields.get("iserror")
    if isinstance(flag, bool):
        return flag
    for key in ("success", "ok"):
        if isinstance(fields.get(key), bool):
            return fields[key] is False
    status = fields.get("status")
    if isinstance(status, str) and status.lower() in _BAD_STATUS and ("content" in fields or _complains(fields)):
        return True
    if "stdout" in fields or "stderr" in fields:
        return None  # a program's code tells
    if any(isinstance(fields.get(key), int) and 400 <= fields[key] < 600 for key in _HTTP) and _complains(fields):
        return True
    for key in ("error", "errors", "errormessage"):
        if isinstance(fields.get(key), str | dict | list | bool) and not says_nothing(fields[key]):
            return True
    return None


def _of_parts(value: Any) -> str | None:
    """The text of a list of parts, or of what stands in its place; None for a list of other things."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return None
    texts = []
    for part in value[:_MOST_PARTS]:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            return None
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part["type"] not in _NO_TEXT:
            return None
    return "\n".join(texts)


def _text(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value
    if value is None or value is True or value is False:
        return ""
    if isinstance(value, dict):
        inner = _of_value(value, depth - 1)
        if inner is not None:
            return inner.text
        if isinstance(value.get("message"), str):
            return str(value["message"])
    if isinstance(value, Sequence):
        parts = _of_parts(list(value))
        if parts is not None:
            return parts
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _of_broken(observation: str) -> Envelope | None:
    """An envelope that was cut, or that is not quite JSON: its output up to the next field, and the exit code."""
    opened = _FIRST_TEXT.search(observation, 0, 400)
    if opened is None:
        return None
    body = _window(observation)
    found = _CODE_KEY.search(body[-600:]) or _CODE_KEY.search(body[: opened.end()])
    fields = [match.start() for match in _NEXT_KEY.finditer(body, opened.end())]
    last = len(body.rstrip("}] \n").rstrip("\"'"))
    texts = [_unescaped(body[opened.end() : fields[0] if fields else last])]
    stderr = _STDERR.search(body, fields[0]) if fields else None
    if stderr is not None:
        end = next((at for at in fields if at >= stderr.end() - 1), last)
        texts.append(_unescaped(body[stderr.end() : end]))
    is_error = True if _BROKEN_FLAG.search(body[-600:]) else None
    return Envelope("\n".join(filter(None, texts)), _in_range(found), is_error)


def _window(observation: str) -> str:
    return f"{observation[:_HEAD]}\n{observation[-_TAIL:]}" if len(observation) > _HEAD + _TAIL else observation


def _in_range(found: re.Match[str] | None) -> int | None:
    code = int(found.group(1)) if found else _NO_CODE
    return code if abs(code) < _NO_CODE else None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_plain, text) if "\\" in text else text


def _plain(match: re.Match[str]) -> str:
    mark = match.group(1)
    return chr(int(mark[1:], 16)) if len(mark) == 5 else _ESCAPED.get(mark, mark)


def _of_tags(observation: str) -> Envelope | None:
    text = _window(observation)
    code = _in_range(_CODE_TAG.search(text[:400]) or _CODE_TAG.search(text[-400:]))
    shown: list[str] = []
    wrong, at = False, 0
    for _ in range(_MOST_PARTS):
        opened = _TAG.search(text, at)
        if opened is None:
            break
        name = opened.group(1)
        # The last closing tag: an output may quote tags of its own.
        end = text.rfind(f"</{name}>", opened.end()) if name == "output" else text.find(f"</{name}>", opened.end())
        end = len(text) if end < 0 else end
        inside = text[opened.end() : end]
        at = end
        if "code" in name or "status" in name:
            continue
        if name.endswith("error"):
            wrong = wrong or not says_nothing(inside)
        if name in ("tool_result", "result") and _OPENS.match(inside):
            at = opened.end()
            continue
        shown.append(inside.strip("\n"))
    if not shown and code is None:
        return None
    return Envelope("\n".join(filter(None, shown)), code, True if wrong else None)


def _of_fields(observation: str) -> Envelope | None:
    """Gemini CLI's form: `Output: …`, `Error: (none)`, `Exit Code: 0`, each field on a line of its own."""
    text = _window(observation)
    fields = list(_FIELD.finditer(text))
    output = next((field for field in fields[:4] if field.group(1) == "Output"), None)
    if output is None:
        return None
    last = {field.group(1): field for field in fields if field.start() > max(output.start(), len(text) - 600)}
    # An output may hold lines of this form itself: the last of each name is the form's own.
    closing = sorted((last[name] for name in last.keys() - {"Output", "Command", "Directory"}), key=re.Match.start)
    if not closing:
        return None
    ends = [field.start() for field in closing[1:]] + [len(text)]
    values = {field.group(1): text[field.end() : end].strip() for field, end in zip(closing, ends, strict=True)}
    code = values.get("Exit Code", "")
    error = "" if says_nothing(values.get("Error")) else values["Error"]
    shown = text[output.end() : closing[0].start()].strip("\n")
    texts = ["" if shown in ("(empty)", "(none)") else shown, error]
    return Envelope(
        "\n".join(filter(None, texts)), int(code) if _DIGITS.fullmatch(code) else None, True if error else None
    )


def _of_tool_message(observation: str) -> Envelope | None:
    """A LangChain message as Python writes it: `content='…' name='…' tool_call_id='…' status='error'`."""
    ends = [match.start() for match in _TOOL_MESSAGE_END.finditer(observation[-1000:])]
    if not ends:
        return None
    start = max(0, len(observation) - 1000)
    text = _unescaped(observation[len("content='") : start + ends[0]][: _HEAD + _TAIL])
    return Envelope(text, None, True if "status='error'" in observation[start + ends[0] :] else None)


def _of_execution_logs(observation: str) -> Envelope:
    """smolagents: what the code printed, then its last value."""
    logs = observation[len("Execution logs:") :].lstrip("\n")
    before, mark, last = logs.rpartition("Last output from code snippet:")
    if not mark:
        return Envelope(logs)
    last = last.strip("\n")
    return Envelope("\n".join(filter(None, [before.rstrip("\n"), "" if last == "None" else last])))
