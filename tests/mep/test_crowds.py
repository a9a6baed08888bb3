"""Clients by the thousand, and clients that do not behave, at one real sluice-mep."""

import resource
import socket
import time

import pytest

IDLE = 5_000
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty SETTINGS
HALF_REQUESTS = [
    b"",
    b"GET /healthz HT",
    b"PUT /mm5/v1/app_instances/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    PREFACE[:10],
    PREFACE,
    PREFACE + b"\0\0\x20\1\0\0\0\0\1" + b"\x82",  # the beginning of a header
]


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE + 1000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(mep):
    return socket.create_connection(("127.0.0.1", mep.port), timeout=20)


def resident_kib(mep):
    with open(f"/proc/{mep.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_thousands_of_idle_and_half_open_connections_disturb_nobody(mep, many_descriptors):
    before = resident_kib(mep)
    crowd = []
    try:
        for i in range(IDLE):
            crowd.append(connect(mep))
            crowd[-1].sendall(HALF_REQUESTS[i % len(HALF_REQUESTS)])
        for _ in range(20):
            start = time.monotonic()
            assert mep.request("GET", "/healthz")[0] == 200
            assert time.monotonic() - start < 5
        assert (resident_kib(mep) - before) / IDLE < 64  # KiB a connection
        # Of those that asked for nothing yet, any one is still served.
        idle = next(c for i, c in enumerate(crowd) if i % len(HALF_REQUESTS) == 0)
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for connection in crowd:
            connection.close()


def test_a_client_that_never_reads_holds_up_nobody(mep):
    lazy = connect(mep)
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.setblocking(False)
    request = b"GET /api-specs/mec_app_support.yaml HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        for _ in range(5_000):
            lazy.send(request)
    except BlockingIOError:
        pass  # the platform has stopped reading from who does not read
    for _ in range(20):
        assert mep.request("GET", "/healthz")[0] == 200
    lazy.close()
