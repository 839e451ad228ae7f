"""Models of an endpoint with OpenAI's interface, for a local stack: Ollama, vLLM, llama.cpp or a gateway."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tools.deploy.models import Place, parameters

from .aws import REGION, Account
from .process import StackError

_ACCOUNT = "000000000000"
_SECONDS = 60.0


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, and the names of its models there."""

    url: str
    chat: str
    embedding: str = ""
    dimensions: int = 0
    key: str = ""

    @classmethod
    def find(cls, url: str, *, chat: str = "", embedding: str = "", key: str = "") -> Endpoint:
        """Asks the endpoint what is not given: its first model, and the length of its embeddings."""
        url = url.rstrip("/")
        if not chat:
            models = [each["id"] for each in _ask(f"{url}/models", key)["data"] if each["id"] != embedding]
            if not models:
                raise StackError(f"{url} has no model: pull one first")
            chat = models[0]
        dimensions = 0
        if embedding:
            body = {"model": embedding, "input": "x", "encoding_format": "float"}
            dimensions = len(_ask(f"{url}/embeddings", key, body)["data"][0]["embedding"])
        return cls(url, chat, embedding, dimensions, key)

    def parameters(self, account: Account) -> dict[str, str]:
        """Returns the parameters of a stack that answers with the endpoint's model. Stores the key as a secret."""
        catalogue: list[dict[str, Any]] = [{"id": self.chat, "provider": "openai"}]
        if self.embedding:
            catalogue.append({"id": self.embedding, "provider": "openai", "kind": "embedding"})
        found = parameters(catalogue, Place(REGION, _ACCOUNT)) | {"Model": self.chat, "ModelUrl": self.url}
        if self.key:
            secrets = account.client("secretsmanager")
            made = secrets.create_secret(Name="bulkhead-model-key", SecretString=self.key)
            found["ModelKeySecretArn"] = made["ARN"]
        return found

    def onboarding(self) -> dict[str, Any]:
        """Returns what the onboarding of a tenant needs whose documents the endpoint embeds."""
        if not self.embedding:
            return {}
        return {"embedding": {"model": self.embedding, "dimensions": self.dimensions}}


def _ask(url: str, key: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=_SECONDS) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ValueError, TimeoutError) as error:
        raise StackError(f"{url} does not answer as an endpoint of models: {error}") from error
