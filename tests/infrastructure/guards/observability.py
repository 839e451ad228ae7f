"""Alarms have a runbook, metrics exist, and neither contains tenant data.

The guards trust AWS's documentation for AWS namespaces. Metrics of `Bulkhead` must match the code that emits
them, in both directions.
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
# The variables an access log may have. Not the path (it has ids), query string, headers, body or IP address.
# Latencies and statuses of authorizer and integration show which part failed.
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
# The minimum to find out what happened to which tenant.
_REQUIRED = {"requestId", "authorizer.tenantId", "httpMethod", "resourcePath", "status", "responseLatency"}
_SEARCH = re.compile(r"\{([^}]*)\}([^']*)")


class Metric(NamedTuple):
    """A metric and the resource that uses it."""

    user: str
    namespace: str
    name: str
    dimensions: tuple[str, ...]


# ── the runbook ───────────────────────────────────────────────────────────────


def alarms_have_a_runbook(template: Template) -> Iterator[str]:
    """Every alarm names its runbook section, and every section has its alarm."""
    documented = runbook_sections()
    known = set()
    for name, properties in template.of("AWS::CloudWatch::Alarm"):
        section = text(properties.get("AlarmName")).removeprefix("bulkhead-${Stage}-${Tier}-")
        known.add(section)
        if section not in documented:
            yield f"{name}: {RUNBOOK} has no section `### {section}` among its alarms"
        if not text(properties.get("AlarmDescription")).endswith(f" See {RUNBOOK}#{section}"):
            yield f"{name}: does not end its description with `See {RUNBOOK}#{section}`"
    if template.file == OBSERVABILITY:
        for section in sorted(documented - known):
            yield f"{RUNBOOK}#{section} describes an alarm that does not exist"


@cache
def runbook_sections() -> frozenset[str]:
    alarms = re.search(r"^## Alarms$(.*?)(?=^## |\Z)", (PROJECT / RUNBOOK).read_text(), re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^### (\S+)$", alarms.group(1) if alarms else "", re.MULTILINE))


def alarms_notify_the_topic(template: Template) -> Iterator[str]:
    """All alarms of a template notify the same topic, in ALARM and in OK."""
    actions_by_alarm = {
        name: [properties.get(each, []) for each in ("AlarmActions", "OKActions")]
        for name, properties in template.of("AWS::CloudWatch::Alarm")
    }
    has_topic = any(TOPIC in each for each in actions_by_alarm.values())
    for name, actions in actions_by_alarm.items():
        if actions != ([TOPIC, TOPIC] if has_topic else [[], []]):
            yield f"{name}: AlarmActions and OKActions must both be AlarmTopicArn if one alarm uses it, and empty otherwise"


# ── metrics ───────────────────────────────────────────────────────────────────


def metrics_are_emitted(template: Template) -> Iterator[str]:
    """Every metric in use is emitted with these dimensions, and every emitted metric has a widget."""
    names, dimensions = emitted()
    shown = set()
    for metric in _metrics(template):
        if metric.namespace != NAMESPACE:
            continue
        if metric.name not in names:
            yield f"{metric.user}: {EMITTER} emits no {metric.name}"
        if tuple(sorted(metric.dimensions)) not in dimensions:
            yield f"{metric.user}: {metric.name} is not emitted with the dimensions {', '.join(metric.dimensions) or 'none'}"
        if template.resources[metric.user]["Type"] == "AWS::CloudWatch::Dashboard":
            shown.add(metric.name)
    for name, _ in template.of("AWS::CloudWatch::Dashboard"):
        for missing in sorted(names - shown):
            yield f"{name}: shows no {missing}, which {EMITTER} emits"


@cache
def emitted() -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    """Returns metric names and dimension sets from the emitting code, without its tests."""
    code = (PROJECT / EMITTER).read_text().split("#[cfg(test)]")[0]
    names = re.findall(r'Self::\w+ => "(\w+)"', code) + re.findall(r'"Name": "(\w+)"', code)
    sets = [json.loads(found) for found in re.findall(r'"Dimensions": (\[\[.*?\]\])', code)]
    assert names and sets, f"{EMITTER} has a form that this guard cannot read"
    return frozenset(names), frozenset(tuple(sorted(each)) for one in sets for each in one)


def metrics_have_no_tenant_dimension(template: Template) -> Iterator[str]:
    """Every value of a dimension is a billed metric. Also checks that dashboards are valid JSON."""
    for name, body in _dashboards(template):
        if not isinstance(body, dict) or not body.get("widgets"):
            yield f"{name}: its body is not valid dashboard JSON"
    for metric in _metrics(template):
        if any("tenant" in each.lower() for each in metric.dimensions):
            yield f"{metric.user}: {metric.namespace} {metric.name} has the dimensions {', '.join(metric.dimensions)}"


def _metrics(template: Template) -> Iterator[Metric]:
    for name, properties in template.of("AWS::CloudWatch::Alarm"):
        queries = properties.get("Metrics", [])
        single = [properties] if "MetricName" in properties else []
        for each in single + [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]:
            dimensions = tuple(dimension["Name"] for dimension in each.get("Dimensions", []))
            yield Metric(name, each["Namespace"], each["MetricName"], dimensions)
        for query in queries:
            yield from _search_metrics(name, text(query.get("Expression", "")))
    for name, body in _dashboards(template):
        for widget in body.get("widgets", []) if isinstance(body, dict) else []:
            for row in widget["properties"].get("metrics", []):
                options = [each for each in row if isinstance(each, dict)]
                words = [each for each in row if not isinstance(each, dict)]
                if words:
                    yield Metric(name, words[0], words[1], tuple(words[2::2]))
                for each in options:
                    yield from _search_metrics(name, each.get("expression", ""))


def _search_metrics(user: str, expression: str) -> Iterator[Metric]:
    """Yields the metrics of a SEARCH: the names in its terms, with the namespace and dimensions of its schema."""
    for schema, terms in _SEARCH.findall(expression if "SEARCH(" in expression else ""):
        namespace, *dimensions = [each.strip() for each in schema.split(",")]
        found = re.search(r'MetricName=(?:"\w+"|\([^)]*\))', terms)
        for name in re.findall(r'"(\w+)"', found.group()) if found else [terms.strip()]:
            yield Metric(user, namespace, name, tuple(dimensions))


def _dashboards(template: Template) -> Iterator[tuple[str, Any]]:
    """Yields dashboard bodies; every parameter and attribute becomes 1, which is valid as text and number."""
    for name, properties in template.of("AWS::CloudWatch::Dashboard"):
        body = re.sub(r"\$\{[^}]*\}", "1", text(properties.get("DashboardBody", "")))
        try:
            yield name, json.loads(body)
        except json.JSONDecodeError:
            yield name, None


# ── access logs ───────────────────────────────────────────────────────────────


def access_logs_hold_no_content(template: Template) -> Iterator[str]:
    """Each stage writes one line of JSON per request, only with variables from ACCESS_LOG."""
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
                f"{name}: its access log has $context.{variable}; the allowed variables are in ACCESS_LOG "
                "(tests/infrastructure/guards/observability.py)"
            )
        for variable in sorted(_REQUIRED - used):
            yield f"{name}: its access log lacks $context.{variable}"
        if unexpected := re.findall(r"\$(?!context\.|\{(?:Stage|Tier)\})\S{0,20}", line):
            yield f"{name}: its access log has {', '.join(unexpected)}"
        if fields.get("tenant") != "$context.authorizer.tenantId":
            yield f"{name}: the tenant of its access log is {fields.get('tenant')}; only the authorizer's was verified"
    for name, properties in template.of("AWS::ApiGateway::Stage", "AWS::ApiGateway::Deployment"):
        described = properties.get("StageDescription") or {}
        for method in as_list(properties.get("MethodSettings")) + as_list(described.get("MethodSettings")):
            if method.get("DataTraceEnabled") not in (None, False) or method.get("LoggingLevel", "OFF") != "OFF":
                yield f"{name}: execution logs contain whole requests and answers"
