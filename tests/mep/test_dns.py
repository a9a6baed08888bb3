"""The platform's DNS server, judged by dnspython and dig."""

import contextlib
import socket
import struct
import subprocess
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import pytest

from dns_upstream import Upstream
from mep_process import DECLARED, DNS_RULE, Mep
from service_process import free_port
from mp2_fake_upf import FakeUpf

TABLE = {
    ("www.example", "A"): ["60 CNAME cdn.example.", "50 A 192.0.2.9"],
    ("video.example", "A"): ["60 A 198.51.100.10"],
    ("video.example", "TXT"): ["60 TXT \"central\""],
    ("big.example", "TXT"): [f"60 TXT \"{i}{'x' * 250}\"" for i in range(8)],
}


def rule(rule_id, name, address, kind="IP_V4", state="ACTIVE", ttl=30):
    return {**DNS_RULE, "dnsRuleId": rule_id, "domainName": name, "ipAddressType": kind,
            "ipAddress": address, "ttl": ttl, "state": state}


RULES = [rule("name", "video.example", "10.9.0.2"),
         rule("six", "both.example", "2001:db8::2", "IP_V6"),
         rule("four", "both.example", "10.9.0.3"),
         rule("wild", "*.cdn.example", "10.9.0.4")]


class Server:
    """sluice-mep with its DNS server on loopback, v4 and v6."""

    def __init__(self, directory, **settings):
        self.port = free_port()
        self.mep = Mep(str(directory))
        lines = [f"  {key}: {value}" for key, value in settings.items()]
        with open(directory / "mep.yaml", "a") as file:
            file.write(f"dns:\n  listen: ['127.0.0.1:{self.port}', '[::1]:{self.port}']\n"
                       + "\n".join(lines) + "\n")
        self.mep.start()

    def ask(self, name, rdtype="A", transport=dns.query.udp, where="127.0.0.1", **options):
        query = dns.message.make_query(name, rdtype, **options)
        return transport(query, where, port=self.port, timeout=8)

    def wait_until(self, condition):
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def shown(response):
    """rcode, and the records of the answer section as text."""
    records = [f"{r.ttl} {dns.rdatatype.to_text(r.rdtype)} {item}"
               for r in response.answer for item in r]
    return [dns.rcode.to_text(response.rcode()), *records]


@pytest.fixture
def upstream():
    with contextlib.closing(Upstream(TABLE)) as out:
        yield out


@pytest.fixture
def server(tmp_path, upstream):
    out = Server(tmp_path, upstreams=f"['{upstream.endpoint}']")
    try:
        yield out
    finally:
        out.mep.close()


@contextlib.contextmanager
def serving(directory, **settings):
    out = Server(directory, **settings)
    try:
        yield out
    finally:
        out.mep.close()


def test_answers_by_rules_and_forwards_the_rest(server, upstream):
    server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    for name, rdtype, expected in [
            ("video.example", "A", ["NOERROR", "30 A 10.9.0.2"]),
            ("VIDEO.example", "AAAA", ["NOERROR"]),
            ("video.example", "HTTPS", ["NOERROR"]),
            ("both.example", "A", ["NOERROR", "30 A 10.9.0.3"]),
            ("both.example", "AAAA", ["NOERROR", "30 AAAA 2001:db8::2"]),
            ("a.b.cdn.example", "A", ["NOERROR", "30 A 10.9.0.4"]),
            ("video.example", "TXT", ["NOERROR", '60 TXT "central"']),
            ("both.example", "TXT", ["NOERROR"]),  # upstream: NXDOMAIN
            ("www.example", "A", ["NOERROR", "60 CNAME cdn.example.", "50 A 192.0.2.9"]),
            ("none.example", "A", ["NXDOMAIN"]),
            ("video.example", "AXFR", ["REFUSED"]),
    ]:
        for transport in (dns.query.udp, dns.query.tcp):
            for where in ("127.0.0.1", "::1"):
                if rdtype == "AXFR" and transport is dns.query.tcp:
                    continue  # dnspython reads it as a transfer
                assert shown(server.ask(name, rdtype, transport, where)) == expected, name
    assert upstream.asked("video.example") and {t for _, t in upstream.asked("video.example")} \
        == {"TXT"}


