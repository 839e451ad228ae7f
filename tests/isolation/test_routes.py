"""Another tenant attacks every documented route.

The OpenAPI document lists the routes: a new route fails here until it has an attack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tools.attacks.forged_tokens import unknown_key
from tools.demo.corpus import CLINIC, QUESTIONS
from tools.devstack.aws import Tenant
from tools.devstack.changes import configured
from tools.devstack.client import Answer, Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

ROOT = Path(__file__).resolve().parent.parent.parent
METHODS = {"get", "put", "post", "delete", "patch", "head"}
Route = tuple[str, str]


def _documented() -> list[Route]:
    file = ROOT / "docs" / "openapi.json"
    paths = json.loads(file.read_text()).get("paths", {}) if file.exists() else {}
    return sorted((m.upper(), path) for path, item in paths.items() for m in item if m in METHODS)


def _filled(path: str, document: str = "0" * 32) -> str:
    if path.startswith("/v1/keys"):
        document = document[:16]
    path = path.replace("{key}", "default_summary").replace("{label}", "production").replace("{id}", document)
    return path.replace("{external_id}", "handbook")


# ── routes without a token ────────────────────────────────────────────────────


@pytest.mark.parametrize("route", _documented(), ids="-".join)
def test_route_requires_a_valid_token(stack: LocalStack, clinic: Tenant, route: Route) -> None:
    method, path = route
    body = {"anything": 1} if method in ("PUT", "POST", "PATCH") else None
    problem(stack.api().call(method, _filled(path), body), 401)
    forged = unknown_key(stack.issuer, clinic.id, "ES256")
    problem(stack.api(token=forged).call(method, _filled(path), body), 401)


@pytest.mark.parametrize("path", sorted({path for _, path in _documented()}))
def test_other_methods_of_a_route_require_a_token_and_do_nothing(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, path: str
) -> None:
    """API Gateway sends every method of a path to its function."""
    known = {method for method, documented in _documented() if documented == path}
    for method in sorted({"GET", "PUT", "POST", "DELETE", "PATCH"} - known):
        body = {"body": "x"} if method in ("PUT", "POST", "PATCH") else None
        problem(stack.api().call(method, _filled(path), body), 401)
        for tenant in (clinic, bicycles):
            problem(stack.api(tenant).call(method, _filled(path), body), 405)


# ── roles within a tenant ─────────────────────────────────────────────────────

_ROLES = ("reader", "writer", "admin")


def _required_roles() -> dict[Route, str]:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    return {(method, path): paths[path][method.lower()]["x-required-role"] for method, path in _documented()}


@pytest.mark.parametrize("route", _documented(), ids="-".join)
def test_route_refuses_a_lower_role_before_it_reads_the_request(
    stack: LocalStack, clinic: Tenant, route: Route
) -> None:
    (method, path), required = route, _required_roles()[route]
    body = {"anything": 1} if method in ("PUT", "POST") else None
    forged = {"X-Role": "admin", "Role": "admin", "X-Amz-Role": "admin"}
    for role in _ROLES:
        # Without a label, so that the request changes nothing.
        answer = stack.api(clinic, role=role).call(
            method, _filled(path, "f" * 32) + "?role=admin", body, headers=forged
        )
        if _ROLES.index(role) < _ROLES.index(required):
            refused = problem(answer, 403)
            assert refused["type"] == "urn:bulkhead:problem:role-required"
            assert f"`{required}`" in refused["detail"] and f"`{role}`" in refused["detail"]
        else:
            # The control: the function reads the request, and refuses its parameter or its body.
            assert answer.status in (200, 202, 400), f"{role}: {answer.status} {answer.text[:300]}"


@pytest.mark.parametrize("claim", [None, "", "Admin", "owner", ["owner"], [], 7, True, {"admin": True}], ids=str)
def test_token_without_a_known_role_may_do_nothing(stack: LocalStack, clinic: Tenant, claim: Any) -> None:
    claims = {**stack.issuer.claims(clinic.id), "role": claim}
    api = stack.api(token=stack.issuer.sign(claims))
    for method, path in (("GET", "/v1/templates"), ("GET", "/v1/openapi.json"), ("POST", "/v1/search")):
        refused = problem(api.call(method, path, {} if method == "POST" else None), 403)
        assert refused["type"] == "urn:bulkhead:problem:role-required"
        assert "the caller has no role" in refused["detail"]


def test_highest_role_of_a_list_counts(stack: LocalStack, clinic: Tenant) -> None:
    for roles, saves in ((["reader", "offline_access"], False), (["reader", "writer"], True)):
        claims = {**stack.issuer.claims(clinic.id), "role": roles}
        api = stack.api(token=stack.issuer.sign(claims))
        api.get("/v1/templates").expect(200)
        saved = api.put("/v1/templates/by-role", {"body": "x"})
        assert saved.status == (403 if not saves else 201), saved.text


def test_without_a_role_claim_every_token_has_all_rights(stack: LocalStack, clinic: Tenant) -> None:
    """A deployment with an empty `RoleClaim` does not use roles."""
    claims = {**stack.issuer.claims(clinic.id), "role": "reader"}
    problem(stack.api(token=stack.issuer.sign(claims)).put("/v1/templates/roleless", {"body": "x"}), 403)
    with configured(stack, stack.outputs["BasicAuthorizerFunction"], ROLE_CLAIM=""):
        # Another token than before, because API Gateway caches the answer for a token.
        api = stack.api(token=stack.issuer.sign({**claims, "jti": "1"}))
        api.put("/v1/templates/roleless", {"body": "x"}).expect(201)
        api.delete("/v1/templates/roleless").expect(204)


# ── one attack per route ──────────────────────────────────────────────────────


def _titles(answer: Any) -> set[str]:
    return {each["title"] for each in answer}


def _read_template(owner: Api, intruder: Api) -> None:
    mine = intruder.get("/v1/templates/default_summary").expect(200)
    theirs = owner.get("/v1/templates/default_summary").expect(200)
    assert mine["body"] != theirs["body"] and mine["version"] != theirs["version"]
    # The clinic has version 2 of this prompt template, the bicycles do not.
    problem(intruder.get("/v1/templates/default_summary?version=2"), 404)


def _list_versions(owner: Api, intruder: Api) -> None:
    for number in range(3):
        owner.save_template("clinic-versions", "text", description=f"clinic {number}")
    path = "/v1/templates/clinic-versions/versions"
    problem(intruder.get(path), 404)
    intruder.save_template("clinic-versions", "Mine.", description="bicycles")
    # A cursor of the owner leads the intruder only through its own versions.
    cursor = owner.get(f"{path}?limit=1").expect(200)["cursor"]
    mine = intruder.get(path).expect(200)["versions"] + intruder.get(f"{path}?cursor={cursor}").expect(200)["versions"]
    assert {each["description"] for each in mine} == {"bicycles"}
    theirs = owner.get(path).expect(200)["versions"]
    assert [each["description"] for each in theirs] == ["clinic 2", "clinic 1", "clinic 0"]


NEW = {"If-None-Match": "*"}


def _labelled(owner: Api, key: str) -> str:
    """Saves two versions of a prompt template, labels the first one, and returns the path of the labels."""
    path = f"/v1/templates/{key}/labels"
    for text in ("Only the clinic has this.", "Only the clinic has this, too."):
        owner.save_template(key, text)
    owner.put(f"{path}/production", {"version": 1}, headers=NEW).expect(201)
    return path


def _list_labels(owner: Api, intruder: Api) -> None:
    path = _labelled(owner, "clinic-labels")
    problem(intruder.get(path), 404)
    question = {"template": "clinic-labels", "label": "production", "question": "Why?"}
    problem(intruder.get("/v1/templates/clinic-labels?label=production"), 404)
    problem(intruder.post("/v1/inference", question), 404)
    intruder.save_template("clinic-labels", "Mine.")
    assert intruder.get(path).expect(200) == {"labels": {}, "moves": []}
    problem(intruder.get("/v1/templates/clinic-labels?label=production"), 404)
    problem(intruder.post("/v1/inference", question), 404)
    # The control: the owner reads and uses its label.
    assert owner.get(path).expect(200)["labels"] == {"production": 1}
    assert owner.post("/v1/inference", question).expect(200)["template"]["version"] == 1


def _diff_template(owner: Api, intruder: Api) -> None:
    path = "/v1/templates/clinic-diff/diff"
    for text in ("Only the clinic has this.", "Only the clinic has this, too."):
        owner.save_template("clinic-diff", text)
    problem(intruder.get(path), 404)
    intruder.save_template("clinic-diff", "Mine.")
    for query in ("?to=2", "?from=2", "?from=1&to=2"):
        problem(intruder.get(path + query), 404)
    assert intruder.get(f"{path}?from=1").expect(200)["differences"] == []
    # The control: the owner reads its texts.
    (body,) = owner.get(path).expect(200)["differences"]
    assert "-Only the clinic has this.\n" in body["unified"]


def _move_label(owner: Api, intruder: Api) -> None:
    path = _labelled(owner, "clinic-moves")
    before = owner.get(path)
    current = {"If-Match": before.headers["etag"]}
    for headers in (NEW, current):
        problem(intruder.put(f"{path}/production", {"version": 2}, headers=headers), 404)
    intruder.save_template("clinic-moves", "Mine.")
    # The owner's entity tag is not the intruder's, and the owner's second version does not exist for the intruder.
    refused = problem(intruder.put(f"{path}/production", {"version": 1}, headers=current), 409)
    assert refused["current"] == {}
    problem(intruder.put(f"{path}/production", {"version": 2}, headers=NEW), 404)
    assert intruder.put(f"{path}/production", {"version": 1}, headers=NEW).status == 201
    after = owner.get(path)
    assert (after.json, after.headers["etag"]) == (before.json, before.headers["etag"])
    # The control: the same move works for the owner.
    moved = owner.put(f"{path}/production", {"version": 2}, headers=current).expect(200)
    assert moved["labels"] == {"production": 2}


def _delete_label(owner: Api, intruder: Api) -> None:
    path = _labelled(owner, "clinic-unlabels")
    current = {"If-Match": owner.get(path).headers["etag"]}
    problem(intruder.delete(f"{path}/production", headers=current), 404)
    assert owner.get(path).expect(200)["labels"] == {"production": 1}
    assert owner.delete(f"{path}/production", headers=current).status == 204


def _render_template(owner: Api, intruder: Api) -> None:
    key = "clinic-renders"
    owner.save_template(key, "Only the clinic has {{ what }}.", variables=_DECLARES_WHAT)
    owner.put(f"/v1/templates/{key}/labels/production", {"version": 1}, headers=NEW).expect(201)
    path, values = f"/v1/templates/{key}/render", {"what": "this"}
    for selected in ({}, {"version": 1}, {"label": "production"}):
        problem(intruder.post(path, {"variables": values, **selected}), 404)
    # The control: the owner renders it. The messages name no other tenant.
    theirs = owner.post(path, {"variables": values, "label": "production"}).expect(200)
    assert theirs["text"] == "Only the clinic has this."
    intruder.save_template(key, "Mine, with {{ what }}.")
    mine = intruder.post(path, {"variables": values}).expect(200)
    assert mine["text"] == "Mine, with this." and mine["sha256"] != theirs["sha256"]
    assert mine["messages"][1]["content"][0] != theirs["messages"][1]["content"][0]
    assert "clinic has" not in json.dumps(mine)


_DECLARES_WHAT = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}


def _save_template(owner: Api, intruder: Api) -> None:
    before = owner.get("/v1/templates/default_summary").expect(200)
    secret = owner.save_template("clinic-only", "Only the clinic has this.")
    assert intruder.put("/v1/templates/clinic-only", {"body": "Mine."}).status == 201
    assert owner.get("/v1/templates/clinic-only").expect(200)["body"] == secret["body"]
    assert owner.get("/v1/templates/default_summary").expect(200) == before


def _delete_template(owner: Api, intruder: Api) -> None:
    owner.save_template("clinic-keeps", "Only the clinic has this.")
    problem(intruder.delete("/v1/templates/clinic-keeps"), 404)
    assert owner.get("/v1/templates/clinic-keeps").status == 200


def _list_templates(owner: Api, intruder: Api) -> None:
    owner.save_template("clinic-lists", "Only the clinic has this.")
    listed = [each["key"] for page in intruder.pages("/v1/templates", "templates", 50) for each in page]
    assert listed and "clinic-lists" not in listed


def _assert_same_404(intruder: Api, method: str, foreign: str, more: str = "", body: Any = None) -> None:
    """Asserts that another tenant's document and a missing one give the same answer, except the request id."""
    theirs = problem(intruder.call(method, f"/v1/documents/{foreign}{more}", body), 404)
    absent = problem(intruder.call(method, "/v1/documents/" + "0" * 31 + "1" + more, body), 404)
    for body in (theirs, absent):
        body.pop("request_id")
    assert theirs == absent, "the answer reveals that the document exists"


