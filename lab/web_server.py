"""The video service of the demo: the same program in the centre and at the edge.

    GET  /            who answers, as JSON
    GET  /bytes/N     N octets that are the same wherever they are fetched (see content());
                      /bytes/N?rate=R sends R octets a second, evenly, instead of in bursts
    POST /upload      answers with size and SHA-256 of what came

Every answer says in X-Served-By which of the two gave it.
"""

import argparse
import functools
import hashlib
import http.server
import itertools
import json
import random
import re
import socket

_BLOCK = 1 << 20
MAX_BYTES = 1 << 30
SO_MAX_PACING_RATE = 47  # <asm-generic/socket.h>; Python does not name it


@functools.cache
def _block():
    return random.Random("sluice").randbytes(_BLOCK)


def content(size):
    """The octets of /bytes/SIZE, in pieces. No two blocks begin alike, so that a piece that is
    missing, repeated or exchanged changes the hash."""
    for index in itertools.count():
        left = size - index * _BLOCK
        if left <= 0:
            return
        yield (index.to_bytes(8, "big") + _block()[8:])[:left]


@functools.cache
def content_hash(size):
    digest = hashlib.sha256()
    for piece in content(size):
        digest.update(piece)
    return digest.hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "?"

    def do_GET(self):
        if match := re.fullmatch(r"/bytes/(\d{1,10})(?:\?rate=(\d{1,9}))?", self.path):
            size, rate = match.groups()
            if int(size) > MAX_BYTES:
                return self._answer(400, {"error": f"at most {MAX_BYTES} octets"})
            if rate:
                self.connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, int(rate))
            self._head(200, "application/octet-stream", int(size))
            for piece in content(int(size)):
                self.wfile.write(piece)
            return None
        client = self.client_address[0].removeprefix("::ffff:")
        return self._answer(200, {"served_by": self.name, "to": client})

    def do_POST(self):
        left = int(self.headers.get("Content-Length", 0))
        size, digest = left, hashlib.sha256()
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 16))):
            digest.update(piece)
            left -= len(piece)
        self._answer(200, {"served_by": self.name, "bytes": size - left,
                           "sha256": digest.hexdigest()})

    def _answer(self, status, body):
        text = (json.dumps(body) + "\n").encode()
        self._head(status, "application/json", len(text))
        self.wfile.write(text)

    def _head(self, status, kind, length):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Served-By", self.name)
        self.end_headers()

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 512

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request, client_address):
        pass  # a client that goes away in the middle is part of what the tests do


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True, help="what X-Served-By says")
    parser.add_argument("--port", type=int, default=80)
    arguments = parser.parse_args()
    _Handler.name = arguments.name
    with _Server(("::", arguments.port), _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
