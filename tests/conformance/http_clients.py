"""HTTP/1.1 and HTTP/2 clients that share no code with the server and send what they are told to."""

import http.client
import json
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions

TIMEOUT_S = 15


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self._headers = [(name.lower(), value) for name, value in headers]
        self.body = body

    def header(self, name):
        """The fields of that name joined, or None."""
        found = [value for field, value in self._headers if field == name.lower()]
        return ", ".join(found) if found else None

    @property
    def media_type(self):
        return (self.header("content-type") or "").split(";")[0].strip()

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self._headers} {self.body[:400]!r}"


class Http1:
    """One persistent connection; a new one when the server has closed it."""

    name = "HTTP/1.1"

    def __init__(self, port, host="127.0.0.1"):
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def request(self, method, path, body=None, headers=None):
        for attempt in (1, 2):
            try:
                self._connection.request(method, path, body, headers or {})
                response = self._connection.getresponse()
                reply = Reply(response.status, response.getheaders(), response.read())
                if response.will_close:
                    self._connection.close()
                return reply
            except (ConnectionError, http.client.HTTPException):
                self._connection.close()  # it had been idle, or the server closed after a refusal
                if attempt == 2:
                    raise

    def close(self):
        self._connection.close()


class Http2:
    """One connection with prior knowledge (RFC 9113 §3.3), one stream at a time."""

    name = "HTTP/2"

    def __init__(self, port, host="127.0.0.1"):
        self._address = (host, port)
        self._socket = None

    def _connect(self):
        self._socket = socket.create_connection(self._address, TIMEOUT_S)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._socket.sendall(self._h2.data_to_send())

    def request(self, method, path, body=None, headers=None):
        for attempt in (1, 2):
            if self._socket is None:
                self._connect()
            try:
                return self._exchange(method, path, body, headers or {})
            except (ConnectionError, h2.exceptions.ProtocolError):  # GOAWAY may have come in between
                self.close()
                if attempt == 2:
                    raise

    def _exchange(self, method, path, body, headers):
        data = body.encode() if isinstance(body, str) else body or b""
        stream = self._h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "mep")]
        fields += [(name.lower(), str(value)) for name, value in headers.items()]
        if body is not None:
            fields.append(("content-length", str(len(data))))
        self._h2.send_headers(stream, fields, end_stream=body is None)
        self._pending = data if body is not None else None
        self._stream = stream
        self._push()
        return self._receive(stream)

    def _push(self):
        """Sends as much of the body as the window takes; none of it when the reply came first."""
        try:
            while self._pending is not None:
                room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
                part, rest = self._pending[:room], self._pending[room:]
                if self._pending and not part:
                    break
                self._h2.send_data(self._stream, part, end_stream=not rest)
                self._pending = rest or None
        except h2.exceptions.StreamClosedError:
            pass
        self._socket.sendall(self._h2.data_to_send())

    def _receive(self, stream):
        status, fields, body = None, [], b""
        while True:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("closed before the reply was complete")
            for event in self._h2.receive_data(data):
                if isinstance(event, h2.events.ConnectionTerminated):
                    raise ConnectionError(f"GOAWAY {event.error_code}")
                if getattr(event, "stream_id", None) not in (stream, 0, None):
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    fields = [(n, v) for n, v in event.headers if not n.startswith(":")]
                    status = int(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.WindowUpdated):
                    self._push()
                elif isinstance(event, h2.events.StreamReset):
                    if status is None:
                        raise AssertionError(f"stream reset, error {event.error_code}")
                    return self._done(status, fields, body)  # a refusal that wants no more body
                elif isinstance(event, h2.events.StreamEnded):
                    return self._done(status, fields, body)
            self._socket.sendall(self._h2.data_to_send())

    def _done(self, status, fields, body):
        self._socket.sendall(self._h2.data_to_send())
        if self._pending is not None:  # what is left of the body would never be asked for
            self.close()
        return Reply(status, fields, body)

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None
