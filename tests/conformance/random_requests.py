"""Random requests to the operations of our documents: between a valid one and noise, every shade."""

import copy
import json
import urllib.parse

from documents import with_member, without_member
from hypothesis import strategies as st

# What parsers and validators are known to stumble over.
ODD_TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", " ", "%", "%zz", "%00", "..", "../..", "a" * 129, "a" * 5000, "\u0000", "\ud7ff", "é", "😀",
                     "'", '"', "\\", "{}", "{appInstanceId}", "*", "null", "true", "-1", "1e999", "NaN", "0x10",
                     "app-1", "video", "1'; DROP TABLE apps;--", "${x}", "\r\nX: y", "2026-01-01T00:00:00Z",
                     "2001:db8::/129", "10.0.0.1/33", "0-65536", "http://[::1", "http://169.254.169.254/",
                     "file:///etc/passwd", "ws://x", "//", "?", "#", "application/json"]))
ODD_NUMBER = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(
    [0, -1, 255, 256, 65535, 65536, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 1e308, 5e-324, 0.1]))
ODD_JSON = st.recursive(st.one_of(st.none(), st.booleans(), ODD_NUMBER, ODD_TEXT),
                        lambda inner: st.one_of(st.lists(inner, max_size=4),
                                                st.dictionaries(ODD_TEXT, inner, max_size=4)), max_leaves=12)

FILTER_PARTS = st.sampled_from(["(", ")", ",", ";", "'", "''", "/", "~", "~1", "~a", "@key", "eq", "neq", "gt", "gte",
                                "lt", "lte", "in", "nin", "cont", "ncont", "state", "ACTIVE", "trafficFilter",
                                "dstPort", "priority", "10", "(eq,state,ACTIVE)", "_links/self/href", "é"])
FILTERS = st.lists(FILTER_PARTS, max_size=12).map("".join)

ODD_HEADERS = st.sampled_from([
    ("Accept", "image/png"), ("Accept", "application/json;q=0"), ("Accept", "*/*;q=x, ,;,"), ("Accept", ""),
    ("Accept", "application/problem+json"), ("Accept-Encoding", "gzip, br;q=0"), ("Accept-Charset", "utf-16"),
    ("Content-Type", "text/plain"), ("Content-Type", "application/json; charset=utf-16"), ("Content-Type", ""),
    ("Content-Type", "application/merge-patch+json"), ("Content-Encoding", "gzip"), ("If-Match", "*"),
    ("If-Match", '"1"'), ("If-Match", 'W/"1"'), ("If-Match", "x,,"), ("If-None-Match", "*"),
    ("If-None-Match", '"' + "x" * 900 + '"'), ("If-Modified-Since", "yesterday"), ("Range", "bytes=0-1"),
    ("Authorization", "Bearer"), ("Authorization", "Basic eDp5"), ("Authorization", "Bearer a.b.c"),
    ("Cookie", "a=b; " * 100), ("X-Forwarded-For", "127.0.0.1"), ("X-HTTP-Method-Override", "DELETE"),
    ("Range", "bytes=-0"), ("Range", "bytes=9-3"), ("Range", "bytes=99999999999999999999-"), ("If-Range", '"x"'),
    ("Content-Range", "bytes 0-1/2"), ("Content-Range", "bytes 7-9/10"), ("Content-Range", "bytes 1-0/1"),
    ("Content-Range", "bytes 0-18446744073709551615/18446744073709551616"), ("Content-Range", "bytes */5"),
    ("Content-Type", "application/zip"), ("Accept", "application/zip"), ("Accept", "text/plain"),
    ("Origin", "null"), ("Prefer", "return=minimal"), ("Expect", "100-continue"), ("Max-Forwards", "-1"),
    ("X-" + "n" * 200, "v"), ("Via", "1.1 " + "p" * 4000)])


def _paths(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from _paths(child, path + (name,))


def _at(value, path):
    for part in path:
        value = value[part]
    return value


@st.composite
def mutated(draw, body):
    """A copy of a valid body with some places changed."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(_paths(body))))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                return draw(ODD_JSON)
            if isinstance(body, dict):
                body[draw(ODD_TEXT)] = draw(ODD_JSON)
            continue
        how = draw(st.sampled_from(["replace", "remove", "repeat", "number", "text"]))
        if how == "remove":
            body = without_member(body, path)
        elif how == "repeat" and isinstance(_at(body, path), list):
            body = with_member(body, path, _at(body, path) * draw(st.sampled_from([0, 2, 70])))
        else:
            source = {"number": ODD_NUMBER, "text": ODD_TEXT}.get(how, ODD_JSON)
            body = with_member(body, path, draw(source))
    return body


@st.composite
def bodies(draw, body):
    """Octets, or None."""
    kind = draw(st.sampled_from(["json"] * 8 + ["bytes", "nested", "cut", "none", "large", "utf16"]))
    if kind == "none":
        return None
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "nested":
        return b"[" * draw(st.integers(1, 5000))
    text = json.dumps(draw(mutated(body)) if body is not None else draw(ODD_JSON)).encode()
    if kind == "cut":
        return text[:draw(st.integers(0, len(text)))]
    if kind == "large":
        return text + b" " * draw(st.sampled_from([1000, 65536, 262144, 300000]))
    return text.decode().encode("utf-16") if kind == "utf16" else text


@st.composite
def targets(draw, operation, place):
    """The path, now and then with odd segments, and a query."""
    segments = place.lstrip("/").split("/")
    if draw(st.integers(0, 3)) == 0:
        index = draw(st.integers(0, len(segments) - 1))
        segments[index] = urllib.parse.quote(draw(ODD_TEXT).encode("utf-8", "replace"), safe=draw(st.sampled_from(["", "/%"])))
    items = []
    for parameter in draw(st.lists(st.sampled_from(operation.query or [None]), max_size=3)):
        name = parameter["name"] if parameter else "x"
        value = draw(FILTERS if name == "filter" else ODD_TEXT)
        schema = operation.document.resolved(parameter["schema"]) if parameter else {}
        schema = operation.document.resolved(schema.get("items", schema))
        if "enum" in schema and draw(st.booleans()):
            value = draw(st.sampled_from(schema["enum"]))
        items.append(f"{urllib.parse.quote(name)}={urllib.parse.quote(value.encode('utf-8', 'replace'))}")
    query = "?" + "&".join(items) if items or draw(st.integers(0, 9)) == 0 else ""
    return "/" + "/".join(segments) + query


@st.composite
def requests(draw, operation, place, body, token):
    """(method, target, octets, headers)."""
    method = operation.method
    if draw(st.integers(0, 19)) == 0:
        method = draw(st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "TRACE", "LOCK"]))
    data = draw(bodies(body)) if operation.body_types or draw(st.integers(0, 9)) == 0 else None
    headers = {"Authorization": f"Bearer {token}"} if draw(st.integers(0, 19)) else {}
    if data is not None:
        headers["Content-Type"] = operation.body_types[0] if operation.body_types else "application/json"
    for name, value in draw(st.lists(ODD_HEADERS, max_size=2)):
        if draw(st.booleans()):
            headers[name] = value
    return method, draw(targets(operation, place)), data, headers