def _attack_document(method: str, more: str = "", body: Any = None) -> Callable[[Api, Api], None]:
    def attack(owner: Api, intruder: Api) -> None:
        # The newest document may still change.
        oldest = owner.get("/v1/documents?status=ready").expect(200)["documents"][-1]
        foreign = oldest["id"]
        _assert_same_404(intruder, method, foreign, more, body)
        assert owner.get(f"/v1/documents/{foreign}").expect(200) == oldest, "the document was changed"

    return attack


def _list_documents(owner: Api, intruder: Api) -> None:
    mine = intruder.get("/v1/documents?limit=50").expect(200)["documents"]
    theirs = owner.get("/v1/documents?limit=50").expect(200)["documents"]
    assert mine and theirs and not {d["id"] for d in mine} & {d["id"] for d in theirs}
    assert not _titles(mine) & _titles(theirs)
    # A filter of the owner's values finds nothing; the owner finds its document by them.
    listed = owner.add_document("Listed by metadata", "A page.", metadata={"case": "ward-17"})
    query = "/v1/documents?metadata[case]=ward-17"
    assert intruder.get(query).expect(200) == {"documents": [], "cursor": None}
    assert [each["id"] for each in owner.get(query).expect(200)["documents"]] == [listed["id"]]
    owner.delete(f"/v1/documents/{listed['id']}").expect(204)


