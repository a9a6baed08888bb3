#!/usr/bin/env python3
"""What ETSI GS MEC 011, 013, 015 and 010-2 ask for, as tables: mec011.json, mec013.json and so on.

    etsi_table.py DIRECTORY            writes the tables from ETSI's OpenAPI documents there
    etsi_table.py --check DIRECTORY    says how they differ from those that are committed

The documents (the newest ones and the hand-written ones of V2.1.1, mec010-2_app_pkgm_*.yaml) are not part
of this repository; the tables are facts taken from them: paths, methods, parameters, members, statuses. Where
the newer edition has lost an enumeration or made arrays of scalars, the older one counts (see OLDER_COUNTS).
Of MEC 010-2 both editions count, each for the resources that it has.

A type is "string", "integer", "number", "boolean", "object", "any", a name of the table, "[T]" for an
array, "A|B" for an enumeration, "=A" for a constant, and "T or U". A member that must be there ends in "!".
"""
import functools
import json
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).parent
# The newer and the older edition of each API.
MEC011 = {
    "mec_app_support/v1": ("mec011_app_support_v3.1.1", "mec011_app_support_v2.1.1_handwritten"),
    "mec_service_mgmt/v1": ("mec011_service_mgmt_v3.1.1", "mec011_service_mgmt_v2.1.1_handwritten"),
}
MEC015 = {"bwm/v1": ("mec015_bwm_v2.2.1", "mec015_bwm_v2.1.1_handwritten")}
METHODS = ("get", "put", "post", "patch", "delete")

# Members of the newer edition whose type the older one tells better.
OLDER_COUNTS = {"TimeStamp", "NtpServers", "PtpMasters"}
# What no edition says in a form that a machine can read, but the text does.
BY_THE_TEXT = {
    ("TrafficRule", "dstInterface"): "DestinationInterface or [DestinationInterface]",
    ("TimingCaps", "timeStamp"): "TimeStamp",
    ("AppReadyConfirmation", "indication!"): "=READY",
    ("AppTerminationNotificationSubscription", "subscriptionType!"): "=AppTerminationNotificationSubscription",
    ("SerAvailabilityNotificationSubscription", "subscriptionType!"): "=SerAvailabilityNotificationSubscription",
    ("OAuth2Info", "grantTypes!"): "[string]",
    ("BwInfoDeltas", "fixedBWPriority"): "SEE_DESCRIPTION",
    # Lists in the older edition.
    ("SessionFilter", "sourcePort"): "string or [string]",
    ("SessionFilter", "dstPort"): "string or [string]",
    ("SessionFilter1", "sourcePort"): "string or [string]",
    ("SessionFilter1", "dstPort"): "string or [string]",
    ("SecurityInfo", "(extensions)"): None,
}
# Conditional, though the newer edition lists them as required.
OPTIONAL = {("TimingCaps", "timeStamp"), ("TimingCaps", "ntpServers"), ("TimingCaps", "ptpMasters")}
LIVENESS = "/resource_uri_allocated_by_MEC_platform"


class Edition:
    """One OpenAPI document."""

    def __init__(self, path):
        self.document = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.schemas = self.document["components"]["schemas"]

    def resolved(self, node):
        while "$ref" in node:
            at = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at.get(part, {})  # '204' stands there as a number
            node = at
        return node

    def type_of(self, node):
        if not isinstance(node, dict):
            return "any"
        if "$ref" in node:
            name = node["$ref"].split("/")[-1]
            target = self.resolved(node)
            return name if target.get("properties") else self.type_of(target)
        if "enum" in node and node.get("type") == "string":
            return "|".join(node["enum"])
        if node.get("type") == "array":
            return f"[{self.type_of(node.get('items', {}))}]"
        if len(node.get("properties", {})) == 1:  # the envelope named after the type
            return self.type_of(next(iter(node["properties"].values())))
        return node.get("type", "any")

    def members(self, name):
        schema = self.schemas[name]
        required = schema.get("required", [])
        return {member + ("!" if member in required else ""): self.type_of(node)
                for member, node in schema.get("properties", {}).items()}

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield f"{method.upper()} {path}", item, item[method]


def content_type_of(edition, node):
    content = edition.resolved(node).get("content", {})
    if "application/json" not in content:
        return None
    schema = content["application/json"].get("schema", {})
    if schema.get("type") == "object" and not schema.get("properties"):
        return None  # "an empty object" of a reply without a body
    return edition.type_of(schema)


