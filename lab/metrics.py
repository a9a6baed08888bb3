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


def bytes_by_path(upf):
    """Octets that the UPF exchanged with the edge app's network and with the centre, both ways,
    from a reading of its metrics."""
    def of_port(port):
        return int(upf.total("sluice_upf_port_received_bytes_total", port=port)
                   + upf.total("sluice_upf_port_sent_bytes_total", port=port))
    return {"edge": of_port("ldn"), "centre": of_port("n6")}


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
