"""Prompt templates over HTTP: versions, listing, deletion and refusals."""

from __future__ import annotations

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem

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
        ({}, "body"),
        ({"body": None}, "body"),
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
