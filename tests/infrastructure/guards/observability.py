"""What is watched: alarms with a runbook, metrics that exist, and nothing of a tenant in either.

Namespaces of AWS are taken as AWS documents them; of `Bulkhead` everything has to be in the code that
emits it, and the other way round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.infrastructure.guards.template import Template, as_list, text

PROJECT = Path(__file__).resolve().parents[3]
RUNBOOK = "docs/operations.md"
EMITTER = "shared/runtime/src/metrics.rs"
NAMESPACE = "Bulkhead"
OBSERVABILITY = "infra/observability.yaml"
TOPIC = [{"Ref": "AlarmTopicArn"}]
# What an access log may say. No path (it has ids), no query string, no header, no body, no address of
# a person. Latencies and states of the authorizer and the integration say where a request failed.
ACCESS_LOG = {
    "authorizer.error",
    "authorizer.integrationLatency",
    "authorizer.status",
    "authorizer.tenantId",
    "error.responseType",
    "extendedRequestId",
    "httpMethod",
    "integration.integrationStatus",
    "integration.latency",
    "integration.requestId",
    "integration.status",
    "requestId",
    "requestTimeEpoch",
    "resourcePath",
    "responseLatency",
    "responseLength",
    "status",
    "wafResponseCode",
    "xrayTraceId",
}
# Without these nobody can tell what happened, to whom.
_NEEDED = {"requestId", "authorizer.tenantId", "httpMethod", "resourcePath", "status", "responseLatency"}
_SEARCH = re.compile(r"\{([^}]*)\}([^']*)")


class Metric(NamedTuple):
    """A metric somewhere: who uses it, and which one it is."""

    user: str
    namespace: str
    name: str
    dimensions: tuple[str, ...]


# ── the runbook ─────────────────────────────────────────────────────────────


def alarms_have_a_runbook(template: Template) -> Iterator[str]:
    """Every alarm says where it is explained, and every explanation is of an alarm."""
    explained = runbook_sections()
    known = set()
    for name, properties in template.of("AWS::CloudWatch::Alarm"):
        section = text(properties.get("AlarmName")).removeprefix("bulkhead-${Stage}-${Tier}-")
        known.add(section)
        if section not in explained:
            yield f"{name}: {RUNBOOK} has no section `### {section}` among its alarms"
        if not text(properties.get("AlarmDescription")).endswith(f" See {RUNBOOK}#{section}"):
            yield f"{name}: does not end its description with `See {RUNBOOK}#{section}`"
    if template.file == OBSERVABILITY:
        for section in sorted(explained - known):
            yield f"{RUNBOOK}#{section} is about an alarm that does not exist"


@cache
def runbook_sections() -> frozenset[str]:
    alarms = re.search(r"^## Alarms$(.*?)(?=^## |\Z)", (PROJECT / RUNBOOK).read_text(), re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^### (\S+)$", alarms.group(1) if alarms else "", re.MULTILINE))


def alarms_tell_the_topic(template: Template) -> Iterator[str]:
    """All alarms of a template tell the same topic, of the beginning and of the end."""
    told = {
        name: [properties.get(each, []) for each in ("AlarmActions", "OKActions")]
        for name, properties in template.of("AWS::CloudWatch::Alarm")
    }
    somebody = any(TOPIC in each for each in told.values())
    for name, actions in told.items():
        if actions != ([TOPIC, TOPIC] if somebody else [[], []]):
            yield f"{name}: AlarmActions and OKActions are to be AlarmTopicArn where there is one, and nothing else"


# ── metrics ─────────────────────────────────────────────────────────────────


def metrics_are_emitted(template: Template) -> Iterator[str]:
    """What is watched is emitted with these dimensions, and what is emitted has a widget."""
    names, dimensions = emitted()
    shown = set()
    for metric in _metrics(template):
        if metric.namespace != NAMESPACE:
            continue
        if metric.name not in names:
            yield f"{metric.user}: {EMITTER} emits no {metric.name}"
        if tuple(sorted(metric.dimensions)) not in dimensions:
            yield f"{metric.user}: {metric.name} is not emitted by {', '.join(metric.dimensions) or 'no dimension'}"
        if template.resources[metric.user]["Type"] == "AWS::CloudWatch::Dashboard":
            shown.add(metric.name)
    for name, _ in template.of("AWS::CloudWatch::Dashboard"):
        for missing in sorted(names - shown):
            yield f"{name}: shows no {missing}, which {EMITTER} emits"


@cache
def emitted() -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Names and sets of dimensions, read from the code without its tests."""
    code = (PROJECT / EMITTER).read_text().split("#[cfg(test)]")[0]
    names = re.findall(r'Self::\w+ => "(\w+)"', code) + re.findall(r'"Name": "(\w+)"', code)
    sets = [json.loads(found) for found in re.findall(r'"Dimensions": (\[\[.*?\]\])', code)]
    assert names and sets, f"{EMITTER} is written in another way than this guard reads it"
    return frozenset(names), frozenset(tuple(sorted(each)) for one in sets for each in one)


