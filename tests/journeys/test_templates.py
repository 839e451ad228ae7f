"""Prompt templates over HTTP: versions, listing, deletion and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/templates"


def test_first_version_is_created_and_next_version_replaces_it(api: Api) -> None:
    first = api.put(f"{PATH}/summary", {"body": "Be brief.", "description": "for the desk"})
    assert first.status == 201, first.text
    assert (
        first.json.items()
        >= {
            "key": "summary",
            "version": 1,
            "body": "Be brief.",
            "description": "for the desk",
        }.items()
    )
    assert first.json["created_at"]
    second = api.put(f"{PATH}/summary", {"body": "Be very brief."})
    assert (second.status, second.json["version"]) == (200, 2), second.text
    latest = api.get(f"{PATH}/summary").expect(200)
    assert (latest["version"], latest["body"]) == (2, "Be very brief.")


def test_old_version_does_not_change(api: Api) -> None:
    for text in ("one", "two", "three"):
        api.save_template("history", text)
    for version, text in enumerate(("one", "two", "three"), start=1):
        found = api.get(f"{PATH}/history?version={version}").expect(200)
        assert (found["version"], found["body"]) == (version, text)


def test_versions_are_listed_newest_first(api: Api) -> None:
    for number in range(1, 8):
        api.save_template("listed", f"text {number}", description=f"number {number}")
    pages = api.pages(f"{PATH}/listed/versions", "versions", 3)
    assert [len(page) for page in pages] == [3, 3, 1]
    versions = [each for page in pages for each in page]
    assert [(each["version"], each["description"]) for each in versions] == [
        (n, f"number {n}") for n in range(7, 0, -1)
    ]
    for each in versions:
        found = api.get(f"{PATH}/listed?version={each['version']}").expect(200)
        assert (found["created_at"], found["created_by"]) == (each["created_at"], each["created_by"])
    whole = api.get(f"{PATH}/listed/versions?limit=7").expect(200)
    assert whole == {"versions": versions, "cursor": None}
    assert api.get(f"{PATH}/listed/versions?cursor=1").expect(200) == {"versions": [], "cursor": None}


def test_only_versions_after_a_delete_are_listed(api: Api) -> None:
    for text in ("one", "two"):
        api.save_template("listed-again", text)
    api.delete(f"{PATH}/listed-again").expect(204)
    problem(api.get(f"{PATH}/listed-again/versions"), 404)
    api.save_template("listed-again", "three")
    listed = api.get(f"{PATH}/listed-again/versions").expect(200)
    assert ([each["version"] for each in listed["versions"]], listed["cursor"]) == ([3], None)
    assert api.get(f"{PATH}/listed-again/versions?cursor=3").expect(200)["versions"] == []


@pytest.mark.parametrize("query", ["cursor=0", "cursor=x", "cursor=-1", "cursor=4294967296", "limit=0", "version=1"])
def test_invalid_query_of_versions_is_refused(api: Api, query: str) -> None:
    api.save_template("listed-wrong", "one")
    problem(api.get(f"{PATH}/listed-wrong/versions?{query}"), 400, query.split("=", maxsplit=1)[0])


def test_version_names_the_subject_of_the_token(stack: LocalStack, tenant: Tenant) -> None:
    def author(**changes: Any) -> Any:
        claims = {**stack.issuer.claims(tenant.id), **changes}
        token = stack.issuer.sign({name: value for name, value in claims.items() if value is not None})
        headers = {"X-Subject": "mallory", "principalId": "mallory"}
        saved = stack.api(token=token).put(f"{PATH}/authored", {"body": "text"}, headers=headers)
        listed = stack.api(token=token).get(f"{PATH}/authored/versions?limit=1").expect(200)["versions"]
        assert listed[0]["created_by"] == saved.expect(200, 201)["created_by"]
        return listed[0]["created_by"]

    assert author(sub="ada") == "ada"
    assert author(sub="auth0|é") == "auth0|é"
    assert author(sub=None) is None
    assert author(sub="x" * 256) is None


def test_subject_is_sealed_in_the_table(stack: LocalStack, tenant: Tenant) -> None:
    subject = "ada-lovelace-0815"
    token = stack.issuer.sign({**stack.issuer.claims(tenant.id), "sub": subject})
    stack.api(token=token).save_template("sealed-author", "text", description="for the desk 0815")
    stored = Target.of(stack, tenant).item("VERSION#sealed-author#")
    assert subject not in str(stored) and "for the desk" not in str(stored)


def test_missing_version_is_not_found(api: Api) -> None:
    api.save_template("short", "one")
    problem(api.get(f"{PATH}/short?version=2"), 404)


def test_version_zero_does_not_exist(api: Api) -> None:
    api.save_template("short", "one")
    assert api.get(f"{PATH}/short?version=0").status in (400, 404)


@pytest.mark.parametrize("version", ["-1", "x", "1.5", "99999999999999999999", ""])
def test_invalid_version_is_refused(api: Api, version: str) -> None:
    api.save_template("short", "one")
    problem(api.get(f"{PATH}/short?version={version}"), 400, "version")


def test_listing_pages_are_complete_and_without_duplicates(api: Api) -> None:
    for number in range(7):
        api.save_template(f"page-{number}", f"text {number}")
    pages = api.pages(PATH, "templates", 3)
    assert all(len(page) <= 3 for page in pages), f"a page is too long: {[len(p) for p in pages]}"
    keys = [each["key"] for page in pages for each in page]
    assert len(keys) == len(set(keys)), f"a key is listed twice: {keys}"
    assert {f"page-{number}" for number in range(7)} <= set(keys)
    assert keys == [each["key"] for page in api.pages(PATH, "templates", 100) for each in page]
    assert all(each["version"] >= 1 and each["updated_at"] for page in pages for each in page)


@pytest.mark.parametrize("limit", ["0", "-1", "101000", "many"])
def test_invalid_limit_is_refused(api: Api, limit: str) -> None:
    problem(api.get(f"{PATH}?limit={limit}"), 400, "limit")


@pytest.mark.parametrize("cursor", ["AAAA==", "%00", "TENANT%23x", "a" * 3000])
def test_invalid_cursor_is_refused(api: Api, cursor: str) -> None:
    problem(api.get(f"{PATH}?cursor={cursor}"), 400, "cursor")


def test_deleted_template_is_not_found(api: Api) -> None:
    api.save_template("gone", "text")
    answer = api.delete(f"{PATH}/gone")
    assert (answer.status, answer.body) == (204, b""), answer.text
    problem(api.get(f"{PATH}/gone"), 404)
    problem(api.get(f"{PATH}/gone?version=1"), 404)
    assert "gone" not in [each["key"] for page in api.pages(PATH, "templates", 100) for each in page]


def test_version_numbers_continue_after_a_delete(api: Api) -> None:
    """A version number must never mean two texts, because callers may store it."""
    api.save_template("phoenix", "one")
    api.save_template("phoenix", "two")
    api.delete(f"{PATH}/phoenix").expect(204)
    again = api.put(f"{PATH}/phoenix", {"body": "three"})
    assert again.json["version"] == 3, again.text
    problem(api.get(f"{PATH}/phoenix?version=1"), 404)


def test_missing_template_is_not_found(api: Api) -> None:
    problem(api.get(f"{PATH}/missing"), 404)
    problem(api.delete(f"{PATH}/missing"), 404)


@pytest.mark.parametrize(
    "key", ["Upper", "-first", "_first", "a" * 65, "a.b", "a%23b", "a%20b", "%C3%A4", "a%2Fb", "a%00"]
)
def test_key_with_invalid_characters_is_refused(api: Api, key: str) -> None:
    answer = api.put(f"{PATH}/{key}", {"body": "text"})
    assert answer.status in (400, 403, 404), f"{key!r} was accepted: {answer.status} {answer.text}"
    if answer.status == 400:
        problem(answer, 400, "key")


@pytest.mark.parametrize("key", ["a", "0", "a" * 64, "a-b_c", "9lives"])
def test_key_with_valid_characters_is_accepted(api: Api, key: str) -> None:
    assert api.save_template(key, "text")["key"] == key


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"body": 7}, "body"),
        ({"body": ["x"]}, "body"),
        ({"body": "x", "description": 7}, "description"),
        ({"body": "x", "colour": "blue"}, "colour"),
        ({"body": "x", "tenant_id": "0" * 32}, "tenant_id"),
        ({"body": "x", "version": 7}, "version"),
    ],
)
def test_invalid_body_is_refused_with_the_field_name(api: Api, body: object, word: str) -> None:
    problem(api.put(f"{PATH}/wrong", body), 400, word)
    problem(api.get(f"{PATH}/wrong"), 404)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"body":"a"}x'])
def test_body_that_is_not_a_json_object_is_refused(api: Api, raw: bytes) -> None:
    problem(api.put(f"{PATH}/wrong", raw=raw), 400)


@pytest.mark.parametrize("text", ["first\n{{ unclosed", "first\n{% if %}", "first\n{% for x in %}"])
def test_template_with_a_syntax_error_is_refused_with_its_line(api: Api, text: str) -> None:
    problem(api.put(f"{PATH}/broken", {"body": text}), 422, "line 2")
    problem(api.get(f"{PATH}/broken"), 404)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_template_is_refused(api: Api, text: str) -> None:
    problem(api.put(f"{PATH}/broken", {"body": text}), 422, "empty")


def test_other_content_type_is_refused(api: Api) -> None:
    answer = api.put(f"{PATH}/form", raw=b"body=x", headers={"Content-Type": "text/plain"})
    problem(answer, 415)


def test_too_large_body_is_refused(api: Api) -> None:
    problem(api.put(f"{PATH}/huge", {"body": "x" * 1_000_000}), 413)


def test_template_keeps_every_character(api: Api) -> None:
    text = 'Ümläute, 漢字, emoji 🙂, tab\t, line\nbreak, "quotes", \\ and {{ name }}'
    api.save_template("characters", text)
    assert api.get(f"{PATH}/characters").expect(200)["body"] == text
