"""A server of one page to this machine alone: turns are sent when somebody opens them."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from featrouter.view.page import View

_TURN = re.compile(r"/turn/(\d{1,7})")


class Server(ThreadingHTTPServer):
    """Serves a view on 127.0.0.1, on a free port where `port` is 0; `address` is where. OSError when the port is taken."""

    daemon_threads = True

    def __init__(self, view: View, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.view = view
        self.address = f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        # A page elsewhere may let its own name point here: only who asks for this machine is answered.
        host = self.headers.get("Host", "").rpartition(":")[0]
        turn = _TURN.fullmatch(self.path)
        if host not in ("127.0.0.1", "localhost"):
            self._answer(403, "text/plain", "asked for another host")
        elif self.path == "/":
            self._answer(200, "text/html", "".join(self.server.view.pieces(longest=0, served=True)))
        elif turn and int(turn[1]) < len(self.server.view.steps):
            told = json.dumps(self.server.view.told(int(turn[1])), ensure_ascii=True)
            self._answer(200, "application/json", told)
        else:
            self._answer(404, "text/plain", "there is no such page")

    def _answer(self, code: int, kind: str, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is asked for is of no interest, and stderr is the user's."""
