"""Our own OpenAPI documents as the walk uses them."""

import copy
import datetime
import pathlib

import jsonschema
import yaml

FORMATS = jsonschema.FormatChecker(["ipv4", "ipv6"])
METHODS = ("get", "put", "post", "patch", "delete")


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value):
    if isinstance(value, str):
        datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        return "T" in value and (value.endswith("Z") or value[-6] in "+-")
    return True


def _without_nullable(node):
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_without_nullable(part) for part in node]
    if not isinstance(node, dict):
        return node
    out = {key: _without_nullable(part) for key, part in node.items()}
    if out.pop("nullable", False) is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    return out


class Document:
    def __init__(self, path):
        self.name = path.stem
        self.text = path.read_text(encoding="utf-8")
        self.tree = _without_nullable(yaml.safe_load(self.text))
        self.base = self.tree.get("servers", [{"url": ""}])[0]["url"]
        self._resolver = jsonschema.RefResolver("", self.tree)

    def resolved(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part.replace("~1", "/")]
            node = at
        return node

    def validator(self, schema):
        return jsonschema.Draft4Validator(schema, resolver=self._resolver,
                                          format_checker=FORMATS)

    def operations(self):
        for path, item in self.tree["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self, path, method, item[method], item.get("parameters", []))


class Operation:
    """One operation; `path` is the whole template, with the base path."""

    def __init__(self, document, path, method, node, shared):
        self.document = document
        self.path = document.base + path
        self.method = method.upper()
        self.id = node["operationId"]
        self.parameters = [document.resolved(p) for p in shared + node.get("parameters", [])]
        self.responses = {status: document.resolved(r) for status, r in node["responses"].items()}
        security = node.get("security", document.tree.get("security", []))
        self.scopes = [scope for needed in security for scopes in needed.values() for scope in scopes]
        self.secured = bool(security)
        body = document.resolved(node.get("requestBody", {}))
        self.body_required = body.get("required", False)
        self.body_types = list(body.get("content", {}))
        self.body_schema = next((media.get("schema", {}) for kind, media in body.get("content", {}).items()
                                 if kind.endswith(("/json", "+json"))), None)

    def __repr__(self):
        return f"{self.method} {self.path}"

    def parameter(self, where, name):
        return next((p for p in self.parameters if p["in"] == where and p["name"] == name), None)

    @property
    def query(self):
        return [p for p in self.parameters if p["in"] == "query"]

    @property
    def produces(self):
        return {kind for status, reply in self.responses.items() if status.startswith("2")
                for kind in reply.get("content", {})}

    def check_reply(self, reply):
        """What the document promises of this status: media type, schema, headers."""
        assert str(reply.status) in self.responses, f"{self}: undocumented status: {reply}"
        promised = self.responses[str(reply.status)]
        content = promised.get("content", {})
        if not content:
            assert reply.body == b"", f"{self}: {reply.status} has a body: {reply}"
        else:
            assert reply.media_type in content, f"{self}: {reply.media_type} is not promised: {reply}"
            if reply.media_type.endswith("json"):
                self.document.validator(content[reply.media_type].get("schema", {})).validate(reply.json)
        for name in promised.get("headers", {}):
            if name in ("ETag", "Location", "WWW-Authenticate"):
                assert reply.header(name), f"{self}: {reply.status} without {name}: {reply}"


def load(build):
    """The assembled documents of a build directory."""
    return [Document(path) for path in sorted(pathlib.Path(build, "api-specs").glob("*.yaml"))]


def with_member(body, path, value):
    """A copy of `body` with another value at the path of names and indices."""
    out = copy.deepcopy(body)
    at = out
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return out


def without_member(body, path):
    out = copy.deepcopy(body)
    at = out
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return out