def test_answers_are_kept_and_negative_ones_too(server, upstream):
    for _ in range(3):
        server.ask("www.example")
        server.ask("none.example")
        server.ask("none.example", "AAAA")
    assert len(upstream.queries) == 3


def test_edns_is_kept_and_its_errors_are_told(server):
    plain = server.ask("video.example", use_edns=False)
    assert plain.edns == -1
    secure = server.ask("www.example", want_dnssec=True)
    assert secure.edns == 0 and secure.ednsflags & dns.flags.DO and secure.payload == 1232
    newer = dns.message.make_query("www.example", "A", use_edns=0)
    newer.ednsflags |= 1 << 16  # version 1
    reply = dns.query.udp(newer, "127.0.0.1", port=server.port, timeout=8)
    assert reply.rcode() == dns.rcode.BADVERS and reply.edns == 0
    cookie = dns.edns.GenericOption(10, b"12345678")
    assert server.ask("www.example", use_edns=0, options=[cookie]).options == ()


def test_long_answers_are_cut_off_over_udp_and_whole_over_tcp(server, upstream):
    for _ in range(2):  # from upstream, then from the cache
        cut = server.ask("big.example", "TXT", use_edns=0, payload=4096)
        assert cut.flags & dns.flags.TC and not cut.answer
        whole = server.ask("big.example", "TXT", dns.query.tcp)
        assert len(whole.answer[0]) == 8
    assert [transport for transport, _ in upstream.queries] == ["udp", "tcp"]


def test_dig_finds_nothing_to_complain_about(server):
    server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    for arguments, expected in [
            (["video.example"], "10.9.0.2"),
            (["video.example", "+tcp", "+cookie", "+nsid"], "10.9.0.2"),
            (["both.example", "AAAA", "+noedns"], "2001:db8::2"),
            (["www.example", "+dnssec", "+subnet=198.51.100.0/24"], "192.0.2.9"),
            (["big.example", "TXT"], "xxxx"),  # TC, then TCP
            (["video.example", "ANY"], "RFC8482"),
            (["video.example", "-c", "CH"], "REFUSED"),
    ]:
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(server.port), "+tries=1", *arguments],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and expected in done.stdout, done.stdout
        assert "Warning" not in done.stdout and ";; Got bad" not in done.stdout, done.stdout


def test_switching_a_rule_shows_in_the_next_answer(server):
    token = server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    path = "/mec_app_support/v1/applications/app/dns_rules/name"
    for _ in range(20):
        for state, expected in (("INACTIVE", "60 A 198.51.100.10"), ("ACTIVE", "30 A 10.9.0.2")):
            status, _, body = server.mep.request("PUT", path, {**RULES[0], "state": state}, token)
            assert status == 200, body
            assert shown(server.ask("video.example"))[1] == expected
    status, _, _ = server.mep.request("DELETE", "/mm5/v1/app_instances/app",
                                      token=server.mep.operator_token())
    assert status == 204
    assert shown(server.ask("video.example")) == ["NOERROR", "60 A 198.51.100.10"]


def test_a_suspended_name_is_forwarded_until_it_is_resumed(server):
    upf = FakeUpf(server.mep.socket)
    server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    upf.wait_for(lambda u: "app/name" in u.dns)

    def report(state):
        upf.send({"type": "status", "generation": upf.installed["generation"], "rules": [],
                  "dns": [{"key": "app/name", "state": state, "reason": "silent", "since_ms": 1,
                           "hits": 0, "bytes": 0}]})

    assert shown(server.ask("video.example"))[1] == "30 A 10.9.0.2"
    report("SUSPENDED")
    server.wait_until(lambda: shown(server.ask("video.example"))[1] == "60 A 198.51.100.10")
    report("STEERING")
    server.wait_until(lambda: shown(server.ask("video.example"))[1] == "30 A 10.9.0.2")


