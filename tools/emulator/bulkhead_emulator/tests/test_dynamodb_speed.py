"""Caching parsed conditions changes no answer."""

from __future__ import annotations

import subprocess
import sys

# In a separate process with an empty environment, from which MiniStack reads its settings.
_SCRIPT = """
from bulkhead_emulator import settings
settings.apply(1, "/nonexistent", False)
from ministack.services import dynamodb
from bulkhead_emulator import dynamodb_speed

plain = dynamodb._evaluate_condition
dynamodb_speed.install()
quick = dynamodb._evaluate_condition
assert quick is not plain

item = {"pk": {"S": "T"}, "sk": {"S": "JOB#5"}, "n": {"N": "4"}}
names = {"#n": "n", "#gone": "gone", "#sk": "sk"}
values = {":t": {"S": "T"}, ":j": {"S": "JOB#"}, ":d": {"S": "DEAD#"}, ":z": {"S": "Z"}, ":3": {"N": "3"}}
texts = [
    "pk = :t AND begins_with(sk, :j)", "pk = :t AND begins_with(sk, :d)", "pk = :t AND sk BETWEEN :d AND :z",
    "pk = :t AND sk BETWEEN :z AND :d", "pk = :t AND sk BETWEEN :j AND :missing", "#n BETWEEN :3 AND :3", "((pk = :t))",
    "status = :t", "pk = ", "pk == :t", "attribute_not_exists(pk) OR #n > :3", "NOT #gone = :t", "#unknown = :t", "pk = :missing",
    "size(sk) > :3", "sk = :t AND begins_with(pk, :t)", "#sk = :j AND pk BETWEEN :d AND :z", "n = :t AND begins_with(sk, :j)", "pk = :t AND begins_with(n, :j)", "pk = :t AND begins_with(sk, :3)", "pk = :t and Begins_With(sk, :j)", "pk = :t AND sk between :d and :z", "gone = :t", "nonsense(sk)", "pk IN (:t, :z)", "", "  ",
]

def said(judge, text, slot):
    try:
        return judge(text, item, values, names, slot)
    except Exception as error:
        return repr(error)

for text in texts:
    for slot in ("ConditionExpression", "KeyConditionExpression", "FilterExpression"):
        first, again = said(quick, text, slot), said(quick, text, slot)
        assert first == again == said(plain, text, slot), (text, slot, first, again)
print("the same", len(texts))
"""


def test_cached_condition_gives_the_same_answers() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("the same"), done.stdout + done.stderr