def _add_document(owner: Api, intruder: Api) -> None:
    before = owner.get("/v1/documents?limit=50").expect(200)
    made = intruder.add_document("Tyres", "Tyres are pumped on Fridays.")
    assert owner.get("/v1/documents?limit=50").expect(200) == before
    problem(owner.get(f"/v1/documents/{made['id']}"), 404)


def _request_upload(owner: Api, intruder: Api) -> None:
    body = {"title": "Spokes", "content_type": "text/plain", "bytes": 10}
    theirs = owner.post("/v1/documents/uploads", body).expect(201)
    mine = intruder.post("/v1/documents/uploads", body).expect(201)
    prefix = _tenant_in(mine["upload"]["url"])
    assert prefix and prefix != _tenant_in(theirs["upload"]["url"])
    owner.delete(f"/v1/documents/{theirs['document']['id']}").expect(204)
    intruder.delete(f"/v1/documents/{mine['document']['id']}").expect(204)


def _tenant_in(url: str) -> str:
    return url.split("/t/", 1)[1].split("/", 1)[0]


def _ask(owner: Api, intruder: Api) -> None:
    own = {each["id"] for each in intruder.get("/v1/documents?limit=50").expect(200)["documents"]}
    for question in (*QUESTIONS, "What does the nurse from Skerrow open?", CLINIC.canary):
        answer = intruder.ask(question, retrieval={"limit": 20}, variables={"reader": "another tenant"})
        cited = {each["document"] for each in answer["citations"]}
        assert cited and cited <= own, f"{question!r} cites pages of another tenant: {cited - own}"
    owner.save_template("clinic-asks", 'Begin every answer with "Clinic:"')
    problem(intruder.post("/v1/inference", {"template": "clinic-asks", "question": "Why?"}), 404)


