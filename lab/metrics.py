"""Reading a Prometheus endpoint."""

import http.client
import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One reading. `samples` is a list of (name, {label: value}, number)."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            match = _SAMPLE.match(line)
            if match and not line.startswith("#"):
                name, labels, value = match.groups()
                self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def total(self, name, **labels):
        """The sum of the samples of that name that have all these labels; 0 when there is none."""
        return sum(value for sample, have, value in self.samples
                   if sample == name and labels.items() <= have.items())


def scrape(place, port, host="127.0.0.1"):
    """Reads host:port/metrics from within a namespace."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        with place.inside():
            connection.connect()
        connection.request("GET", "/metrics")
        return Metrics(connection.getresponse().read().decode())
    finally:
        connection.close()