def operation_of(edition, item, node):
    query = {}
    for parameter in item.get("parameters", []) + node.get("parameters", []):
        parameter = edition.resolved(parameter)
        if parameter["in"] == "query":
            query[parameter["name"]] = edition.type_of(parameter.get("schema", {}))
    out = {}
    if query:
        out["query"] = query
    if "requestBody" in node:
        out["request"] = content_type_of(edition, node["requestBody"])
    replies = sorted(node["responses"].items())
    out["replies"] = {status: content_type_of(edition, reply) for status, reply in replies if status < "300"}
    out["problems"] = [status for status, _ in replies if status >= "400"]
    return out


def older_members(edition):
    """By (short name of the type, member); long names are "TimingCaps.NtpServers"."""
    out = {}
    for name in edition.schemas:
        short = name.replace("_", ".").split(".")[-1]
        for member, kind in edition.members(name).items():
            out[short, member.rstrip("!")] = kind
    return out


def corrected(name, members, older):
    out = {}
    for member, kind in members.items():
        plain = member.rstrip("!")
        told = older.get((name, plain))
        lost = "SEE_DESCRIPTION" in kind or kind == "source" or (kind.isupper() and "|" not in kind)
        if told and (lost or kind in ("any", "[any]") or name in OLDER_COUNTS):
            kind = told
        if (name, plain) in OPTIONAL:
            member = plain
        kind = BY_THE_TEXT.get((name, member), kind)
        if kind is not None:
            out[member] = kind
    return out


def reachable(types, kinds):
    """The names that `kinds` lead to."""
    found, queue = set(), list(kinds)
    while queue:
        for part in (queue.pop() or "").split(" or "):
            name = part.strip("[]")
            if name in types and name not in found:
                found.add(name)
                queue += types[name].values()
    return found


def derive_newest(apis, directory):
    table = {}
    for base, (newest, handwritten) in apis.items():
        newer = Edition(directory / f"{newest}.yaml")
        older = Edition(directory / f"{handwritten}.yaml")
        operations = {key: operation_of(newer, item, node) for key, item, node in newer.operations()}
        for key, item, node in older.operations():  # confirm_* lost their success
            if not operations[key]["replies"]:
                operations[key].update(operation_of(older, item, node), request=operations[key]["request"])
        told = older_members(older)
        types = {name: corrected(name, newer.members(name), told) for name in newer.schemas
                 if newer.schemas[name].get("properties")}
        used = reachable(types, [kind for o in operations.values()
                                 for kind in [o.get("request"), *o["replies"].values()]])
        table[base] = {"operations": dict(sorted(operations.items())),
                       "types": {name: types[name] for name in sorted(used)}}
    return table


# MEC 013, whose bodies do have an envelope; it becomes a type of its own. V3.1.1 is served as v2 in the document and
# as v3 by the text.
LOCATION_BY_THE_TEXT = {("UserInfo", "AccessPointId"): "accessPointId",  # as it is named among those required
                        ("Subscription", "subscriptionType!"): "subscriptionType!"}
ONLY_SHAPES_OF_THE_FEED = {"AreaInfo", "LocationInfo"}


def enveloped(edition, node, name, types):
    content = edition.resolved(node).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    members = {key: edition.type_of(part) for key, part in schema.get("properties", {}).items()
               if isinstance(part, dict) and "$ref" in part}
    # A GET of an area subscription promises its notification.
    if "/subscriptions/area/" in name:
        members = {key.replace("Notification", "Subscription"): kind.replace("Notification", "Subscription")
                   for key, kind in members.items()}
    if not members:
        return None
    types[name] = {key + ("!" if len(members) == 1 else ""): kind for key, kind in members.items()}
    return name


def derive_mec013(directory):
    edition = Edition(directory / "mec013_location_v3.1.1.yaml")
    types = {name: edition.members(name) for name in edition.schemas if edition.schemas[name].get("properties")}
    types["UserInfo"] = {LOCATION_BY_THE_TEXT.get(("UserInfo", member.rstrip("!")), member.rstrip("!")) +
                         ("!" if member.rstrip("!").lower() in
                          {r.lower() for r in edition.schemas["UserInfo"]["required"]} else ""): kind
                         for member, kind in types["UserInfo"].items()}
    operations = {}
    for key, item, node in edition.operations():
        operation = operation_of(edition, item, node)
        if "request" in operation:
            operation["request"] = enveloped(edition, node["requestBody"], f"{key} request", types)
        for status, reply in node["responses"].items():
            if status in operation["replies"]:
                operation["replies"][status] = enveloped(edition, reply, f"{key} {status}", types)
        operations[key] = operation
    used = reachable(types, [kind for o in operations.values() for kind in [o.get("request"), *o["replies"].values()]])
    return {"location/v3": {"operations": dict(sorted(operations.items())),
                            "types": {name: types[name] for name in sorted(used)}}}