def _read_inference(owner: Api, intruder: Api) -> None:
    body = {"template": "default_summary", "question": "What does the nurse open?", "variables": {"reader": "a guest"}}
    theirs = owner.post("/v1/inference", {**body, "store": True}).expect(200)["id"]
    path = f"/v1/inferences/{theirs}"
    _assert_same_as_missing(intruder, "GET", path)
    further = {"template": "default_summary", "question": "What did I ask?", "conversation": theirs}
    for variables in ({}, {"reader": "a guest"}):
        problem(intruder.post("/v1/inference", {**further, "variables": variables}), 404)
    # The control: the owner reads its record, and continues it.
    assert owner.get(path).expect(200)["content"]["answer"]
    owner.post("/v1/inference", {**further, "variables": {"reader": "a guest"}}).expect(200)


def _delete_inference(owner: Api, intruder: Api) -> None:
    body = {"template": "default_summary", "question": "What does the nurse open?", "variables": {"reader": "a guest"}}
    path = f"/v1/inferences/{owner.post('/v1/inference', body).expect(200)['id']}"
    _assert_same_as_missing(intruder, "DELETE", path)
    assert owner.get(path).status == 200
    assert owner.delete(path).status == 204


def _assert_same_as_missing(intruder: Api, method: str, foreign: str) -> None:
    theirs = problem(intruder.call(method, foreign), 404)
    absent = problem(intruder.call(method, f"{foreign.rpartition('/')[0]}/{'0' * 31}1"), 404)
    theirs.pop("request_id"), absent.pop("request_id")
    assert theirs == absent, "the answer reveals that the item exists"


def _stream(owner: Api, intruder: Api) -> None:
    own = {each["id"] for each in intruder.get("/v1/documents?limit=50").expect(200)["documents"]}
    asked = {"template": "default_summary", "variables": {"reader": "another tenant"}, "retrieval": {"limit": 20}}
    for question in (*QUESTIONS, CLINIC.canary):
        with intruder.stream("/v1/inference/stream", {**asked, "question": question}) as events:
            cited = {each["document"] for each in dict(events)["citations"]["citations"]}
        assert cited and cited <= own, f"{question!r} cites pages of another tenant: {cited - own}"
    owner.save_template("clinic-streams", "Only the clinic has this.")
    problem(intruder.post("/v1/inference/stream", {"template": "clinic-streams", "question": "Why?"}), 404)
    # The control: the owner's stream cites its canary.
    with owner.stream("/v1/inference/stream", {**asked, "question": CLINIC.canary}) as events:
        theirs = dict(events)["citations"]["citations"]
    assert any(CLINIC.canary in each["text"] for each in theirs)