def test_rules_are_answered_again_after_kill_9(server):
    server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    server.mep.kill()
    server.mep.start()
    assert shown(server.ask("video.example")) == ["NOERROR", "30 A 10.9.0.2"]


def test_another_upstream_answers_for_one_that_cannot(tmp_path):
    with contextlib.closing(Upstream({})) as first, contextlib.closing(Upstream(TABLE)) as second:
        with serving(tmp_path, upstreams=f"['{first.endpoint}', '{second.endpoint}']",
                     timeout_ms=100, cache_entries=0) as server:
            first.silent = True
            for _ in range(4):
                assert shown(server.ask("www.example"))[0] == "NOERROR"
            # Silent, and so it was for the root: asked last for a while.
            assert [name.lower() for name, _ in first.asked()] == ["www.example.", "."]
            for rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
                second.rcode = rcode
                first.silent, first.answers = False, TABLE
                assert shown(server.ask("www.example"))[0] == "NOERROR"
            first.rcode = dns.rcode.SERVFAIL
            assert server.ask("www.example").rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED)


def test_without_an_upstream_that_answers_it_is_servfail(tmp_path):
    closed = free_port()
    with serving(tmp_path, upstreams=f"['127.0.0.1:{closed}']", timeout_ms=50) as server:
        assert server.ask("www.example").rcode() == dns.rcode.SERVFAIL


def test_forged_datagrams_are_not_believed(server, upstream):
    upstream.forge = True
    assert shown(server.ask("www.example"))[-1] == "50 A 192.0.2.9"
    names = {name for name, _ in upstream.asked()}
    server.mep.close()
    for i in range(20):
        names.add(f"{i}")
    assert any(name != name.lower() for name in names)  # mixed case


def test_questions_use_their_own_ids_and_equal_ones_are_asked_once(server, upstream):
    queries = [dns.message.make_query("www.example", "A") for _ in range(20)]
    upstream.silent = True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(8)
        for query in queries:
            client.sendto(query.to_wire(), ("127.0.0.1", server.port))
        server.wait_until(lambda: upstream.queries)
        upstream.silent = False  # answers the second attempt
        ids = {dns.message.from_wire(client.recv(4096)).id for _ in queries}
    assert ids == {query.id for query in queries}
    asked = [query for _, query in upstream.queries if query.question[0].name != dns.name.root]
    assert len(asked) == 2
    assert asked[0].id != asked[1].id


def test_nobodys_odd_names_keep_others_from_an_upstream(tmp_path):
    with contextlib.closing(Upstream(TABLE)) as first, contextlib.closing(Upstream(TABLE)) as second:
        with serving(tmp_path, upstreams=f"['{first.endpoint}', '{second.endpoint}']",
                     timeout_ms=100, cache_entries=0) as server:
            first.silent_below = second.silent_below = "odd.example"
            for i in range(3):
                assert shown(server.ask(f"x{i}.odd.example"))[0] == "SERVFAIL"
            server.wait_until(lambda: first.asked("") and second.asked(""))  # asked for the root
            shown(server.ask("video.example"))  # the answer about the root has come before this one
            before = len(second.queries)
            assert shown(server.ask("www.example"))[0] == "NOERROR"
            assert len(second.queries) == before and first.asked("www.example")


def test_a_client_that_asks_too_much_makes_room_for_others(tmp_path, upstream):
    upstream.silent_below = "odd.example"
    with serving(tmp_path, upstreams=f"['{upstream.endpoint}']", timeout_ms=5000,
                 outstanding=4) as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as greedy:
        greedy.bind(("127.0.0.2", 0))
        greedy.settimeout(8)
        for i in range(6):
            query = dns.message.make_query(f"x{i}.odd.example", "A")
            greedy.sendto(query.to_wire(), ("127.0.0.1", server.port))
        for _ in range(2):  # beyond the four: it has most itself
            assert dns.message.from_wire(greedy.recv(4096)).rcode() == dns.rcode.SERVFAIL
        assert shown(server.ask("www.example"))[0] == "NOERROR"
        assert dns.message.from_wire(greedy.recv(4096)).rcode() == dns.rcode.SERVFAIL


