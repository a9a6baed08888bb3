"""A value that a schema admits: for request bodies that world.py does not know better."""

DEEPEST = 8


def example(document, schema, depth=0):
    """The `example` or `default` that the schema gives, else the least that it admits."""
    schema = document.resolved(schema)
    for keyword in ("example", "default"):
        if keyword in schema:
            return schema[keyword]
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            inherited = {k: v for k, v in schema.items() if k != keyword}
            return _merged(inherited, example(document, schema[keyword][0], depth + 1), document, depth)
    if "allOf" in schema:
        out = {}
        for part in schema["allOf"]:
            value = example(document, part, depth + 1)
            if not isinstance(value, dict):
                return value
            out.update(value)
        return _merged({k: v for k, v in schema.items() if k != "allOf"}, out, document, depth)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        count = schema.get("minItems", 1)
        return [example(document, schema.get("items", {}), depth + 1) for _ in range(count)] if depth < DEEPEST else []
    if kind == "string":
        return _text(schema)
    if kind in ("integer", "number"):
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    if kind == "boolean":
        return True
    return _object(document, schema, depth)


def _object(document, schema, depth):
    return {name: example(document, schema["properties"][name], depth + 1)
            for name in schema.get("required", []) if name in schema.get("properties", {})}


def _merged(schema, value, document, depth):
    return {**_object(document, schema, depth), **value} if isinstance(value, dict) else value


def _text(schema):
    by_format = {"uri": "http://192.0.2.10:8080/x", "date-time": "2099-01-01T00:00:00Z",
                 "ipv4": "192.0.2.10", "ipv6": "2001:db8::1"}
    text = by_format.get(schema.get("format"), "x" * max(schema.get("minLength", 1), 1))
    return text[:schema.get("maxLength", len(text))]