def _complete_chat(owner: Api, intruder: Api) -> None:
    own = {each["id"] for each in intruder.get("/v1/documents?limit=50").expect(200)["documents"]}

    def asked(question: str, **more: Any) -> dict[str, Any]:
        grounds = {"retrieval": {"limit": 20}, **more}
        return {"model": "default", "messages": [{"role": "user", "content": question}], "bulkhead": grounds}

    for question in (*QUESTIONS, CLINIC.canary):
        answer = intruder.post("/v1/chat/completions", asked(question)).expect(200)["bulkhead"]
        cited = {each["document"] for each in answer["citations"]}
        assert cited and cited <= own, f"{question!r} cites pages of another tenant: {cited - own}"
    owner.save_template("clinic-chats", "Only the clinic has this.")
    problem(intruder.post("/v1/chat/completions", asked("Why?", template="clinic-chats")), 404)
    # The control: the owner's chat uses its prompt template and cites its canary.
    theirs = owner.post("/v1/chat/completions", asked(CLINIC.canary, template="clinic-chats")).expect(200)["bulkhead"]
    assert theirs["template"]["key"] == "clinic-chats"
    assert any(CLINIC.canary in each["text"] for each in theirs["citations"])


def _embed(owner: Api, intruder: Api) -> None:
    """An embedding depends on its text alone."""
    body = {"model": "default", "input": CLINIC.canary}
    assert owner.post("/v1/embeddings", body).expect(200) == intruder.post("/v1/embeddings", body).expect(200)


def _list_models(owner: Api, intruder: Api) -> None:
    assert owner.get("/v1/models").expect(200) == intruder.get("/v1/models").expect(200)


def _read_usage(owner: Api, intruder: Api) -> None:
    def calls(api: Api) -> int:
        return api.get("/v1/usage").expect(200)["total"]["calls"]

    theirs, mine = calls(owner), calls(intruder)
    owner.post("/v1/embeddings", {"model": "default", "input": CLINIC.canary}).expect(200)
    assert calls(intruder) == mine
    # The control: the owner sees its call.
    assert calls(owner) == theirs + 1
    problem(intruder.get("/v1/usage?tenant=x"), 400)


def _search(owner: Api, intruder: Api) -> None:
    own = {each["id"] for each in intruder.get("/v1/documents?limit=50").expect(200)["documents"]}
    for question in (*QUESTIONS, "What does the nurse from Skerrow open?", CLINIC.canary):
        asked = {"question": question, "retrieval": {"limit": 20}}
        found = {each["document"] for each in intruder.post("/v1/search", asked).expect(200)["passages"]}
        assert found and found <= own, f"{question!r} finds pages of another tenant: {found - own}"
    # The same metadata and the same filter find only own documents.
    shelf = {"shelf": "shared"}
    hidden = owner.add_document("Filtered", "The filtered page of the clinic.", metadata=shelf)["id"]
    mine = intruder.add_document("Filtered", "The filtered page of the bicycles.", metadata=shelf)["id"]
    until(lambda: _filtered(owner), bool, "the owner's document is found")
    until(lambda: _filtered(intruder), bool, "the intruder's document is found")
    assert (_filtered(owner), _filtered(intruder)) == ({hidden}, {mine})
    for wanted in ({"shelf": {"$ne": "x"}}, {"$or": [{"shelf": "shared"}, {"sealed": {"$exists": True}}]}):
        assert _filtered(intruder, wanted) == {mine}
    owner.delete(f"/v1/documents/{hidden}").expect(204)
    intruder.delete(f"/v1/documents/{mine}").expect(204)
    # The control: the owner finds its canary.
    theirs = owner.post("/v1/search", {"question": CLINIC.canary}).expect(200)["passages"]
    assert any(CLINIC.canary in each["text"] for each in theirs)


def _filtered(api: Api, wanted: Any = None) -> set[str]:
    """Returns the documents that a filter finds."""
    asked = {"question": "filtered page", "retrieval": {"limit": 20, "filter": wanted or {"shelf": "shared"}}}
    return {each["document"] for each in api.post("/v1/search", asked).expect(200)["passages"]}


def _read_description(owner: Api, intruder: Api) -> None:
    assert owner.get("/v1/openapi.json").expect(200) == intruder.get("/v1/openapi.json").expect(200)


def _make_dead_letter(owner: Api) -> str:
    """Adds an unreadable document, waits for its dead letter and returns its id."""
    content = b"\x7fELF is no text"
    about = {"title": "Broken", "content_type": "text/plain", "bytes": len(content)}
    slot = owner.post("/v1/documents/uploads", about).expect(201)
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    until(lambda: _dead_letters(owner), lambda found: slot["document"]["id"] in found, "the job is dead")
    return slot["document"]["id"]


def _dead_letters(api: Api) -> list[str]:
    letters = api.get("/v1/dead-letters?limit=100").expect(200)["dead_letters"]
    return [each["document"] for each in letters]