def test_client_subnets_are_told_as_configured(tmp_path, upstream):
    def option(prefix, bits):
        return [dns.edns.ECSOption(prefix, bits)]

    with serving(tmp_path, upstreams=f"['{upstream.endpoint}']",
                 ecs="{ipv4_prefix: 24, ipv6_prefix: 56}") as server:
        server.ask("www.example")  # from loopback
        server.ask("www.example", use_edns=0, options=option("198.51.100.77", 32))
        server.ask("www.example", use_edns=0, options=option("198.51.7.0", 20))
        server.ask("www.example", use_edns=0, options=option("0.0.0.0", 0))
        reply = server.ask("www.example", use_edns=0, options=option("2001:db8:1:2ff::1", 128))
        assert upstream.subnets() == [None, "198.51.100.0/24", "198.51.0.0/20", "0.0.0.0/0",
                                      "2001:db8:1:200::/56"]
        assert (reply.options[0].srclen, reply.options[0].scopelen) == (128, 24)
        upstream.refuse_subnets = True
        again = server.ask("www.example", use_edns=0, options=option("203.0.113.1", 32))
        assert again.rcode() == dns.rcode.NOERROR
        assert upstream.subnets()[-2:] == ["203.0.113.0/24", "0.0.0.0/0"]


def test_without_configuration_no_subnet_is_told(server, upstream):
    server.ask("www.example", use_edns=0, options=[dns.edns.ECSOption("198.51.100.77", 32)])
    assert upstream.subnets() == [None]


def test_strangers_are_refused(tmp_path, upstream):
    with serving(tmp_path, upstreams=f"['{upstream.endpoint}']", allow="['10.0.0.0/8']") as server:
        assert server.ask("www.example").rcode() == dns.rcode.REFUSED
        assert not upstream.queries


def frame(message):
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def read_frames(stream, count):
    out = []
    for _ in range(count):
        length, = struct.unpack("!H", stream.read(2))
        out.append(dns.message.from_wire(stream.read(length)))
    return out


def test_one_connection_carries_many_queries_at_once(server):
    server.mep.provision("app", {**DECLARED, "dnsRules": RULES})
    names = ["video.example", "www.example", "none.example", "both.example"] * 50
    queries = [dns.message.make_query(name, "A", id=number) for number, name in enumerate(names)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        stream = client.makefile("rb")
        for octet in frame(queries[0]):  # one by one
            client.sendall(bytes([octet]))
        assert read_frames(stream, 1)[0].id == queries[0].id
        client.sendall(b"".join(map(frame, queries)))
        client.shutdown(socket.SHUT_WR)
        replies = {reply.id: reply for reply in read_frames(stream, len(queries))}
        assert stream.read() == b""
    for query in queries:
        assert query.is_response(replies[query.id])


def test_connections_are_bounded_and_idle_ones_closed(tmp_path):
    with serving(tmp_path, tcp_connections=3, tcp_idle_s=1) as server:
        address = ("127.0.0.1", server.port)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(address, timeout=10))
                       for _ in range(4)]
            assert clients[0].recv(1) == b""  # gave way to the fourth
            clients[1].sendall(b"\0")  # half a length is no query
            for client in clients[1:]:
                assert client.recv(1) == b""
        assert server.ask("www.example", transport=dns.query.tcp).rcode() == dns.rcode.REFUSED


def test_nonsense_over_tcp_ends_the_connection(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"\0\5hello")
        assert client.recv(1) == b""
    with pytest.raises(dns.exception.Timeout):
        response = dns.message.make_response(dns.message.make_query("a.example", "A"))
        dns.query.udp(response, "127.0.0.1", port=server.port, timeout=0.2)
    assert server.ask("www.example").rcode() == dns.rcode.NOERROR
