"""A user plane that speaks Mp2 from its description alone (mp2/README.md), sharing no code with
ours. Runs in threads of the test."""

import contextlib
import json
import os
import socket
import threading
import uuid


class FakeUpf:
    """Listens at once. `installed` survives stop() and start() unless told to forget."""

    def __init__(self, path):
        self._path = path
        self._changed = threading.Condition()
        self.installed = {"source": "", "generation": 0}
        self.rules = {}
        self.dns = {}
        self.guarantees = {}
        self.messages = []  # types, in the order they came
        self.start()

    def start(self):
        if os.path.exists(self._path):
            os.unlink(self._path)
        self._instance_id = str(uuid.uuid4())
        self._peer = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def stop(self, forget=False):
        """As kill -9 would: the connection ends, the socket file stays."""
        with self._changed:
            listener, peer = self._listener, self._peer
            self._peer = None
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        if peer is not None:
            with contextlib.suppress(OSError):  # the platform has gone before
                peer.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()
        if forget:
            self.installed = {"source": "", "generation": 0}
            self.rules, self.dns, self.guarantees = {}, {}, {}

    def wait_for(self, condition, timeout_s=10):
        """Until condition(self) holds, looked at after every message."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), timeout_s), (
                f"installed {self.installed}, rules {sorted(self.rules)}, "
                f"messages {self.messages}")

    def send(self, message):
        with self._changed:
            self._peer.sendall(json.dumps(message).encode() + b"\n")

    def report_steering(self):
        """Says of every rule that it is in effect."""
        def status(key):
            return {"key": key, "state": "STEERING", "reason": "", "since_ms": 1, "hits": 2,
                    "bytes": 3}
        self.send({"type": "status", "generation": self.installed["generation"],
                   "rules": [status(key) for key in self.rules],
                   "dns": [status(key) for key in self.dns]})

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self._peer = peer
                self._changed.notify_all()
            with peer:
                self._serve(peer)

    def _serve(self, peer):
        hello = {"type": "hello", "version": 1, "instance_id": self._instance_id,
                 **self.installed,
                 "features": {"actions": ["DROP", "FORWARD_DECAPSULATED"], "destinations": ["IP"],
                              "max_rules": 1000, "max_dns_rules": 1000}}
        try:
            peer.sendall(json.dumps(hello).encode() + b"\n")
            for line in peer.makefile("rb"):
                if not line.endswith(b"\n"):
                    return  # cut off in the middle: says nothing
                self._handle(peer, json.loads(line))
        except OSError:
            return

    def _handle(self, peer, message):
        with self._changed:
            reply = self._apply(message)
            peer.sendall(json.dumps(reply).encode() + b"\n")
            self.messages.append(message["type"])
            self._changed.notify_all()

    def _apply(self, message):
        generation = message["generation"]
        if message["type"] == "replace":
            self.rules = {e["key"]: e for e in message["rules"]}
            self.dns = {e["key"]: e for e in message["dns"]}
            self.guarantees = {e["key"]: e for e in message["guarantees"]}
        else:
            assert message["type"] == "update", message
            base = {"source": message["source"], "generation": message["base_generation"]}
            if base != self.installed:
                return {"type": "refused", "generation": generation, "code": "RESYNC",
                        "reason": f"installed is {self.installed}"}
            for key in message["remove_rules"]:
                self.rules.pop(key, None)
            for key in message["remove_dns"]:
                self.dns.pop(key, None)
            self.rules.update({e["key"]: e for e in message["upsert_rules"]})
            self.dns.update({e["key"]: e for e in message["upsert_dns"]})
            for key in message["remove_guarantees"]:
                self.guarantees.pop(key, None)
            self.guarantees.update({e["key"]: e for e in message["upsert_guarantees"]})
        self.installed = {"source": message["source"], "generation": generation}
        return {"type": "applied", "generation": generation, "rejected": []}
