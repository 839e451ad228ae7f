"""A catalogue of models on one stack: choice, allow-list, fallback, guardrail, and an endpoint with OpenAI's interface.

The endpoint is another stack of this project, used with an API key of one of its tenants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tools.deploy.models import Place, parameters
from tools.devstack.aws import REGION, Tenant
from tools.devstack.client import Api
from tools.devstack.models import Endpoint
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.faultproxy.effects import Fail

QUESTION = "When does the ferry to Ellan leave?"
FERRY = "The ferry to Ellan leaves the north pier at seven in the morning."
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
CATALOGUE: list[dict[str, Any]] = [
    {
        "id": "nova",
        "model": "us.amazon.nova-lite-v1:0",
        "regions": ["us-east-1", "us-east-2", "us-west-2"],
        "context": 300_000,
        "max_output": 5_000,
        "price": {"input": "0.06", "output": "0.24"},
    },
    {"id": "world", "model": f"global.{HAIKU}"},
    {"id": "micro", "model": "amazon.nova-micro-v1:0"},
    {"id": "plain", "model": "amazon.nova-pro-v1:0", "capabilities": [], "max_output": 100},
    {"id": "outside", "provider": "openai", "model": "default"},
    {"id": "near", "kind": "embedding", "model": "cohere.embed-v4:0"},
    {"id": "far", "kind": "embedding", "provider": "openai", "model": "default"},
]
BLOCKED = "This answer is blocked."
TIDE = {
    "name": "tide_table",
    "description": "Looks up the tide at a harbour.",
    "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}},
}


@dataclass(frozen=True)
class Deployment:
    """The stack with the catalogue, and the stack that is its endpoint."""

    stack: LocalStack
    gateway: LocalStack

    def onboard(self, name: str, **more: Any) -> tuple[Tenant, Api]:
        tenant = self.stack.onboard(name, **more)
        api = self.stack.api(tenant)
        api.save_template("quay", 'Begin every answer with "From the quay:"')
        return tenant, api


@pytest.fixture(scope="module")
def deployment(deployed: Callable[..., Any]) -> Iterator[Deployment]:
    with deployed("gateway") as gateway:
        owner = gateway.api(gateway.onboard("Gateway"))
        key = owner.post("/v1/keys", {"name": "Models", "role": "reader"}).expect(201)["key"]
        endpoint = Endpoint.find(f"{gateway.base}/v1", chat="outside", embedding="default", key=key)
        stack = LocalStack.temporary("models", faults=True)
        try:
            stack.start()
            stack.deploy(**_parameters(stack, endpoint))
            yield Deployment(stack, gateway)
        finally:
            stack.close(keep=False)


def _parameters(stack: LocalStack, endpoint: Endpoint) -> dict[str, str]:
    """Returns the parameters of the catalogue, of the endpoint and of a guardrail in the basic tier."""
    bedrock = stack.account.client("bedrock")
    guardrail = bedrock.create_guardrail(
        name="words",
        wordPolicyConfig={"wordsConfig": [{"text": "smuggling"}]},
        blockedInputMessaging=BLOCKED,
        blockedOutputsMessaging=BLOCKED,
    )["guardrailId"]
    version = bedrock.create_guardrail_version(guardrailIdentifier=guardrail)["version"]
    return {
        **endpoint.parameters(stack.account),
        **parameters(CATALOGUE, Place(REGION, "000000000000")),
        "Model": "nova",
        "FallbackModel": "micro",
        "BasicAllowedModels": "nova,micro,plain",
        "BasicGuardrailId": guardrail,
        "BasicGuardrailVersion": version,
    }


@pytest.fixture(scope="module")
def tenant_and_api(deployment: Deployment) -> tuple[Tenant, Api]:
    return deployment.onboard("Harbour")


@pytest.fixture(scope="module")
def api(tenant_and_api: tuple[Tenant, Api], ready: Callable[..., Any]) -> Api:
    api = tenant_and_api[1]
    ready(api, api.add_document("Ferry", FERRY)["id"])
    return api


def ask(api: Api, **more: Any) -> Any:
    return api.post("/v1/inference", {"template": "quay", "question": QUESTION, **more})


# ── choice ────────────────────────────────────────────────────────────────────


def test_a_request_chooses_one_of_the_allowed_models(api: Api) -> None:
    for chosen, model in ((None, "nova"), ("default", "nova"), ("micro", "micro")):
        answer = ask(api, **({"model": chosen} if chosen else {})).expect(200)
        assert answer["model"] == model and "seven in the morning" in answer["answer"]
        assert "fallback_for" not in answer
        assert api.get(f"/v1/inferences/{answer['id']}").expect(200)["model"] == model
    listed = api.get("/v1/models").expect(200)["data"]
    assert [each["id"] for each in listed] == ["nova", "micro", "plain", "amazon.titan-embed-text-v2:0"]
    assert listed[0]["bulkhead"] == {
        "kind": "chat",
        "default": True,
        "context": 300_000,
        "max_output": 5_000,
        "capabilities": ["json", "streaming", "tools"],
    }
    chat = {"model": "micro", "messages": [{"role": "user", "content": QUESTION}]}
    assert api.post("/v1/chat/completions", chat).expect(200)["model"] == "micro"


@pytest.mark.parametrize("model", ["world", "outside", "near", "us.amazon.nova-lite-v1:0", "unknown"])
def test_a_model_that_is_not_allowed_is_refused(api: Api, model: str) -> None:
    """Also one that the catalogue does not have, or the name at the provider: the answers are the same."""
    words = "`default` or one of `nova`, `micro`, `plain`"
    problem(ask(api, model=model), 422, words)
    problem(api.post("/v1/inference/stream", {"template": "quay", "question": "x", "model": model}), 422, words)
    problem(
        api.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "x"}]}), 422, words
    )


def test_a_model_does_what_it_can(api: Api) -> None:
    schema = {"schema": {"type": "object", "properties": {"hour": {"type": "string"}}}}
    assert ask(api, model="plain", max_tokens=100).expect(200)["model"] == "plain"
    problem(ask(api, model="plain", max_tokens=101), 422, "`max_tokens` must be 1 to 100")
    problem(ask(api, model="plain", tools=[TIDE]), 422, "cannot call tools")
    problem(ask(api, model="plain", output=schema), 422, "cannot answer in JSON")
    problem(api.post("/v1/inference/stream", {"template": "quay", "question": "x", "model": "plain"}), 422, "in parts")


def test_the_operator_says_what_a_tenant_may_use(deployment: Deployment) -> None:
    settings = {"allowed": ["world", "micro"], "default": "world", "fallback": "micro"}
    tenant, api = deployment.onboard("World", models=settings)
    assert deployment.stack.control("show", tenant=tenant.id)["models"] == settings
    assert ask(api).expect(200)["model"] == "world"
    problem(ask(api, model="nova"), 422, "one of `world`, `micro`")
    # The functions read a profile once a minute, so the change is tested with a tenant that has not asked yet.
    tenant, api = deployment.onboard("Changed", models=settings)
    changed = deployment.stack.control("models", tenant=tenant.id, models={"allowed": ["nova"]})
    assert changed["models"] == {"allowed": ["nova"]}, changed
    assert ask(api).expect(200)["model"] == "nova"
    refused: Any = [
        ({"allowed": ["gpt"]}, "no chat model `gpt`"),
        ({"allowed": ["near"]}, "no chat model `near`"),
        ({"allowed": []}, "at least one"),
        ({"allowed": ["nova"], "default": "micro"}, "not one of the allowed"),
        ({"default": "outside"}, "not one of the allowed"),
        ({"allow": ["nova"]}, "unknown field"),
    ]
    for models, words in refused:
        answer = deployment.stack.control("models", tenant=tenant.id, models=models)
        assert answer["error"]["code"] == "invalid" and words in answer["error"]["message"], answer
    assert deployment.stack.control("show", tenant=tenant.id)["models"] == {"allowed": ["nova"]}


# ── fallback ──────────────────────────────────────────────────────────────────

THROTTLED, REFUSED = Fail("ThrottlingException"), Fail("ValidationException", message="The text is blank.")


def test_the_fallback_answers_and_is_named(
    deployment: Deployment, tenant_and_api: tuple[Tenant, Api], api: Api
) -> None:
    session, faults = tenant_and_api[0].id, deployment.stack.faults
    of: dict[str, Any] = {"service": "bedrock-runtime", "session": session}
    with faults.rule(THROTTLED, action="Converse", count=3, **of) as rule:
        answer = ask(api).expect(200)
        assert rule.hits == 3
    assert (answer["model"], answer["fallback_for"]) == ("micro", "nova")
    assert "seven in the morning" in answer["answer"]
    record = api.get(f"/v1/inferences/{answer['id']}").expect(200)
    assert (record["model"], record["fallback_for"]) == ("micro", "nova")
    with faults.rule(THROTTLED, action="ConverseStream", count=3, **of):
        with api.stream("/v1/inference/stream", {"template": "quay", "question": QUESTION}) as events:
            start = next(data for name, data in events if name == "start")
    assert (start["model"], start["fallback_for"]) == ("micro", "nova")


def test_no_fallback_after_a_refusal_or_without_another_model(
    deployment: Deployment, tenant_and_api: tuple[Tenant, Api], api: Api
) -> None:
    session, faults = tenant_and_api[0].id, deployment.stack.faults
    of: dict[str, Any] = {"service": "bedrock-runtime", "action": "Converse", "session": session}
    with faults.rule(REFUSED, **of) as rule:
        problem(ask(api), 422, "does not accept")
        assert rule.hits == 1, "a refused input is not sent to another model"
    with faults.rule(THROTTLED, **of) as rule:
        problem(ask(api, model="micro"), 503)
        assert rule.hits == 3, "a model is no fallback for itself"


# ── guardrail ─────────────────────────────────────────────────────────────────


def test_the_guardrail_applies_to_every_answer(
    deployment: Deployment, tenant_and_api: tuple[Tenant, Api], api: Api
) -> None:
    answer = ask(api, question="Is smuggling allowed?").expect(200)
    assert (answer["answer"], answer["finish_reason"]) == (BLOCKED, "content_filtered")
    with api.stream("/v1/inference/stream", {"template": "quay", "question": "Smuggling?"}) as events:
        last = [data for name, data in events if name == "done"]
    assert last[0]["finish_reason"] == "content_filtered"
    # IAM requires it: the tenant's session cannot ask without the guardrail. The control names another model's profile.
    bedrock = deployment.stack.session(tenant_and_api[0]).client("bedrock-runtime")
    for model in ("us.amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"):
        with pytest.raises(bedrock.exceptions.AccessDeniedException):
            bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hello?"}]}])


def test_a_session_calls_the_models_of_the_catalogue_only(deployment: Deployment) -> None:
    """In the premium tier, which has no guardrail."""
    tenant = deployment.stack.onboard("Premium", tier="premium")
    bedrock = deployment.stack.session(tenant).client("bedrock-runtime")

    def converse(model: str) -> Any:
        return bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hello?"}]}])

    for allowed in ("us.amazon.nova-lite-v1:0", f"global.{HAIKU}", "amazon.nova-micro-v1:0", "amazon.nova-pro-v1:0"):
        assert converse(allowed)["stopReason"] == "end_turn"
    # The models behind the profiles, without them; another model; another profile of an allowed model.
    for denied in (
        "amazon.nova-lite-v1:0",
        HAIKU,
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.amazon.nova-micro-v1:0",
    ):
        with pytest.raises(bedrock.exceptions.AccessDeniedException):
            converse(denied)


# ── embeddings ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("model", "dimensions"), [("near", 1_536), ("far", 512)])
def test_the_corpus_names_its_embedding_model(
    deployment: Deployment, ready: Callable[..., Any], model: str, dimensions: int
) -> None:
    tenant, api = deployment.onboard(f"Corpus {model}", embedding={"model": model, "dimensions": dimensions})
    assert tenant.index == f"t-{tenant.id}-docs-{model}-{dimensions}"
    ready(api, api.add_document("Ferry", FERRY)["id"])
    answer = ask(api).expect(200)
    assert "seven in the morning" in answer["answer"] and answer["citations"][0]["score"] > 0.2
    embedded = api.post("/v1/embeddings", {"model": model, "input": ["One.", "Two."]}).expect(200)
    assert [len(each["embedding"]) for each in embedded["data"]] == [dimensions] * 2 and embedded["usage"][
        "total_tokens"
    ]
    problem(api.post("/v1/embeddings", {"model": "nova", "input": "One."}), 422, f"`default` or `{model}`")
    assert api.get("/v1/models").expect(200)["data"][-1]["id"] == model


# ── an endpoint with OpenAI's interface ───────────────────────────────────────


@pytest.fixture(scope="module")
def outside(deployment: Deployment, ready: Callable[..., Any]) -> Api:
    models = {"allowed": ["outside", "micro"], "default": "outside", "fallback": "micro"}
    _, api = deployment.onboard("Outside", models=models)
    ready(api, api.add_document("Ferry", FERRY)["id"])
    return api


def test_an_endpoint_answers_from_the_tenants_passages(outside: Api) -> None:
    answer = ask(outside).expect(200)
    assert answer["model"] == "outside" and "fallback_for" not in answer
    assert "seven in the morning" in answer["answer"] and answer["finish_reason"] == "stop"
    assert answer["usage"]["input_tokens"] > 10 and answer["usage"]["output_tokens"] > 0
    with outside.stream("/v1/inference/stream", {"template": "quay", "question": QUESTION}) as events:
        seen = list(events)
    assert "".join(data["text"] for name, data in seen if name == "delta") == answer["answer"]
    assert next(data for name, data in seen if name == "done")["finish_reason"] == "stop"
    assert next(data for name, data in seen if name == "usage") == answer["usage"]


def test_an_endpoint_calls_tools_and_writes_json(outside: Api) -> None:
    asked = {"role": "user", "content": "How high is the tide at the harbour Quern?"}
    tools: dict[str, Any] = {"template": "quay", "tools": [TIDE], "retrieval": {"enabled": False}}
    called = outside.post("/v1/inference", {**tools, "tool_choice": "any", "messages": [asked]}).expect(200)
    assert called["finish_reason"] == "tool_calls" and called["tool_calls"][0]["name"] == "tide_table"
    result = {
        "role": "tool",
        "tool_call_id": called["tool_calls"][0]["id"],
        "content": "The tide at the harbour Quern is three metres high.",
    }
    conversation = [asked, {"role": "assistant", "tool_calls": called["tool_calls"]}, result]
    answer = outside.post("/v1/inference", {**tools, "messages": conversation}).expect(200)
    assert "three metres" in answer["answer"]
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    written = ask(outside, output={"schema": schema}).expect(200)
    assert written["output"].keys() == {"answer"} and json.loads(written["answer"]) == written["output"]


def test_the_fallback_answers_for_an_endpoint(deployment: Deployment, outside: Api) -> None:
    """The endpoint refuses its key: a fault of the service, and no fallback. If it is away, the fallback answers."""
    secrets = deployment.stack.account.client("secretsmanager")
    old = secrets.get_secret_value(SecretId="bulkhead-model-key")["SecretString"]
    secrets.put_secret_value(SecretId="bulkhead-model-key", SecretString="wrong")
    try:
        _, fresh = deployment.onboard("Wrong key", models={"allowed": ["outside", "micro"], "default": "outside"})
        problem(
            fresh.post("/v1/inference", {"template": "quay", "question": "x", "retrieval": {"enabled": False}}), 500
        )
    finally:
        secrets.put_secret_value(SecretId="bulkhead-model-key", SecretString=old)
    # The environment looks at the secret again after the refusal.
    assert (
        fresh.post("/v1/inference", {"template": "quay", "question": "x", "retrieval": {"enabled": False}}).expect(200)[
            "model"
        ]
        == "outside"
    )


def test_an_endpoint_that_is_away(deployment: Deployment, outside: Api) -> None:
    deployment.gateway.stop()
    answer = ask(outside).expect(200)
    assert (answer["model"], answer["fallback_for"]) == ("micro", "outside")
