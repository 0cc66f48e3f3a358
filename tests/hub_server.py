"""A hub on this machine: the layout of the public one over real HTTP, and what can go wrong with it."""

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/models/(?P<repository>[^/]+/[^/]+)(/revision/[^/]+)?$")
_STORAGE = "/storage/"  # where large files really lie: the hub redirects to it
_FILE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/[^/]+/(?P<path>.+)$")


@dataclass
class HubServer:
    """What is published, what goes wrong, and what was asked for.

    Attributes:
        files: "owner/name" -> path -> content.
        small: Paths that git holds itself, without a SHA-256.
        gated: Repositories for those who agreed: who sends a token.
        tokens: Those that came, one for each request, "" for none.
        cut_at: Path -> after how many bytes the connection is cut, once.
        packed: Paths that come compressed and without a length, as the hub sends text.
        damaged: Paths whose content arrives with another byte at the end.
        held: While it is cleared, the files of ``held_paths`` stop half-way.
        held_paths: See ``held``.
        requests: Method, path and range of every request.
    """

    files: dict[str, dict[str, bytes]]
    small: frozenset[str] = frozenset({"config.json"})
    gated: set[str] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)
    cut_at: dict[str, int] = field(default_factory=dict)
    packed: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    held: threading.Event = field(default_factory=threading.Event)
    held_paths: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    address: str = ""

    def ranges(self, path: str) -> list[str]:
        """Return the ranges that were asked for of a file, "" for the whole."""
        return [asked for method, target, asked in self.requests if method == "GET" and target.endswith(path)]


@contextmanager
def running(hub: HubServer) -> Iterator[HubServer]:
    """Serve ``hub`` while the block runs."""
    hub.held.set()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: Any) -> None:
        """Stay silent: clients that go away in the middle are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def log_message(self, *_args: Any) -> None:
        """Stay silent."""

    def _answer(self, *, has_body: bool) -> None:
        target = urlsplit(self.path).path
        token = self.headers.get("Authorization", "")
        self.hub.tokens.append(token)
        self.hub.requests.append((self.command, target, self.headers.get("Range", "")))
        info, file = _INFO.fullmatch(target), _FILE.fullmatch(target)
        found = info or file
        repository = found["repository"] if found else ""
        if target.startswith(_STORAGE):
            self._send_stored(target.removeprefix(_STORAGE), has_body=has_body)
        elif repository in self.hub.gated and not token:
            self._refuse(401, "GatedRepo")
        elif repository not in self.hub.files:
            self._refuse(404, "RepoNotFound")
        elif info:
            self._send_info(repository)
        else:
            self._send_content(repository, file["path"] if file else "", has_body=has_body)

    def _send_content(self, repository: str, path: str, *, has_body: bool) -> None:
        content = self.hub.files[repository].get(path)
        if content is None:
            self._refuse(404, "EntryNotFound")
        elif path in self.hub.small:
            self._send_file(path, content, git_id(content), has_body=has_body)
        else:
            self._redirect(f"{repository}/{path}", content)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_info(self, repository: str) -> None:
        siblings = [self._sibling(path, content) for path, content in self.hub.files[repository].items()]
        body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _sibling(self, path: str, content: bytes) -> dict[str, Any]:
        known = {"rfilename": path, "size": len(content), "blobId": git_id(content)}
        if path in self.hub.small:
            return known
        sha256 = hashlib.sha256(content).hexdigest()
        return known | {"lfs": {"size": len(content), "sha256": sha256, "pointerSize": 134}}

    def _redirect(self, name: str, content: bytes) -> None:
        self.send_response(302)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Location", f"{self.hub.address}{_STORAGE}{name}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_stored(self, name: str, *, has_body: bool) -> None:
        owner, model, path = name.split("/", 2)
        content = self.hub.files[f"{owner}/{model}"][path]
        self._send_file(path, content, "of-the-storage", has_body=has_body)

    def _send_file(self, path: str, content: bytes, etag: str, *, has_body: bool) -> None:
        if path in self.hub.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if path in self.hub.packed:
            self._send_packed(content, etag)
            return
        start = int(re.sub(r"\D", "", self.headers.get("Range", "")) or 0)
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if has_body:
            self._send_body(path, content, start)

    def _send_packed(self, content: bytes, etag: str) -> None:
        packed = gzip.compress(content)
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'W/"{etag}"')
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))

    def _send_body(self, path: str, content: bytes, start: int) -> None:
        stop = self.hub.cut_at.pop(path, len(content))
        half = (start + stop) // 2
        try:
            self.wfile.write(content[start:half])
            if path in self.hub.held_paths:
                self.hub.held.wait()
            self.wfile.write(content[half:stop])
        except OSError:  # the other side has gone
            stop = 0
        self.close_connection = stop != len(content)
