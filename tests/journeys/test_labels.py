"""Labels of prompt templates over HTTP: compare-and-swap, history, roll-back and refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/templates"
NEW = {"If-None-Match": "*"}


def _save(api: Api, key: str, versions: int) -> None:
    for number in range(1, versions + 1):
        api.save_template(key, f"text {number}")


def _move(api: Api, key: str, label: str, version: Any, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.put(f"{PATH}/{key}/labels/{label}", {"version": version}, headers=named)


def _labels(api: Api, key: str) -> tuple[dict[str, int], str]:
    answer = api.get(f"{PATH}/{key}/labels")
    return answer.expect(200)["labels"], answer.headers["etag"]


def test_label_is_created_moved_and_rolled_back(api: Api) -> None:
    _save(api, "rolled", 3)
    labels, etag = _labels(api, "rolled")
    assert labels == {} and etag.startswith('"') and etag.endswith('"')
    made = _move(api, "rolled", "production", 2, If_None_Match="*")
    assert (made.status, made.json["labels"]) == (201, {"production": 2}), made.text
    moved = _move(api, "rolled", "production", 3, If_Match=made.headers["etag"])
    assert (moved.status, moved.json["labels"]) == (200, {"production": 3}), moved.text
    assert moved.headers["etag"] not in (etag, made.headers["etag"])
    back = _move(api, "rolled", "production", 2, If_Match=moved.headers["etag"])
    assert (back.status, back.json["labels"]) == (200, {"production": 2}), back.text
    listed = api.get(f"{PATH}/rolled/labels")
    assert (listed.expect(200), listed.headers["etag"]) == (back.json, back.headers["etag"])
    steps = [(each["label"], each["from"], each["to"], each["moved_by"]) for each in listed.json["moves"]]
    assert steps == [
        ("production", 3, 2, "developer"),
        ("production", 2, 3, "developer"),
        ("production", None, 2, "developer"),
    ]
    times = [each["moved_at"] for each in listed.json["moves"]]
    assert times == sorted(times, reverse=True) and all(times)


def test_label_selects_a_version_to_read_and_to_answer_with(api: Api) -> None:
    _save(api, "selected", 3)
    _move(api, "selected", "production", 2, If_None_Match="*").expect(201)
    found = api.get(f"{PATH}/selected?label=production").expect(200)
    assert (found["version"], found["body"], found["label"]) == (2, "text 2", "production")
    assert "label" not in api.get(f"{PATH}/selected").expect(200)
    answer = api.ask("Why?", template="selected", label="production")
    assert answer["template"] == {"key": "selected", "version": 2, "label": "production"}
    assert api.ask("Why?", template="selected", version=1)["template"] == {"key": "selected", "version": 1}
    listed = api.get(f"{PATH}/selected/versions").expect(200)["versions"]
    assert [each["labels"] for each in listed] == [[], ["production"], []]


def test_moved_label_selects_the_new_version_at_once(api: Api) -> None:
    _save(api, "at-once", 2)
    etag = _move(api, "at-once", "production", 1, If_None_Match="*").headers["etag"]
    assert api.ask("Why?", template="at-once", label="production")["template"]["version"] == 1
    _move(api, "at-once", "production", 2, If_Match=etag).expect(200)
    assert api.ask("Why?", template="at-once", label="production")["template"]["version"] == 2


def test_new_version_moves_no_label(api: Api) -> None:
    _save(api, "unmoved", 1)
    etag = _move(api, "unmoved", "production", 1, If_None_Match="*").headers["etag"]
    api.save_template("unmoved", "text 2")
    assert _labels(api, "unmoved") == ({"production": 1}, etag)


def test_move_without_a_condition_is_refused(api: Api) -> None:
    _save(api, "unconditional", 2)
    for _ in range(2):
        problem(_move(api, "unconditional", "production", 1), 428, "If-Match")
        problem(api.delete(f"{PATH}/unconditional/labels/production"), 428, "If-Match")
        _move(api, "unconditional", "production", 1, If_None_Match="*")
    assert _labels(api, "unconditional")[0] == {"production": 1}


def test_lost_race_is_answered_with_the_current_labels(api: Api) -> None:
    _save(api, "raced", 3)
    first = _move(api, "raced", "production", 1, If_None_Match="*").headers["etag"]
    second = _move(api, "raced", "production", 2, If_Match=first).headers["etag"]
    for late in (
        _move(api, "raced", "production", 3, If_Match=first),
        _move(api, "raced", "production", 3, If_None_Match="*"),
        api.delete(f"{PATH}/raced/labels/production", headers={"If-Match": first}),
    ):
        refused = problem(late, 409, "current")
        assert refused["type"] == "urn:bulkhead:problem:not-current"
        assert (refused["current"], late.headers["etag"]) == ({"production": 2}, second)
    assert _labels(api, "raced") == ({"production": 2}, second)


def test_one_of_many_concurrent_moves_wins(api: Api) -> None:
    _save(api, "concurrent", 8)
    etag = _move(api, "concurrent", "production", 1, If_None_Match="*").headers["etag"]
    with ThreadPoolExecutor(7) as pool:
        answers = list(pool.map(lambda n: _move(api, "concurrent", "production", n, If_Match=etag), range(2, 9)))
    assert sorted(each.status for each in answers) == [200, *[409] * 6], [each.text for each in answers]
    won = next(each for each in answers if each.status == 200)
    assert _labels(api, "concurrent") == (won.json["labels"], won.headers["etag"])
    assert len(api.get(f"{PATH}/concurrent/labels").expect(200)["moves"]) == 2


def test_concurrent_new_labels_are_all_created(api: Api) -> None:
    """`If-None-Match: *` is about one label, so that new labels do not refuse each other."""
    _save(api, "created", 1)
    names = [f"label-{n}" for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: _move(api, "created", name, 1, If_None_Match="*"), names))
    assert [each.status for each in answers] == [201] * 4, [each.text for each in answers]
    assert _labels(api, "created")[0] == dict.fromkeys(names, 1)


def test_move_to_the_same_version_changes_nothing(api: Api) -> None:
    _save(api, "same", 1)
    made = _move(api, "same", "production", 1, If_None_Match="*")
    again = _move(api, "same", "production", 1, If_Match=made.headers["etag"])
    assert (again.status, again.json, again.headers["etag"]) == (200, made.json, made.headers["etag"])


def test_deleted_label_is_not_found(api: Api) -> None:
    _save(api, "unlabelled", 1)
    etag = _move(api, "unlabelled", "production", 1, If_None_Match="*").headers["etag"]
    answer = api.delete(f"{PATH}/unlabelled/labels/production", headers={"If-Match": etag})
    assert (answer.status, answer.body) == (204, b""), answer.text
    problem(api.get(f"{PATH}/unlabelled?label=production"), 404, "label")
    problem(api.post("/v1/inference", {"template": "unlabelled", "label": "production", "question": "Why?"}), 404)
    labels, etag = _labels(api, "unlabelled")
    assert labels == {}
    problem(api.delete(f"{PATH}/unlabelled/labels/production", headers={"If-Match": etag}), 404, "label")
    last = api.get(f"{PATH}/unlabelled/labels").expect(200)["moves"][0]
    assert (last["from"], last["to"]) == (1, None)


def test_deleted_template_loses_its_labels(api: Api) -> None:
    _save(api, "reborn", 1)
    etag = _move(api, "reborn", "production", 1, If_None_Match="*").headers["etag"]
    api.delete(f"{PATH}/reborn").expect(204)
    problem(api.get(f"{PATH}/reborn/labels"), 404)
    problem(_move(api, "reborn", "production", 1, If_Match=etag), 404, "template")
    api.save_template("reborn", "text 2")
    assert _labels(api, "reborn")[0] == {}
    problem(_move(api, "reborn", "production", 2, If_Match=etag), 409)
    problem(_move(api, "reborn", "production", 1, If_None_Match="*"), 404, "version")


def test_history_keeps_the_last_50_moves(api: Api) -> None:
    _save(api, "long-history", 2)
    etag = _move(api, "long-history", "production", 1, If_None_Match="*").headers["etag"]
    for number in range(51):
        etag = _move(api, "long-history", "production", 2 - number % 2, If_Match=etag).headers["etag"]
    moves = api.get(f"{PATH}/long-history/labels").expect(200)["moves"]
    assert len(moves) == 50 and moves[0]["to"] == 2 and all(each["from"] for each in moves)


def test_template_has_at_most_20_labels(api: Api) -> None:
    _save(api, "many-labels", 1)
    for number in range(20):
        _move(api, "many-labels", f"l{number}", 1, If_None_Match="*").expect(201)
    problem(_move(api, "many-labels", "l20", 1, If_None_Match="*"), 409, "20 labels")


@pytest.mark.parametrize("label", ["latest", "Production", "a" * 33, "-a", "a-", "a.b", "%C3%A4", "a%20b"])
def test_invalid_label_is_refused(api: Api, label: str) -> None:
    _save(api, "named", 1)
    problem(_move(api, "named", label, 1, If_None_Match="*"), 400, "latest")
    problem(api.get(f"{PATH}/named?label={label}"), 400, "latest")
    problem(api.post("/v1/inference", {"template": "named", "label": label, "question": "Why?"}), 400, "label")


@pytest.mark.parametrize("label", ["production", "a", "0", "a" * 32, "eu-west_1"])
def test_valid_label_is_accepted(api: Api, label: str) -> None:
    key = f"label-of-{len(label)}"
    api.save_template(key, "text")
    version = api.get(f"{PATH}/{key}").expect(200)["version"]
    etag = _labels(api, key)[1]
    assert _move(api, key, label, version, If_Match=etag).expect(201)["labels"][label] == version


@pytest.mark.parametrize("etag", ["*", 'W/"none"', "none", '""', '"A"', '"none", "other"', '"' + "a" * 33 + '"'])
def test_other_entity_tags_are_refused(api: Api, etag: str) -> None:
    _save(api, "tagged", 1)
    problem(_move(api, "tagged", "production", 1, If_Match=etag), 400, "If-Match")
    problem(_move(api, "tagged", "production", 1, If_None_Match='"none"'), 400, "If-None-Match")


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", None, [1]])
def test_invalid_version_is_refused(api: Api, version: Any) -> None:
    _save(api, "versioned", 1)
    problem(_move(api, "versioned", "production", version, If_None_Match="*"), 400, "version")


def test_version_and_label_exclude_each_other(api: Api) -> None:
    _save(api, "both", 1)
    _move(api, "both", "production", 1, If_None_Match="*").expect(201)
    problem(api.get(f"{PATH}/both?label=production&version=1"), 422, "only one")
    both = {"template": "both", "version": 1, "label": "production", "question": "Why?"}
    problem(api.post("/v1/inference", both), 422, "only one")


def test_missing_version_and_template_are_not_found(api: Api) -> None:
    _save(api, "short", 1)
    problem(_move(api, "short", "production", 2, If_None_Match="*"), 404, "version")
    problem(_move(api, "never-saved", "production", 1, If_None_Match="*"), 404, "template")
    problem(api.get(f"{PATH}/never-saved/labels"), 404, "template")


def test_who_moved_a_label_is_sealed_in_the_table(stack: LocalStack, tenant: Tenant) -> None:
    subject = "ada-lovelace-0816"
    api = stack.api(token=stack.issuer.sign({**stack.issuer.claims(tenant.id), "sub": subject}))
    api.save_template("sealed-moves", "text")
    moved = _move(api, "sealed-moves", "production", 1, If_None_Match="*").expect(201)["moves"]
    assert moved[0]["moved_by"] == subject
    stored = Target.of(stack, tenant).item("TEMPLATE#sealed-moves")
    assert "sealed" in stored and subject not in str(stored) and "production" not in str(stored)
