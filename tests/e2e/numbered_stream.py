"""A UDP stream of numbered datagrams, sent in the background and checked for loss and order."""

import socket
import threading
import time


class NumberedStream:
    """From `source` to `sink`, both (namespace, address), `rate` datagrams a second. Use as a
    context manager; stop() or the end of the block stops it."""

    PORT = 5005
    SIZE = 200

    def __init__(self, source, sink, rate=500):
        self.received = []
        self.sent = 0
        self._interval = 1 / rate
        self._stop = threading.Event()
        family = socket.AF_INET6 if ":" in sink[1] else socket.AF_INET
        self._rx = self._socket(family, sink)
        self._rx.settimeout(0.1)
        self._tx = self._socket(family, source)
        self._to = (sink[1], self.PORT)
        self._threads = [threading.Thread(target=run) for run in (self._receive, self._send)]

    def _socket(self, family, end):
        place, address = end
        with place.inside():
            made = socket.socket(family, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.bind((address, self.PORT))
        return made

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stops sending, waits for what is under way, and closes."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._rx.close()
        self._tx.close()

    def _send(self):
        due = time.monotonic()
        while not self._stop.is_set():
            self._tx.sendto(self.sent.to_bytes(8, "big") + bytes(self.SIZE - 8), self._to)
            self.sent += 1
            due += self._interval
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self):
        # Ends when nothing has come for a while after the last was sent.
        while True:
            try:
                self.received.append(int.from_bytes(self._rx.recv(2048)[:8], "big"))
            except TimeoutError:
                if self._stop.is_set():
                    return

    def lost(self):
        return sorted(set(range(self.sent)) - set(self.received))

    def out_of_order(self):
        return [later for earlier, later in zip(self.received, self.received[1:])
                if later <= earlier]
