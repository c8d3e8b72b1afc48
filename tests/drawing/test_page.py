"""The shell of a page: one script and one style, and a policy that allows no others."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.drawing.page import data, render

ANY = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


class Scripts(HTMLParser):
    """The scripts of a page, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag == "script"
        if self.inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_data_is_one_script_element_and_reads_back(value: object) -> None:
    (told,) = Scripts(str(data("x", value))).found
    assert json.loads(told) == value


@pytest.mark.parametrize("evil", ["</script><script>alert(1)</script>", "<!--", "\ud800", "\u2028</SCRIPT >"])
def test_data_that_wants_to_be_html_stays_data(evil: str) -> None:
    made = Scripts(str(data("x", {evil: [evil]})))
    assert len(made.found) == 1 and [tag for tag, _ in made.tags] == ["script"]
    made.found[0].encode()


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        data("x", float("nan"))


def test_the_policy_names_the_page_s_own_script_and_style_and_nothing_else() -> None:
    text = "".join(render("drawing/page.html", title="<b>"))
    policy = html_policy(text)
    assert policy["default-src"] == "'none'" and policy["connect-src"] == "'none'" and policy["script-src"] == "'none'"
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy["style-src"] == hashed(style)
    assert "<title>&lt;b&gt;</title>" in text


def html_policy(text: str) -> dict[str, str]:
    (told,) = [
        attrs["content"] or "" for tag, attrs in Scripts(text).tags if "Content-Security-Policy" in attrs.values()
    ]
    return dict(part.strip().split(" ", 1) for part in told.split(";"))


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
