"""Expand SAM templates offline to plain CloudFormation, for the linter.

    python -m tools.deploy.expand OUT_DIR template.yaml infra/tier.yaml …

`sam validate --lint` does not run the SAM transform, so it does not check the functions, roles and
permissions that the transform creates. Each template is expanded separately and written as JSON for
`cfn-lint`. A nested application becomes an `AWS::CloudFormation::Stack`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

_REGION = "us-east-1"
_TRANSFORM = "AWS::Serverless-2016-10-31"
# Stands for code and nested templates that are not uploaded. It is never fetched.
_NOWHERE = "https://s3.amazonaws.com/not-uploaded/"


def expand(file: Path) -> dict[str, Any]:
    """Returns the CloudFormation template that the SAM transform makes of one template."""
    os.environ["AWS_DEFAULT_REGION"] = _REGION
    from samcli.lib.translate.sam_template_validator import SamTemplateValidator
    from samcli.yamlhelper import yaml_parse
    from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader

    template = json.loads(json.dumps(yaml_parse(file.read_text()), default=str))
    if template.get("Transform") != _TRANSFORM:
        return template
    _point_nowhere(template)
    # SAM looks up managed policies in an account. There is no account, and no template names such a policy.
    policies = ManagedPolicyLoader(MagicMock())
    policies._policy_map = {}
    translated = SamTemplateValidator(template, policies, region=_REGION)
    result = translated.get_translated_template_if_valid()
    expanded = yaml_parse(result) if isinstance(result, str) else result
    expanded.pop("Transform", None)
    return expanded


def _point_nowhere(template: dict[str, Any]) -> None:
    """Replaces the local paths of nested templates, which `sam package` would upload."""
    for resource in template.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        for kind, name in (
            ("AWS::Serverless::Application", "Location"),
            ("AWS::CloudFormation::Stack", "TemplateURL"),
        ):
            location = properties.get(name)
            if resource.get("Type") == kind and isinstance(location, str):
                properties[name] = _NOWHERE + Path(location).name


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(given[0])
    out.mkdir(parents=True, exist_ok=True)
    # SAM CLI warns about internal metrics and toggles.
    logging.disable(logging.CRITICAL)
    for file in map(Path, given[1:]):
        expanded = expand(file)
        target = out / file.with_suffix(".json").name
        target.write_text(json.dumps(expanded, indent=1, default=str) + "\n")
        print(f"{file}: {len(expanded['Resources'])} resources → {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
