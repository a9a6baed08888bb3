"""Filters, selectors and pages (MEC 009 §6.18, §6.19; NFV-SOL 013 §5) at every resource that has them."""

import urllib.parse

import pytest
from conftest import OPERATIONS

# CAPIF's discovery and the queries of MEC 013 have pages too, but answer with the objects of their standards.
LISTS = [o for o in OPERATIONS if o.parameter("query", "nextpage_opaque_marker")
         and o.id != "discoverApis" and not o.id.startswith("queryLocation")]
PAGE = 3  # as conftest.py configures


def get(client, path, token, **query):
    target = path + ("?" + urllib.parse.urlencode(query) if query else "")
    return client.request("GET", target, None, {"Authorization": f"Bearer {token}"})


@pytest.fixture(params=LISTS, ids=repr)
def listing(request, world):
    path, _, token = world.prepare(request.param, world.main_app)
    return request.param, path, token


def test_the_resources_that_are_lists_have_the_parameters():
    assert {"listTrafficRules", "listDnsRules", "listAppInstances"} <= {o.id for o in LISTS}
    for operation in LISTS:
        names = {p["name"] for p in operation.query}
        assert {"filter", "fields", "exclude_fields", "all_fields", "exclude_default"} <= names, operation


def test_selectors_cut_every_item_down(listing, client):
    operation, path, token = listing
    whole = get(client, path, token, all_fields="").json
    assert isinstance(whole, list)
    for item in whole[:1]:
        complex_ones = {name for name, value in item.items() if isinstance(value, (dict, list))}
        simple = get(client, path, token, fields="no_such_member").json[0]
        assert set(simple) == set(item) - complex_ones
        for name in complex_ones:
            assert name not in get(client, path, token, exclude_fields=name).json[0]
            assert name in get(client, path, token, fields=name).json[0]


@pytest.mark.parametrize("query, parameter", [
    ({"filter": "(like,a,1)"}, "filter"), ({"filter": "(eq,a"}, "filter"),
    ({"fields": "a", "all_fields": ""}, "all_fields"),
    ({"fields": "a", "exclude_fields": "b"}, "exclude_fields"),
    ({"exclude_fields": "b", "exclude_default": ""}, "exclude_fields"),
    ({"all_fields": "no"}, "all_fields"), ({"nextpage_opaque_marker": "zz"}, "nextpage_opaque_marker"),
])
def test_what_cannot_be_is_named(listing, client, query, parameter):
    operation, path, token = listing
    reply = get(client, path, token, **query)
    operation.check_reply(reply)
    assert reply.status == 400 and reply.json["detail"].startswith(parameter), reply


def test_pages_lead_through_all_app_instances_while_they_come_and_go(world, client):
    for _ in range(2 * PAGE):
        world.new_app(ready=False)
    token = world.operator.token
    everything, path = [], "/mm5/v1/app_instances?fields=appName&filter=(eq,appName,streaming)"
    pages = 0
    while path:
        reply = client.request("GET", path, None, {"Authorization": f"Bearer {token}"})
        assert reply.status == 200 and len(reply.json) <= PAGE, reply
        everything += [item["appInstanceId"] for item in reply.json]
        if pages == 1:  # the one that the next page begins behind goes
            world.send("DELETE", f"/mm5/v1/app_instances/{everything[-1]}", None, token)
        pages += 1
        link = reply.header("Link")
        assert link is None or link.endswith('; rel="next"')
        path = link and link[1:link.index(">")]
    assert pages > 2 and everything == sorted(set(everything))
    gone = {everything[2 * PAGE - 1]}
    left = {name for name in everything if name not in gone}
    for name in left:
        assert get(client, f"/mm5/v1/app_instances/{name}", token).status == 200


@pytest.mark.parametrize("text, found", [
    ("(eq,trafficRuleId,video)", 1), ("(neq,trafficRuleId,video)", 0),
    ("(in,action,DROP,FORWARD_DECAPSULATED)", 1), ("(nin,action,DROP)", 1),
    ("(gt,priority,9);(lte,priority,10)", 1), ("(lt,priority,10)", 0), ("(gte,priority,1e1)", 1),
    ("(cont,trafficFilter/dstAddress,51.100)", 1), ("(ncont,action,FORWARD)", 0),
    ("(eq,trafficFilter/dstPort,80);(eq,state,INACTIVE)", 1), ("(eq,dstInterface/dstIpAddress,10.9.0.3)", 0),
])
def test_filters_find_rules(world, client, text, found):
    app = world.main_app
    reply = get(client, f"/mec_app_support/v1/applications/{app.id}/traffic_rules", app.token, filter=text)
    assert reply.status == 200 and len(reply.json) == found, reply