# MEC 010-2: what the documents lost, or misspell, of the text. In the replies of 2.1.1 a POST makes a list.
PACKAGES_BY_THE_TEXT = {
    ("AppPkgInfoModifications", "operationalState!"): "DISABLED|ENABLED",
    ("AppD", "mecVersion!"): "[string]",  # 2.1.1 §6.2.1.2.2: 1..N
    ("AppPkgInfo", "softwareImages!"): "any",  # for further study
}
PACKAGES_OPTIONAL = {("CreateAppPkg", "appPkgPath"),  # of what is uploaded
                     ("AppD", "appExtCpd")}  # 0..N in 2.1.1
# The parts of a descriptor are judged when it is onboarded, not when it is read.
OPAQUE = {"AppD"}
CALLBACK = "/user_defined_notification"


def packages_types(edition, older):
    out = {}
    for name in edition.schemas:
        if not edition.schemas[name].get("properties"):
            continue
        members = {}
        for member, kind in corrected(name, edition.members(name), older_members(older)).items():
            plain = member.rstrip("!")
            if (name, plain) in PACKAGES_OPTIONAL:
                member = plain
            kind = PACKAGES_BY_THE_TEXT.get((name, member), kind)
            if name in OPAQUE and kind.strip("[]")[0].isupper() and "|" not in kind:
                kind = "[object]" if kind.startswith("[") else "object"
            members[member] = kind.replace("SEE_DESCRIPTION", "string")
        out[name] = members
    return out


def derive_mec010(directory):
    table = {}
    editions = {v: Edition(directory / f"mec010-2_app_pkgm_v{v}.yaml") for v in ("2.1.1", "3.1.1")}
    for version, edition in editions.items():
        operations = {key: operation_of(edition, item, node) for key, item, node in edition.operations()
                      if not key.endswith(CALLBACK)}
        for operation in operations.values():
            if "query" in operation:  # of the descriptor in 3.1.1: "filter1" and so on
                operation["query"] = {name.rstrip("1"): kind for name, kind in operation["query"].items()}
            if "201" in operation["replies"]:
                operation["replies"]["201"] = operation["replies"]["201"].strip("[]")
        if version == "2.1.1":  # what the newer edition has is in its words
            operations = {key: o for key, o in operations.items() if " /app_packages" in key}
        types = packages_types(edition, editions["2.1.1"])
        used = reachable(types, [kind for o in operations.values()
                                 for kind in [o.get("request"), *o["replies"].values()]])
        table[f"app_pkgm/v1 of {version}"] = {
            "operations": dict(sorted(operations.items())),
            "types": {name: types[name] for name in sorted(used)}}
    return table


TABLES = {"mec011.json": functools.partial(derive_newest, MEC011),
          "mec013.json": derive_mec013,
          "mec015.json": functools.partial(derive_newest, MEC015),
          "mec010.json": derive_mec010}


def as_text(table):
    """Indented where that helps: one line for an operation, one for a type."""
    lines = []
    for base, api in table.items():
        parts = []
        for part, entries in api.items():
            rows = ",\n".join(f"      {json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
            parts.append(f'    "{part}": {{\n{rows}\n    }}')
        lines.append(f'  "{base}": {{\n' + ",\n".join(parts) + "\n  }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(name):
    """Of the APIs' bases: in mec010.json with the edition behind them."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def schema_of(kind, types):
    """A type of the table as a JSON schema; members that it does not name are allowed."""
    if kind is None or kind == "any":
        return {}
    if " or " in kind:
        return {"anyOf": [schema_of(part, types) for part in kind.split(" or ")]}
    if kind.startswith("["):
        return {"type": "array", "items": schema_of(kind[1:-1], types)}
    if kind in ("string", "integer", "number", "boolean", "object"):
        return {"type": kind}
    if kind in types:
        return object_schema(types[kind], types)
    return {"enum": kind.removeprefix("=").split("|")}


def object_schema(members, types):
    return {"type": "object",
            "required": [name[:-1] for name in members if name.endswith("!")],
            "properties": {name.rstrip("!"): schema_of(kind, types) for name, kind in members.items()}}


def main(arguments):
    match arguments:
        case [directory] if not directory.startswith("-"):
            for name, derive in TABLES.items():
                (HERE / name).write_text(as_text(derive(pathlib.Path(directory))), encoding="utf-8")
        case ["--check", directory]:
            differ = [name for name, derive in TABLES.items()
                      if as_text(derive(pathlib.Path(directory))) != (HERE / name).read_text(encoding="utf-8")]
            for name in differ:
                print(f"{name} differs from what the documents in {directory} say", file=sys.stderr)
            return 1 if differ else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
