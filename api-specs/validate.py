#!/usr/bin/env python3
"""Has OpenAPI documents judged by the specification's own JSON Schema.

    validate.py DOCUMENT...

Needs the packages python3-yaml, python3-jsonschema and openapi-specification; without them it
ends with status 77, by which the test is skipped.
"""
import json
import re
import sys

SKIPPED = 77
SCHEMA = "/usr/share/openapi-specification/schemas/v3.0/schema.json"

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(SKIPPED)


def references(node):
    """Every "$ref" of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def lookup(document, reference):
    """What a local reference refers to; KeyError when there is nothing."""
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def problems(document, validator):
    for error in validator.iter_errors(document):
        yield "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])
    for reference in references(document):
        try:
            lookup(document, reference)
        except (KeyError, TypeError):
            yield "%s refers to nothing" % reference
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
            declared = shared + item[method].get("parameters", [])
            resolved = [lookup(document, p["$ref"]) if "$ref" in p else p for p in declared]
            names = {p["name"] for p in resolved if p["in"] == "path"}
            if names != set(re.findall(r"{(\w+)}", path)):
                yield "%s %s: path parameters differ from the template" % (method, path)
        responses = item.get("get", {}).get("responses", {})
        if "ETag" in responses.get("200", {}).get("headers", {}) and "304" not in responses:
            yield "get %s: what has an ETag may be asked for by If-None-Match, 304 is missing" % path


def main(paths):
    try:
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
    except FileNotFoundError:
        print("skipped: package openapi-specification is not installed")
        return SKIPPED
    validator = jsonschema.Draft4Validator(schema)
    found = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
        for problem in problems(document, validator):
            print("%s: %s" % (path, problem))
            found += 1
    print("%d documents, %d problems" % (len(paths), found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