def _create_batch(owner: Api, intruder: Api) -> None:
    page = {"title": "Batch", "content_type": "text/plain", "content": "Only the clinic has this batch."}
    batch = {"documents": [{**page, "external_id": "clinic-batch"}, page]}
    theirs = [each["document"] for each in owner.post("/v1/documents/batch", batch).expect(200)["results"]]
    mine = [each["document"] for each in intruder.post("/v1/documents/batch", batch).expect(200)["results"]]
    # The owner's external id is free for the intruder, and the owner's document is unchanged.
    assert not {each["id"] for each in mine} & {each["id"] for each in theirs}
    assert [each["revision"] for each in mine] == [1, 1]
    assert owner.get("/v1/external-ids/clinic-batch").expect(200)["revision"] == 1
    for api, made in ((owner, theirs), (intruder, mine)):
        ids = [each["id"] for each in made]
        assert [each["status"] for each in api.post("/v1/documents/delete", {"ids": ids}).expect(200)["results"]] == [
            204,
            204,
        ]


def _delete_batch(owner: Api, intruder: Api) -> None:
    foreign = owner.add_document("Kept", "Only the clinic has this.")["id"]
    absent = "0" * 31 + "1"
    results = intruder.post("/v1/documents/delete", {"ids": [foreign, absent]}).expect(200)["results"]
    assert [each["status"] for each in results] == [404, 404]
    assert results[0]["problem"] == results[1]["problem"], "the answer reveals that the document exists"
    assert owner.get(f"/v1/documents/{foreign}").status == 200
    # The control: the owner deletes it.
    results = owner.post("/v1/documents/delete", {"ids": [foreign]}).expect(200)["results"]
    assert results == [{"id": foreign, "status": 204}]


def _delete_by_filter(owner: Api, intruder: Api) -> None:
    path, by = "/v1/documents/delete-by-filter", {"filter": {"case": "ward-18"}}
    page = {"title": "Kept", "content_type": "text/plain", "content": "A page.", "metadata": {"case": "ward-18"}}
    theirs = owner.post("/v1/documents", page).expect(202)["id"]
    nothing = {"matched": 0, "results": [], "remaining": 0, "cursor": None}
    # A cursor of the owner leads the intruder only through its own documents.
    for more in ({}, {"dry_run": True}, {"cursor": "f" * 32}, {"cursor": theirs}):
        assert intruder.post(path, {**by, **more}).expect(200) == nothing
    mine = intruder.post("/v1/documents", page).expect(202)["id"]
    assert intruder.post(path, by).expect(200)["results"] == [{"id": mine, "status": 204}]
    assert owner.get(f"/v1/documents/{theirs}").status == 200
    # The control: the owner counts and deletes it.
    assert owner.post(path, {**by, "dry_run": True}).expect(200)["remaining"] == 1
    assert owner.post(path, by).expect(200)["results"] == [{"id": theirs, "status": 204}]


def _read_source(owner: Api, intruder: Api) -> None:
    _attack_document("GET", "/source")(owner, intruder)
    # The control: the owner downloads the file. The URL names the owner's prefix and cannot name another one.
    mine = intruder.get("/v1/documents?status=ready&limit=1").expect(200)["documents"][0]
    theirs = owner.get("/v1/documents?status=ready&limit=1").expect(200)["documents"][0]
    own = intruder.get(f"/v1/documents/{mine['id']}/source").expect(200)["url"]
    foreign = owner.get(f"/v1/documents/{theirs['id']}/source").expect(200)["url"]
    assert send("GET", own).status == send("GET", foreign).status == 200
    moved = own.replace(_tenant_in(own), _tenant_in(foreign)).replace(mine["id"], theirs["id"])
    assert moved != own and send("GET", moved).status == 403


def _read_passages(owner: Api, intruder: Api) -> None:
    _attack_document("GET", "/passages")(owner, intruder)
    _attack_document("GET", "/passages?cursor=1.0")(owner, intruder)
    # The control: the owner reads them.
    theirs = owner.get("/v1/documents?status=ready&limit=1").expect(200)["documents"][0]
    assert owner.get(f"/v1/documents/{theirs['id']}/passages").expect(200)["passages"]


def _attack_external_id(method: str, more: str, body: Any, status: int) -> Callable[[Api, Api], None]:
    """The owner's external id is free for the intruder, and names the intruder's own document."""

    def attack(owner: Api, intruder: Api) -> None:
        path = f"/v1/external-ids/clinic-{method.lower()}{len(more)}"
        page = {"title": "Case", "content_type": "text/plain", "content": "Only the clinic has this case."}
        before = owner.put(path, page).expect(202)
        if method == "GET":
            problem(intruder.get(path), 404)
            intruder.put(path, {**page, "title": "Mine"}).expect(202)
        made = intruder.call(method, path + more, body).expect(status)
        made = made.get("document", made)
        assert made["id"] != before["id"] and made["revision"] == 1 and made["title"] == "Mine"
        problem(owner.get(f"/v1/documents/{made['id']}"), 404)
        # The control: the owner reads its document by the id. It is unchanged.
        after = owner.get(path).expect(200)
        assert (after["id"], after["title"], after["revision"]) == (before["id"], "Case", 1)
        owner.delete(f"/v1/documents/{before['id']}").expect(204)
        assert intruder.get(path).expect(200)["id"] == made["id"]
        intruder.delete(f"/v1/documents/{made['id']}").expect(204)

    return attack


