"""An app's HTTP server for notifications, and what it has received."""

import http.server
import json
import threading
import time


class CallbackServer:
    def __init__(self, port=0):
        self.received = []  # (path, body)
        self._changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer._changed:
                    outer.received.append((self.path, json.loads(body)))
                    outer._changed.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def uri(self, path):
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def of(self, path):
        return [body for at, body in self.received if at == path]

    def wait_for(self, path, predicate, seconds=20):
        """The notifications on `path`, once predicate(notifications) holds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not predicate(self.of(path)):
                left = deadline - time.monotonic()
                assert left > 0, f"not within {seconds} s: {self.received}"
                self._changed.wait(left)
            return self.of(path)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)
