"""From a valid body and its schema: bodies that the schema forbids, each with one thing wrong."""

from documents import with_member, without_member

WRONG = {"string": [1], "integer": "x", "number": "x", "boolean": "perhaps", "array": "x", "object": "x"}
DEEPEST = 5


def _combined(document, schema):
    """The schema with the parts of allOf, and of the oneOf/anyOf that has properties, taken in."""
    schema = dict(document.resolved(schema))
    for keyword in ("allOf", "oneOf", "anyOf"):
        for part in schema.pop(keyword, []):
            part = _combined(document, part)
            if keyword != "allOf":
                part.pop("required", None)
            schema = {**part, **schema,
                      "properties": {**part.get("properties", {}), **schema.get("properties", {})},
                      "required": schema.get("required", []) + part.get("required", [])}
    return schema


def _values_against(schema):
    """Values that a single keyword forbids."""
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind in WRONG:
        yield f"not of type {kind}", WRONG[kind]
    if "enum" in schema:
        yield "none of the enumeration", "NO_SUCH_WORD"
    if kind == "string" and schema.get("minLength", 0) > 0:
        yield "too short", ""
    if kind == "string" and "maxLength" in schema:
        yield "too long", "x" * (schema["maxLength"] + 1)
    if kind in ("integer", "number"):
        if "minimum" in schema:
            yield "too small", schema["minimum"] - 1
        if "maximum" in schema:
            yield "too large", schema["maximum"] + 1
    if kind == "integer":
        yield "not whole", 1.5


def _places(document, schema, body, path=()):
    """Every (path, schema, value) in the body that the schema speaks of."""
    schema = _combined(document, schema)
    yield path, schema, body
    if len(path) >= DEEPEST:
        return
    if isinstance(body, dict):
        for name, value in body.items():
            if name in schema.get("properties", {}):
                yield from _places(document, schema["properties"][name], value, path + (name,))
    elif isinstance(body, list) and body and "items" in schema:
        yield from _places(document, schema["items"], body[0], path + (0,))


def invalid_bodies(operation, body):
    """Yields (what is wrong, body); each is checked to be against the schema."""
    validator = operation.document.validator(operation.body_schema)
    for path, schema, value in _places(operation.document, operation.body_schema, body):
        where = ".".join(map(str, path)) or "body"
        candidates = []
        if isinstance(value, dict):
            candidates += [(f"{where} lacks {name}", without_member(body, path + (name,)))
                           for name in schema.get("required", []) if name in value]
            if schema.get("additionalProperties") is False:
                candidates.append((f"{where} has an unknown member", with_member(body, path + ("noSuchMember",), 1)))
        for what, wrong in _values_against(schema):
            candidates.append((f"{where} is {what}", with_member(body, path, wrong) if path else wrong))
        for what, candidate in candidates:
            if not validator.is_valid(candidate):
                yield what, candidate
