"""A small resolver that answers by a table, on UDP and TCP of one port, and remembers what it was
asked. Written with dnspython, which shares no code with ours. Runs in threads of the test."""

import socket
import struct
import threading

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SOA = "example. 300 IN SOA ns.example. admin.example. 1 7200 3600 86400 40"


def bind_both(address):
    """A UDP and a TCP socket on one port that is free for both."""
    for _ in range(100):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, 0))
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind((address, udp.getsockname()[1]))
            return udp, tcp
        except OSError:
            udp.close()
            tcp.close()
    raise OSError("no port is free for both")


class Upstream:
    """`answers`: (name, type) to lists of records in zone file form. Behaviour may be changed while
    it runs: `rcode` of every answer, `silent`, `silent_below` (a domain), `forge` (a datagram with a wrong id goes before each
    answer), `refuse_subnets`, `scope` (of the client subnet option)."""

    def __init__(self, answers=None, address="127.0.0.1"):
        self.answers = answers or {}
        self.rcode = None
        self.silent = False
        self.silent_below = None
        self.forge = False
        self.refuse_subnets = False
        self.scope = 24
        self.queries = []  # (transport, dns.message.Message), in the order they came
        self._udp, self._tcp = bind_both(address)
        self.port = self._udp.getsockname()[1]
        self._tcp.listen()
        self.endpoint = f"{address}:{self.port}"
        self._threads = [threading.Thread(target=serve, daemon=True)
                         for serve in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        for thread in self._threads:
            thread.join(timeout=10)
        self._udp.close()

    def asked(self, name=None):
        """Questions as (name as it was spelt, type text), those for `name` or all."""
        out = []
        for _, query in list(self.queries):
            question = query.question[0]
            if name is None or question.name.to_text().lower() == name + ".":
                out.append((question.name.to_text(),
                            dns.rdatatype.to_text(question.rdtype)))
        return out

    def subnets(self):
        """Of each query, its client subnet option as text, or None."""
        out = []
        for _, query in list(self.queries):
            options = [o for o in query.options if isinstance(o, dns.edns.ECSOption)]
            out.append(f"{options[0].address}/{options[0].srclen}" if options else None)
        return out

    def _serve_udp(self):
        while True:
            wire, peer = self._udp.recvfrom(4096)
            if not wire:
                return
            response = self._answer("udp", wire)
            if response is None:
                continue
            if self.forge:
                forged = bytearray(response.to_wire(max_size=65535))
                forged[0] ^= 0xff
                self._udp.sendto(bytes(forged), peer)
            query = self.queries[-1][1]
            limit = max(512, query.payload if query.edns >= 0 else 512)
            full = response.to_wire(max_size=65535)
            if len(full) > limit:
                response.answer = []
                response.flags |= dns.flags.TC
                full = response.to_wire()
            self._udp.sendto(full, peer)

    def _serve_tcp(self):
        while True:
            try:
                peer, _ = self._tcp.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as stream:
                length = stream.read(2)
                if len(length) < 2:
                    continue
                response = self._answer("tcp", stream.read(struct.unpack("!H", length)[0]))
                if response is not None:
                    wire = response.to_wire(max_size=65535)
                    peer.sendall(struct.pack("!H", len(wire)) + wire)

    def _answer(self, transport, wire):
        query = dns.message.from_wire(wire)
        self.queries.append((transport, query))
        asked = query.question[0].name.to_text().lower()
        if self.silent or (self.silent_below and asked.endswith(self.silent_below + ".")):
            return None
        response = dns.message.make_response(query, recursion_available=True)
        subnet = next((o for o in query.options if isinstance(o, dns.edns.ECSOption)), None)
        if subnet is not None:
            response.use_edns(0, query.ednsflags, 1232,
                              options=[dns.edns.ECSOption(subnet.address, subnet.srclen,
                                                          min(self.scope, subnet.srclen))])
            if self.refuse_subnets and subnet.srclen != 0:
                response.set_rcode(dns.rcode.REFUSED)
                return response
        if self.rcode is not None:
            response.set_rcode(self.rcode)
            return response
        question = query.question[0]
        name = question.name.to_text().lower().rstrip(".")
        records = self.answers.get((name, dns.rdatatype.to_text(question.rdtype)))
        if records:
            for text in records:
                ttl, rdtype, data = text.split(" ", 2)
                response.answer.append(dns.rrset.from_text(question.name, int(ttl), "IN", rdtype,
                                                           data))
        else:
            if not any(known == name for known, _ in self.answers):
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(dns.rrset.from_text(*SOA.split(" ", 4)))
        return response
