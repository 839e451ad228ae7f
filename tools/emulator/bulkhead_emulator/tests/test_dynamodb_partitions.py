"""A sorted partition answers every Query as an unsorted one."""

from __future__ import annotations

import subprocess
import sys

# In a separate process with an empty environment, from which MiniStack reads its settings.
_SCRIPT = """
import copy, json, random
from bulkhead_emulator import settings
settings.apply(1, "/nonexistent", False)
from ministack.services import dynamodb
from bulkhead_emulator import dynamodb_partitions, dynamodb_speed

plain = dynamodb._query
dynamodb_speed.install()
dynamodb_partitions.install()
quick = dynamodb._query
assert quick is not plain
draw = random.Random(3)
keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
kinds = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
made = dynamodb._create_table(
    {"TableName": "table", "KeySchema": keys, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST"})
assert made[0] == 200, made

def put(pk, sk, n):
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "n": {"N": str(n)}, "text": {"S": "x" * draw.choice((1, 9, 30_000))}}
    assert dynamodb._put_item({"TableName": "table", "Item": item})[0] == 200

def remove(pk, sk):
    assert dynamodb._delete_item({"TableName": "table", "Key": {"pk": {"S": pk}, "sk": {"S": sk}}})[0] == 200

names = ["%s#%03d" % (kind, number) for kind in ("A", "DEAD", "JOB", "JOB\\u00e9", "Z") for number in range(60)]
for name in draw.sample(names, len(names)):
    put("one", name, len(name))
    if draw.random() < 0.1:
        put("two", name, 2)
for name in draw.sample(names, 40):
    remove("one", name)
for name in draw.sample(names, 40):
    put("one", name, 7)
texts = ["", "A", "A#", "DEAD#0", "JOB#", "JOB$", "JOB#030", "JOB\\u00e9", "Z", "nothing", "~"]

def asked():
    request = {"TableName": "table", "ExpressionAttributeValues": {":pk": {"S": draw.choice(["one", "one", "two", "three"])}}}
    values = request["ExpressionAttributeValues"]
    kind = draw.choice(["all", "prefix", "between", "less", "equal", "wrong"])
    low, high = sorted(draw.choice(texts[1:]) for _ in "ab")
    more = {
        "all": "", "prefix": " AND begins_with(sk, :a)", "between": " AND sk BETWEEN :a AND :b", "less": " AND sk < :a",
        "equal": " AND #sk = :a", "wrong": " AND begins_with(n, :a)",
    }[kind]
    request["KeyConditionExpression"] = "pk = :pk" + more
    if more:
        values[":a"] = {"S": low}
    if kind == "between":
        values[":b"] = {"S": high}
    if kind == "equal":
        request["ExpressionAttributeNames"] = {"#sk": "sk"}
    if draw.random() < 0.6:
        request["Limit"] = draw.choice([1, 2, 7, 1000])
    if draw.random() < 0.5:
        request["ScanIndexForward"] = draw.random() < 0.5
    if draw.random() < 0.3:
        request["FilterExpression"] = "n = :n"
        values[":n"] = {"N": "7"}
    if draw.random() < 0.2:
        request["Select"] = "COUNT"
    return request

def said(query, request):
    status, _, body = query(copy.deepcopy(request))
    return status, json.loads(body)

pages = several = 0
for number in range(1500):
    request = asked()
    for page in range(6):
        one, other = said(plain, request), said(quick, request)
        assert one == other, (request, one, other)
        pages += 1
        last = one[1].get("LastEvaluatedKey")
        if not last:
            break
        several += page > 0
        request["ExclusiveStartKey"] = last
        # The starting key of a page may be deleted before the page is read.
        if draw.random() < 0.2:
            remove(last["pk"]["S"], last["sk"]["S"])
        elif draw.random() < 0.2:
            put("one", draw.choice(names), 7)
assert several > 200, several
before = copy.deepcopy(dict(dynamodb._tables.get("table")["items"]))
assert {key: list(part) for key, part in before.items()} == {key: list(part) for key, part in dynamodb._tables.get("table")["items"].items()}
print("the same", pages)
"""


def test_sorted_partition_gives_the_same_answers() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.startswith("the same"), done.stdout + done.stderr
