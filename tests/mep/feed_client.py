"""What a RIC or a management system does: streams reports to ran_feed/v1, over either version of HTTP."""

import json
import socket
import time

import h2.config
import h2.connection
import h2.events


def now_ms():
    return time.time_ns() // 1_000_000


def cell(cell_id, zone, **more):
    return {"type": "cell", "timeMs": now_ms(), "cellId": cell_id, "zoneId": zone, "connectionType": "5G NR", **more}


def position(user, cell_id=None, at=None, **more):
    out = {"type": "position", "timeMs": now_ms(), "user": user, **more}
    if cell_id is not None:
        out["cellId"] = cell_id
    if at is not None:
        out["latitude"], out["longitude"] = at
    return out


def feed_token(mep, name="ric"):
    status, _, client = mep.request("POST", "/mm5/v1/clients", {"name": name, "apis": ["ran_feed"]},
                                    mep.operator_token())
    assert status == 201, client
    return mep.token(client["clientId"], client["clientSecret"])


class Http1Feed:
    """One chunked request (RFC 9112 §7.1)."""

    def __init__(self, mep, token):
        self._socket = socket.create_connection(("127.0.0.1", mep.port), 20)
        self._socket.sendall((f"POST /ran_feed/v1/reports HTTP/1.1\r\nHost: mep\r\nAuthorization: Bearer {token}\r\n"
                              "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n").encode())

    def send(self, *reports):
        self.send_octets("".join(json.dumps(report) + "\n" for report in reports).encode())

    def send_octets(self, octets):
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(octets), octets))

    def finish(self):
        """(status, body)"""
        self._socket.sendall(b"0\r\n\r\n")
        return self.reply()

    def refusal(self):
        """What is refused by its header is answered when the body has ended."""
        return self.finish()

    def reply(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65536)
        header, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in header.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += self._socket.recv(65536)
        self.close()
        return int(header.split()[1]), json.loads(body)

    def close(self):
        self._socket.close()


class Http2Feed:
    """One stream that stays open."""

    def __init__(self, mep, token):
        self._socket = socket.create_connection(("127.0.0.1", mep.port), 20)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, [
            (":method", "POST"), (":path", "/ran_feed/v1/reports"), (":scheme", "http"), (":authority", "mep"),
            ("authorization", f"Bearer {token}"), ("content-type", "application/x-ndjson")])
        self._socket.sendall(self._h2.data_to_send())
        self._status, self._body, self._ended = None, b"", False

    def send(self, *reports):
        self.send_octets("".join(json.dumps(report) + "\n" for report in reports).encode())

    def send_octets(self, octets):
        while octets:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room:
                self._h2.send_data(self._stream, octets[:room])
                octets = octets[room:]
                self._socket.sendall(self._h2.data_to_send())
            else:
                self._receive()

    def _receive(self):
        for event in self._h2.receive_data(self._socket.recv(65536)):
            if isinstance(event, h2.events.ResponseReceived):
                self._status = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self._body += event.data
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self._ended = True
        self._socket.sendall(self._h2.data_to_send())

    def finish(self):
        """(status, body)"""
        self._h2.end_stream(self._stream)
        self._socket.sendall(self._h2.data_to_send())
        return self.reply()

    def refusal(self):
        return self.reply()

    def reply(self):
        while not self._ended:
            self._receive()
        self.close()
        return self._status, json.loads(self._body)

    def close(self):
        self._socket.close()
