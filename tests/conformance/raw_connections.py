"""What well-behaved clients never do to a server: connections that stop, trickle, pipeline, talk nonsense."""

import os
import random
import resource
import select
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REPLY_TIMEOUT_S = 15


def connect(port):
    return socket.create_connection(("127.0.0.1", port), REPLY_TIMEOUT_S)


def request_bytes(method, target, body, headers):
    head = [f"{method} {target} HTTP/1.1", "Host: mep"] + [f"{n}: {v}" for n, v in headers.items() if "\r" not in v]
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace") + (body or b"")


def read_replies(sock, count):
    """Statuses of so many HTTP/1.1 replies with Content-Length; fewer when the server closes."""
    statuses, data = [], b""
    while len(statuses) < count:
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            head = data[:end].decode("latin-1").lower().split("\r\n")
            status = int(head[0].split()[1])
            length = next((int(line.split(":")[1]) for line in head if line.startswith("content-length:")), 0)
            if len(data) >= end + 4 + length:
                data = data[end + 4 + length:]
                if status >= 200:
                    statuses.append(status)
                continue
        part = sock.recv(65536)
        if not part:
            break
        data += part
    return statuses


def pipelined(port, rng, wire_requests):
    """Several requests cut anywhere; all have to be answered, in order, unless one ends the connection."""
    data = b"".join(wire_requests)
    with connect(port) as sock:
        while data:
            part = data[:rng.randint(1, max(1, len(data)))]
            sock.sendall(part)
            data = data[len(part):]
        return read_replies(sock, len(wire_requests))


def noise(port, rng):
    """Random octets, from the start or after a valid beginning; whatever happens, only this connection suffers."""
    start = rng.choice([b"", b"GET ", b"GET / HTTP/1.1\r\nHost: x\r\n", PREFACE, PREFACE + b"\0\0\0\4\0\0\0\0\0",
                        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"])
    if start.startswith(PREFACE) and rng.random() < 0.8:
        for _ in range(rng.randint(1, 20)):  # well-formed frames with random contents
            payload = rng.randbytes(rng.choice([0, 1, 4, 5, 6, 8, 40, 300]))
            stream = rng.choice([0, 1, 1, 3, 5, 2, 2**31 - 1])
            start += struct.pack(">I", len(payload))[1:] + bytes([rng.randint(0, 12), rng.choice([0, 1, 4, 5, 8, 255])])
            start += struct.pack(">I", stream) + payload
    with connect(port) as sock:
        try:
            sock.sendall(start + rng.randbytes(rng.randint(0, 400)))
            if rng.random() < 0.5:
                sock.shutdown(socket.SHUT_WR)
            if rng.random() < 0.5:
                sock.settimeout(0.02)
                sock.recv(4096)
        except OSError:
            pass
        if rng.random() < 0.3:  # goes with a reset
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def flood(port, rng):
    """HTTP/2 streams that are opened and reset at once (rapid reset), settings and pings without end."""
    frame = rng.choice([b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0" + b"12345678",
                        None])
    data = PREFACE + b"\0\0\0\4\0\0\0\0\0"
    for number in range(2000):
        if frame is not None:
            data += frame
        else:
            stream = struct.pack(">I", 2 * number + 1)
            data += b"\0\0\x03\1\5" + stream + b"\x82\x84\x86" + b"\0\0\4\3\0" + stream + b"\0\0\0\x08"
    with connect(port) as sock:
        try:
            sock.settimeout(1)
            sock.sendall(data)
            sock.recv(65536)
        except OSError:
            pass


class Held:
    """Connections that stay open and do little or nothing."""

    def __init__(self, port, count, kinds):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._rng = random.Random(count)
        self._sockets = []
        self._trickling = []
        for index in range(count):
            sock = connect(port)
            kind = kinds[index % len(kinds)]
            if kind == "half":
                sock.sendall(b"PUT /mm5/v1/app_instances/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            elif kind == "h2":
                sock.sendall(PREFACE + b"\0\0\0\4\0\0\0\0\0")
            elif kind == "slow":
                self._trickling.append([sock, b"GET /healthz HTTP/1.1\r\nHost: slow\r\n\r\n"])
            self._sockets.append(sock)

    def trickle(self):
        """One octet more from every slow one."""
        for entry in self._trickling:
            if entry[1]:
                entry[0].sendall(entry[1][:1])
                entry[1] = entry[1][1:]

    def finish_slow(self):
        """Statuses that the slow ones get in the end."""
        for sock, rest in self._trickling:
            sock.sendall(rest)
        return [read_replies(sock, 1) for sock, _ in self._trickling]

    def still_open(self):
        """How many the server has not closed."""
        poller = select.poll()
        for sock in self._sockets:
            poller.register(sock, select.POLLRDHUP | select.POLLHUP)
        return len(self._sockets) - len(poller.poll(0))

    def close(self):
        for sock in self._sockets:
            sock.close()


def wait_for_files(pid, at_most, timeout_s=20):
    """Waits until the process has no more open files than that; returns how many it has."""
    deadline = time.monotonic() + timeout_s
    while True:
        count = len(os.listdir(f"/proc/{pid}/fd"))
        if count <= at_most or time.monotonic() > deadline:
            return count
        time.sleep(0.05)