def _list_dead_letters(owner: Api, intruder: Api) -> None:
    broken = _make_dead_letter(owner)
    assert broken in _dead_letters(owner) and broken not in _dead_letters(intruder)
    owner.delete(f"/v1/documents/{broken}").expect(204)


def _redrive(owner: Api, intruder: Api) -> None:
    broken = _make_dead_letter(owner)
    problem(intruder.post(f"/v1/dead-letters/{broken}/redrive", None), 404)
    assert broken in _dead_letters(owner)
    owner.delete(f"/v1/documents/{broken}").expect(204)


def _redrive_all(owner: Api, intruder: Api) -> None:
    broken = _make_dead_letter(owner)
    assert broken not in intruder.post("/v1/dead-letters/redrive", None).expect(202)["documents"]
    assert broken in _dead_letters(owner)
    owner.delete(f"/v1/documents/{broken}").expect(204)


def _without_id(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "request_id"}


def _list_keys(owner: Api, intruder: Api) -> None:
    made = owner.post("/v1/keys", {"name": "Clinic's", "role": "reader"}).expect(201)
    mine = intruder.get("/v1/keys").expect(200)["keys"]
    assert made["id"] not in {each["id"] for each in mine} and "Clinic" not in str(mine)
    theirs = owner.get("/v1/keys").expect(200)["keys"]
    assert made["id"] in {each["id"] for each in theirs} and "key" not in theirs[0]
    owner.delete(f"/v1/keys/{made['id']}").expect(204)


def _create_key(owner: Api, intruder: Api) -> None:
    before = owner.get("/v1/keys").expect(200)
    made = intruder.post("/v1/keys", {"name": "Mine", "role": "reader"}).expect(201)
    assert owner.get("/v1/keys").expect(200) == before
    tenant, other = made["key"].split("_")[2], owner.post("/v1/keys", {"name": "Ours", "role": "reader"}).expect(201)
    assert other["key"].split("_")[2] != tenant
    intruder.delete(f"/v1/keys/{made['id']}").expect(204)
    owner.delete(f"/v1/keys/{other['id']}").expect(204)


def _attack_key(method: str, more: str = "", body: Any = None) -> Callable[[Api, Api], None]:
    def attack(owner: Api, intruder: Api) -> None:
        made = owner.post("/v1/keys", {"name": "Clinic's", "role": "reader"}).expect(201)
        path = f"/v1/keys/{made['id']}"
        theirs = problem(intruder.call(method, path + more, body), 404)
        absent = problem(intruder.call(method, "/v1/keys/" + "0" * 16 + more, body), 404)
        assert _without_id(theirs) == _without_id(absent), "the answer reveals that the key exists"
        secret = made.pop("key")
        assert owner.get(path).expect(200) == made, "the key was changed"
        Api(owner.base, secret).get("/v1/templates").expect(200)
        # The control: the same call works for the owner.
        assert owner.call(method, path + more, body).status in (200, 204)
        owner.delete(path)

    return attack