def no_tenant_is_a_dimension(template: Template) -> Iterator[str]:
    """Every value of a dimension is a metric that is paid for; dashboards are the JSON they should be."""
    for name, body in _dashboards(template):
        if not isinstance(body, dict) or not body.get("widgets"):
            yield f"{name}: its body is not the JSON of a dashboard"
    for metric in _metrics(template):
        if any("tenant" in each.lower() for each in metric.dimensions):
            yield f"{metric.user}: {metric.namespace} {metric.name} by {', '.join(metric.dimensions)}"


def _metrics(template: Template) -> Iterator[Metric]:
    for name, properties in template.of("AWS::CloudWatch::Alarm"):
        queries = properties.get("Metrics", [])
        single = [properties] if "MetricName" in properties else []
        for each in single + [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]:
            dimensions = tuple(dimension["Name"] for dimension in each.get("Dimensions", []))
            yield Metric(name, each["Namespace"], each["MetricName"], dimensions)
        for query in queries:
            yield from _searched(name, text(query.get("Expression", "")))
    for name, body in _dashboards(template):
        for widget in body.get("widgets", []) if isinstance(body, dict) else []:
            for row in widget["properties"].get("metrics", []):
                options = [each for each in row if isinstance(each, dict)]
                words = [each for each in row if not isinstance(each, dict)]
                if words:
                    yield Metric(name, words[0], words[1], tuple(words[2::2]))
                for each in options:
                    yield from _searched(name, each.get("expression", ""))


def _searched(user: str, expression: str) -> Iterator[Metric]:
    """What a SEARCH finds: the names it asks for, in the namespace and by the dimensions of its schema."""
    for schema, terms in _SEARCH.findall(expression if "SEARCH(" in expression else ""):
        namespace, *dimensions = [each.strip() for each in schema.split(",")]
        found = re.search(r'MetricName=(?:"\w+"|\([^)]*\))', terms)
        for name in re.findall(r'"(\w+)"', found.group()) if found else [terms.strip()]:
            yield Metric(user, namespace, name, tuple(dimensions))


def _dashboards(template: Template) -> Iterator[tuple[str, Any]]:
    """Bodies as CloudFormation hands them on, each parameter and attribute a 1, good for text and numbers."""
    for name, properties in template.of("AWS::CloudWatch::Dashboard"):
        body = re.sub(r"\$\{[^}]*\}", "1", text(properties.get("DashboardBody", "")))
        try:
            yield name, json.loads(body)
        except json.JSONDecodeError:
            yield name, None


# ── access logs ─────────────────────────────────────────────────────────────


def access_logs_hold_no_content(template: Template) -> Iterator[str]:
    """Each stage writes one line of JSON for a request, made of what ACCESS_LOG lists and nothing else."""
    for name, properties in template.of("AWS::ApiGateway::Stage"):
        setting = properties.get("AccessLogSetting") or {}
        line = text(setting.get("Format", ""))
        if not line or not setting.get("DestinationArn"):
            yield f"{name}: writes no access log"
            continue
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict) or "\n" in line.strip():
            yield f"{name}: its access log is not one line of JSON"
            continue
        used = set(re.findall(r"\$context\.([\w.\-]+)", line))
        for variable in sorted(used - ACCESS_LOG):
            yield (
                f"{name}: its access log has $context.{variable}; what it may have is in ACCESS_LOG "
                "(tests/infrastructure/guards/observability.py)"
            )
        for variable in sorted(_NEEDED - used):
            yield f"{name}: its access log lacks $context.{variable}"
        if strange := re.findall(r"\$(?!context\.|\{(?:Stage|Tier)\})\S{0,20}", line):
            yield f"{name}: its access log has {', '.join(strange)}"
        if fields.get("tenant") != "$context.authorizer.tenantId":
            yield f"{name}: the tenant of its access log is {fields.get('tenant')}; only the authorizer's was verified"
    for name, properties in template.of("AWS::ApiGateway::Stage", "AWS::ApiGateway::Deployment"):
        described = properties.get("StageDescription") or {}
        for method in as_list(properties.get("MethodSettings")) + as_list(described.get("MethodSettings")):
            if method.get("DataTraceEnabled") not in (None, False) or method.get("LoggingLevel", "OFF") != "OFF":
                yield f"{name}: execution logs hold requests and answers whole"