ATTACKS: dict[Route, Callable[[Api, Api], None]] = {
    ("GET", "/v1/templates"): _list_templates,
    ("GET", "/v1/templates/{key}"): _read_template,
    ("GET", "/v1/templates/{key}/versions"): _list_versions,
    ("GET", "/v1/templates/{key}/diff"): _diff_template,
    ("GET", "/v1/templates/{key}/labels"): _list_labels,
    ("PUT", "/v1/templates/{key}/labels/{label}"): _move_label,
    ("DELETE", "/v1/templates/{key}/labels/{label}"): _delete_label,
    ("POST", "/v1/templates/{key}/render"): _render_template,
    ("PUT", "/v1/templates/{key}"): _save_template,
    ("DELETE", "/v1/templates/{key}"): _delete_template,
    ("GET", "/v1/documents"): _list_documents,
    ("POST", "/v1/documents"): _add_document,
    ("POST", "/v1/documents/uploads"): _request_upload,
    ("GET", "/v1/documents/{id}"): _attack_document("GET"),
    ("DELETE", "/v1/documents/{id}"): _attack_document("DELETE"),
    ("PUT", "/v1/documents/{id}"): _attack_document(
        "PUT", body={"title": "Mine", "content_type": "text/plain", "content": "Now it says this."}
    ),
    ("PATCH", "/v1/documents/{id}"): _attack_document("PATCH", body={"title": "Mine", "metadata": {"mine": True}}),
    ("POST", "/v1/documents/{id}/uploads"): _attack_document(
        "POST", "/uploads", {"title": "Mine", "content_type": "text/plain", "bytes": 10}
    ),
    ("POST", "/v1/documents/batch"): _create_batch,
    ("POST", "/v1/documents/delete"): _delete_batch,
    ("POST", "/v1/documents/delete-by-filter"): _delete_by_filter,
    ("GET", "/v1/documents/{id}/source"): _read_source,
    ("GET", "/v1/documents/{id}/passages"): _read_passages,
    ("GET", "/v1/external-ids/{external_id}"): _attack_external_id("GET", "", None, 200),
    ("PUT", "/v1/external-ids/{external_id}"): _attack_external_id(
        "PUT", "", {"title": "Mine", "content_type": "text/plain", "content": "Mine."}, 202
    ),
    ("POST", "/v1/external-ids/{external_id}/uploads"): _attack_external_id(
        "POST", "/uploads", {"title": "Mine", "content_type": "text/plain", "bytes": 10}, 201
    ),
    ("GET", "/v1/dead-letters"): _list_dead_letters,
    ("POST", "/v1/dead-letters/{id}/redrive"): _redrive,
    ("POST", "/v1/dead-letters/redrive"): _redrive_all,
    ("POST", "/v1/inference"): _ask,
    ("GET", "/v1/inferences/{id}"): _read_inference,
    ("DELETE", "/v1/inferences/{id}"): _delete_inference,
    ("POST", "/v1/inference/stream"): _stream,
    ("POST", "/v1/chat/completions"): _complete_chat,
    ("POST", "/v1/embeddings"): _embed,
    ("GET", "/v1/models"): _list_models,
    ("GET", "/v1/usage"): _read_usage,
    ("POST", "/v1/search"): _search,
    ("GET", "/v1/keys"): _list_keys,
    ("POST", "/v1/keys"): _create_key,
    ("GET", "/v1/keys/{id}"): _attack_key("GET"),
    ("DELETE", "/v1/keys/{id}"): _attack_key("DELETE"),
    ("POST", "/v1/keys/{id}/rotate"): _attack_key("POST", "/rotate", {"overlap_seconds": 60}),
    ("GET", "/v1/openapi.json"): _read_description,
}


@pytest.mark.parametrize("route", ATTACKS, ids="-".join)
def test_route_reads_and_changes_nothing_of_another_tenant(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, route: Route
) -> None:
    ATTACKS[route](stack.api(clinic), stack.api(bicycles))


@dataclass(frozen=True)
class _OtherTemplates(Api):
    """An API whose prompt templates have other keys, in both directions.

    The attacks with a token have used the keys `clinic-…`, and version numbers are not used again.
    """

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        renamed = json.loads(json.dumps(body).replace("clinic-", "keyed-"))
        answer = super().call(method, path.replace("clinic-", "keyed-"), renamed, **more)
        return replace(answer, body=answer.body.replace(b"keyed-", b"clinic-"))


@pytest.fixture(scope="module")
def keyed(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> Iterator[tuple[Api, Api]]:
    """Both tenants with an API key as credential, instead of a token."""
    made = [(stack.api(tenant), tenant) for tenant in (clinic, bicycles)]
    keys = [(api, api.post("/v1/keys", {"name": "Attacks", "role": "admin"}).expect(201)) for api, _ in made]
    yield _OtherTemplates(stack.base, keys[0][1]["key"]), _OtherTemplates(stack.base, keys[1][1]["key"])
    for api, key in keys:
        api.delete(f"/v1/keys/{key['id']}").expect(204)


@pytest.mark.parametrize("route", ATTACKS, ids="-".join)
def test_route_reads_and_changes_nothing_of_another_tenant_with_an_api_key(
    keyed: tuple[Api, Api], route: Route
) -> None:
    owner, intruder = keyed
    ATTACKS[route](owner, intruder)


def test_every_documented_route_is_attacked() -> None:
    documented = set(_documented())
    assert documented, "docs/openapi.json documents no route"
    assert set(ATTACKS) == documented, (
        f"without attack: {sorted(documented - set(ATTACKS))}; attack without route: {sorted(set(ATTACKS) - documented)}"
    )


# ── cursors ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/v1/templates", "/v1/documents"])
def test_another_tenants_cursor_lists_only_own_items(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, path: str
) -> None:
    owner, intruder = stack.api(clinic), stack.api(bicycles)
    for number in range(3):
        owner.save_template(f"cursor-{number}", "text")
    items = path.rsplit("/", 1)[-1]
    cursor = owner.get(f"{path}?limit=1").expect(200)["cursor"]
    assert cursor, "the owner's list has only one page; the test proves nothing"
    assert clinic.id not in cursor, "the cursor contains the tenant id"
    answer: Answer = intruder.get(f"{path}?limit=50&cursor={cursor}")
    assert answer.status in (200, 400), answer.text
    if answer.status == 200:
        whole = intruder.get(f"{path}?limit=50").expect(200)[items]
        assert all(each in whole for each in answer.json[items]), "the cursor led to other items"
