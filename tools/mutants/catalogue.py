"""The catalogue of mutants. Each is a plausible mistake that removes one boundary."""

from __future__ import annotations

from .mutant import FAST, Mutant, Suite

_NAMES = "shared/tenancy/src/names"
_COMPILE_FAIL = ("-p", "bulkhead-tenancy", "--test", "compile_fail")
_ADMITTED = ("-p", "bulkhead-tenancy", "--test", "admission")
_BOUND = ("-p", "bulkhead-tenancy", "--test", "environment")
_SEPARATE = ("-p", "bulkhead-tenancy", "--test", "names")
_SEALING = ("-p", "bulkhead-sealing")
_TOKENS = ("-p", "bulkhead-tokens")
_GUARDS = ("-p", "isolation-tests")
_STORES = ("-p", "bulkhead-stores", "--lib")
_RESILIENCE = ("-p", "bulkhead-resilience", "--test", "quota")
_CIRCUITS = "shared/resilience/src/circuit"
# Without the exploration, which takes longer than all others together.
_OPENS = ("-p", "bulkhead-resilience", "--test", "circuit", "boundaries")
_TIER = "infra/tier.yaml"
_TEMPLATE_GUARDS = ("tests/infrastructure",)
_REPLACEMENT = ("tests/infrastructure/test_replacement.py",)

_TYPES = [
    Mutant(
        "a scope can be cloned",
        Suite.CRATES,
        "shared/tenancy/src/scope.rs",
        "#[derive(Debug)]\npub struct TenantScope",
        "#[derive(Debug, Clone)]\npub struct TenantScope",
        _COMPILE_FAIL,
    ),
    Mutant(
        "a scope can be read from JSON",
        Suite.CRATES,
        "shared/tenancy/src/scope.rs",
        "#[derive(Debug)]\npub struct TenantScope<'invocation> {\n    tenant: TenantId,",
        "#[derive(Debug, serde::Deserialize)]\npub struct TenantScope<'invocation> {\n    tenant: TenantId,\n    #[serde(skip)]",
        _COMPILE_FAIL,
    ),
    Mutant(
        "any crate can create a scope",
        Suite.CRATES,
        "shared/tenancy/src/scope.rs",
        "pub(crate) fn admitted",
        "pub fn admitted",
        _COMPILE_FAIL,
    ),
    Mutant(
        "any crate can create operator authority",
        Suite.CRATES,
        "shared/tenancy/src/admission.rs",
        "#[derive(Debug)]\npub struct OperatorAuthority {\n    _private: (),",
        "#[derive(Debug, Default)]\npub struct OperatorAuthority {\n    _private: (),",
        _COMPILE_FAIL,
    ),
    Mutant(
        "a tenant id may hold a separator",
        Suite.CRATES,
        "shared/tenancy/src/id.rs",
        "b.is_ascii_lowercase() || b.is_ascii_digit()",
        "b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'",
        _ADMITTED,
    ),
    Mutant(
        "a tenant id may be short",
        Suite.CRATES,
        "shared/tenancy/src/id.rs",
        "MIN_LENGTH: usize = 16",
        "MIN_LENGTH: usize = 1",
        _ADMITTED,
    ),
]

_ADMISSION = [
    Mutant(
        "token and platform may disagree",
        Suite.CRATES,
        "shared/tenancy/src/admission.rs",
        "if stated != present(platform, Evidence::Platform)? {",
        "if stated != present(platform, Evidence::Platform)? && platform.is_none() {",
        _ADMITTED,
    ),
    Mutant(
        "the platform's tenant may be missing",
        Suite.CRATES,
        "shared/tenancy/src/admission.rs",
        "if stated != present(platform, Evidence::Platform)? {",
        "if platform.is_some() && stated != present(platform, Evidence::Platform)? {",
        _ADMITTED,
    ),
    Mutant(
        "accepts objects of any bucket",
        Suite.CRATES,
        "shared/tenancy/src/admission.rs",
        "if bucket != own_bucket {",
        "if bucket.is_empty() && own_bucket.is_empty() {",
        _ADMITTED,
    ),
    Mutant(
        "an environment is not bound to a tenant",
        Suite.CRATES,
        "shared/tenancy/src/environment.rs",
        "if tenant == scope.tenant() {",
        "if !tenant.as_str().is_empty() {",
        _BOUND,
    ),
    Mutant(
        "an environment outlives its invocation",
        Suite.CRATES,
        "shared/tenancy/src/environment.rs",
        "if self.mode == IsolationMode::None {",
        "if self.mode == IsolationMode::None && self.bound.get().is_none() && false {",
        _BOUND,
    ),
]

_DERIVED = [
    Mutant(
        "the partition key loses a part of the tenant",
        Suite.CRATES,
        f"{_NAMES}/item.rs",
        'format!("{TENANT}{}", self.tenant())',
        'format!("{TENANT}{:.15}", self.tenant().as_str())',
        _SEPARATE,
    ),
    Mutant(
        "the object prefix has no trailing slash",
        Suite.CRATES,
        f"{_NAMES}/object.rs",
        'ObjectPrefix(format!("t/{}/", self.tenant()))',
        'ObjectPrefix(format!("t/{}", self.tenant()))',
        _SEPARATE,
    ),
    Mutant(
        "all tenants share an index",
        Suite.CRATES,
        f"{_NAMES}/index.rs",
        'format!("t-{}-{corpus}", self.tenant())',
        'format!("t-{corpus}")',
        _SEPARATE,
    ),
    Mutant(
        "all tenants share a message group",
        Suite.CRATES,
        f"{_NAMES}/group.rs",
        "MessageGroup(self.tenant().to_string())",
        'MessageGroup("jobs".to_owned())',
        _SEPARATE,
    ),
    Mutant(
        "all tenants share a session tag",
        Suite.CRATES,
        f"{_NAMES}/session.rs",
        "SessionTag(self.tenant().to_string())",
        'SessionTag("t".repeat(self.tenant().as_str().len().min(16)))',
        _SEPARATE,
    ),
    Mutant(
        "all tenants share an encryption context",
        Suite.CRATES,
        f"{_NAMES}/context.rs",
        "tenant: self.tenant().to_string(), purpose",
        'tenant: "all".to_owned(), purpose',
        _SEPARATE,
    ),
    Mutant(
        "all tenants share a key alias",
        Suite.CRATES,
        f"{_NAMES}/key_alias.rs",
        'format!("alias/bulkhead/{stage}/t/{}", self.tenant())',
        'format!("alias/bulkhead/{stage}/t/all")',
        _SEPARATE,
    ),
]

_SEALS = [
    Mutant(
        "the address is not authenticated",
        Suite.CRATES,
        "shared/sealing/src/address.rs",
        "let mut bytes = self.bytes.clone();",
        "let mut bytes = Vec::new();",
        _SEALING,
    ),
    Mutant(
        "the address is not compared",
        Suite.CRATES,
        "shared/sealing/src/envelope.rs",
        "if *digest != address.digest() {",
        "if *digest != address.digest() && digest.is_empty() {",
        _SEALING,
    ),
    Mutant(
        "the address leaves out the version of a template",
        Suite.CRATES,
        "shared/sealing/src/address.rs",
        "[table.as_str(), key.partition(), key.sort(), attribute]",
        "[table.as_str(), key.partition(), key.sort().trim_end_matches(|c: char| c.is_ascii_digit()), attribute]",
        _SEALING,
    ),
    Mutant(
        "a nonce is used twice",
        Suite.CRATES,
        "shared/sealing/src/data_key.rs",
        "SystemRandom::new().fill(&mut nonce).map_err(|_| UnsealError::Cipher)?;",
        "SystemRandom::new().fill(&mut [0; NONCE_LEN]).map_err(|_| UnsealError::Cipher)?; nonce.fill(1);",
        _SEALING,
    ),
    Mutant(
        "a data key opens a value sealed with another key",
        Suite.CRATES,
        "shared/sealing/src/data_key.rs",
        "if !self.wraps_to(envelope.wrapped) {",
        "if envelope.wrapped.is_empty() {",
        _SEALING,
    ),
    Mutant(
        "accepts a lengthened value",
        Suite.CRATES,
        "shared/sealing/src/envelope.rs",
        "if ciphertext.len() != length {",
        "if ciphertext.len() < length {",
        _SEALING,
    ),
]

_BEARER = [
    Mutant(
        "a token chooses its algorithm",
        Suite.CRATES,
        "shared/tokens/src/keys.rs",
        ".filter(|key| key.algorithms.contains(&algorithm))",
        ".filter(|key| !key.algorithms.is_empty())",
        _TOKENS,
    ),
    Mutant(
        "accepts a token without expiry",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        '&["exp", "iss", "aud"]',
        '&["iss", "aud"]',
        _TOKENS,
    ),
    Mutant(
        "accepts a token of any audience",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        "rules.set_audience(&[audience]);",
        "rules.validate_aud = false;",
        _TOKENS,
    ),
    Mutant(
        "accepts a token of another app",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        'if !says("client_id", client) ||',
        'if claim("client_id").is_none() ||',
        _TOKENS,
    ),
    Mutant(
        "accepts an id token",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        'return if says("token_use", "access") { Ok(()) } else { Err(TokenError::NotForAccess) };',
        "return Ok(());",
        _TOKENS,
    ),
    Mutant(
        "accepts a token of any issuer",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        "rules.set_issuer(&[&self.issuer]);",
        "",
        _TOKENS,
    ),
    Mutant(
        "accepts a token with an unknown extension",
        Suite.CRATES,
        "shared/tokens/src/rules.rs",
        "if header.crit.is_some() {",
        "if header.crit.is_some_and(|names| names.is_empty()) {",
        _TOKENS,
    ),
    Mutant(
        "a token without a key id uses any key",
        Suite.CRATES,
        "shared/tokens/src/keys.rs",
        "(kid.is_some() || fitting.next().is_none()).then_some(first)",
        "Some(first)",
        _TOKENS,
    ),
]

_PROMPTS = [
    Mutant(
        "a document can close its passage",
        Suite.STORES,
        "functions/inference/src/prompt.rs",
        "u64::from_be_bytes(random.expose())",
        "u64::from_be_bytes(random.expose()) & 0",
        ("-p", "inference"),
    ),
    Mutant(
        "a template of any depth is parsed",
        Suite.CRATES,
        "shared/prompts/src/lib.rs",
        "nesting::check(source)?;",
        "let _ = nesting::check(source);",
        ("-p", "bulkhead-prompts", "--test", "saving"),
    ),
    Mutant(
        "a template that can never be rendered is saved",
        Suite.CRATES,
        "shared/prompts/src/lib.rs",
        "render::check_names(source)?;",
        "",
        ("-p", "bulkhead-prompts", "--test", "saving"),
    ),
    Mutant(
        "a template may use all memory of its function",
        Suite.STORES,
        "shared/rendering/src/limits.rs",
        "limit(Resource::As, MEMORY, MEMORY)?;",
        "",
        ("-p", "templates", "--test", "rendering"),
    ),
]

_CAPACITY = [
    Mutant(
        "two workers hold one slot",
        Suite.CRATES,
        "shared/resilience/src/quota.rs",
        "if !self.is_free(claim.slot, claim.now, claim.impossible) {",
        "if claim.until <= claim.now {",
        _RESILIENCE,
    ),
    Mutant(
        "two calls use the rate once",
        Suite.CRATES,
        "shared/resilience/src/quota.rs",
        "self.used_until > claim.now && self.used_until <= latest =>",
        "self.used_until > claim.now || latest < claim.now =>",
        _RESILIENCE,
    ),
    Mutant(
        "releases a slot that another worker holds",
        Suite.CRATES,
        "shared/resilience/src/quota.rs",
        "if self.slots.get(&claim.slot) == Some(&claim.until) {",
        "if self.slots.contains_key(&claim.slot) {",
        _RESILIENCE,
    ),
]

_CIRCUIT = [
    Mutant(
        "the circuit opens one failure late",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "failures.len() >= usize::from(self.failures.get())",
        "failures.len() > usize::from(self.failures.get())",
        _OPENS,
    ),
    Mutant(
        "the window does not slide",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "apart(failure) <= self.window",
        "apart(failure) <= Duration::MAX",
        _OPENS,
    ),
    Mutant(
        "a cool-down has no ceiling",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "microseconds(doubled.min(self.ceiling))",
        "microseconds(doubled)",
        _OPENS,
    ),
    Mutant(
        "a lost probe blocks the circuit forever",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "if now < until {",
        "if now < until || matches!(circuit.state(), State::HalfOpen { .. }) {",
        _OPENS,
    ),
    Mutant(
        "two probes run at the same time",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "if now < until {",
        "if now < until && matches!(circuit.state(), State::Open { .. }) {",
        _OPENS,
    ),
    Mutant(
        "a job of an earlier epoch changes the circuit",
        Suite.CRATES,
        f"{_CIRCUITS}/policy.rs",
        "if permit.epoch != circuit.epoch() {",
        "if permit.epoch > circuit.epoch() {",
        _OPENS,
    ),
    Mutant(
        "a circuit update overwrites a concurrent change",
        Suite.CRATES,
        f"{_CIRCUITS}/state.rs",
        "if self.version != change.expects() {",
        "if self.version > u64::MAX - change.expects() {",
        _OPENS,
    ),
    Mutant(
        "retries never run out",
        Suite.CRATES,
        "shared/resilience/src/retry.rs",
        "self.left = left.unwrap_or(self.left);",
        "self.left = left.map_or(self.left, |left| left.max(Self::ATTEMPT));",
        ("-p", "bulkhead-resilience", "--test", "retry"),
    ),
]

_DEPENDENCIES = [
    Mutant(
        "a function has a separate cache",
        Suite.CRATES,
        "functions/templates/src/lib.rs",
        "mod handlers;",
        "static SEEN: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());\nmod handlers;",
        _GUARDS,
    ),
    Mutant(
        "a function names an AWS SDK",
        Suite.CRATES,
        "functions/templates/Cargo.toml",
        "[dependencies]\n",
        "[dependencies]\naws-sdk-dynamodb.workspace = true\n",
        _GUARDS,
    ),
    Mutant(
        "a function admits itself as an operator",
        Suite.CRATES,
        "functions/templates/src/lib.rs",
        "mod handlers;",
        "pub use bulkhead_tenancy::OperatorAuthority;\nmod handlers;",
        _GUARDS,
    ),
]

_WRITTEN = [
    Mutant(
        "ForAllValues without its Null",
        Suite.TEMPLATES,
        _TIER,
        "'Null': {'dynamodb:LeadingKeys': 'false', 'aws:PrincipalTag/TenantId': 'false'}\n              - Sid: OwnBacklog",
        "'Null': {'aws:PrincipalTag/TenantId': 'false'}\n              - Sid: OwnBacklog",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "a bucket has Bucket Keys",
        Suite.TEMPLATES,
        _TIER,
        "BucketKeyEnabled: false",
        "BucketKeyEnabled: true",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "a session without a tag is not denied",
        Suite.TEMPLATES,
        _TIER,
        "              - Sid: NoTagNoAccess\n                Effect: Deny",
        "              - Sid: NoTagNoAccess\n                Effect: Allow",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "an execution role reads the table",
        Suite.TEMPLATES,
        _TIER,
        "            - {Effect: Allow, Action: ['dynamodb:GetItem', 'dynamodb:Scan'], Resource: !GetAtt Backlog.Arn}",
        "            - {Effect: Allow, Action: ['dynamodb:GetItem', 'dynamodb:Scan'], Resource: !GetAtt Backlog.Arn}\n"
        "            - {Effect: Allow, Action: 'dynamodb:GetItem', Resource: !Ref DataTableArn}",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "a client's header names the tenant",
        Suite.TEMPLATES,
        _TIER,
        "integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId",
        "integration.request.header.X-Amz-Tenant-Id: method.request.header.X-Tenant",
        _TEMPLATE_GUARDS,
        everywhere=True,
    ),
    Mutant(
        "the backlog of every tenant",
        Suite.TEMPLATES,
        _TIER,
        "                Resource: !GetAtt Backlog.Arn\n                Condition:\n"
        "                  'ForAllValues:StringEquals': {'dynamodb:LeadingKeys': ['TENANT#${aws:PrincipalTag/TenantId}']}",
        "                Resource: !GetAtt Backlog.Arn\n                Condition:\n"
        "                  'ForAllValues:StringLike': {'dynamodb:LeadingKeys': ['TENANT#*']}",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "a list of every tenant's objects",
        Suite.TEMPLATES,
        _TIER,
        "StringLike: {'s3:prefix': ['t/${aws:PrincipalTag/TenantId}/*']}",
        "StringLike: {'s3:prefix': ['t/*']}",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "the indexes of every tenant",
        Suite.TEMPLATES,
        _TIER,
        "/index/t-${!aws:PrincipalTag/TenantId}-*'",
        "/index/t-*'",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "the key may be used without a tenant",
        Suite.TEMPLATES,
        _TIER,
        "'Null': {'kms:EncryptionContext:tenant': 'true'}",
        "'Null': {'kms:EncryptionContext:purpose': 'true'}",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "the operator takes a session without a recorded run",
        Suite.TEMPLATES,
        _TIER,
        "                - !GetAtt ControlRole.Arn\n            Action: ['sts:AssumeRole', 'sts:TagSession']",
        "                - !GetAtt ControlRole.Arn\n                - !GetAtt OperatorRole.Arn\n"
        "            Action: ['sts:AssumeRole', 'sts:TagSession']",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "the operator role trusts the whole account instead of the parameter",
        Suite.TEMPLATES,
        _TIER,
        "Principal: {AWS: !Ref OperatorPrincipals}",
        "Principal: {AWS: !Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root'}",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "any API may call a function",
        Suite.TEMPLATES,
        _TIER,
        "      SourceArn: !Sub 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*'\n",
        "",
        _TEMPLATE_GUARDS,
        everywhere=True,
    ),
]

_SILO = [
    Mutant(
        "any tenant may assume a silo's role",
        Suite.INFRA,
        _TIER,
        "!If [Silo, !Ref OnlyTenant, '????????????????*']",
        "'????????????????*'",
        ("tests/isolation/test_tiers.py",),
        everywhere=True,
    ),
    Mutant(
        "a silo's key works for any tenant",
        Suite.INFRA,
        _TIER,
        "StringNotEquals: {'kms:EncryptionContext:tenant': !Ref OnlyTenant}",
        "StringEquals: {'kms:EncryptionContext:tenant': none}",
        ("tests/isolation/test_tiers.py",),
    ),
    Mutant(
        "a silo's authorizer serves any tenant",
        Suite.FUNCTIONS,
        "functions/authorizer/src/lib.rs",
        "if self.only.as_ref().is_some_and(|only| *only != tenant) {",
        "if self.only.as_ref().is_some_and(|only| *only != tenant) && claims.tier.is_none() {",
        ("tests/isolation/test_tiers.py",),
        ("authorizer",),
    ),
    Mutant(
        "an update gives a silo to another tenant",
        Suite.TEMPLATES,
        "infra/silo.yaml",
        "StackName: !Ref AWS::StackName",
        "StackName: !Ref RegistryTable",
        _REPLACEMENT,
    ),
    Mutant(
        "an update changes the stage",
        Suite.TEMPLATES,
        "template.yaml",
        "StackName: !Ref AWS::StackName",
        "StackName: !Ref Model",
        _REPLACEMENT,
    ),
    Mutant(
        "a missing object is a refused access",
        Suite.FUNCTIONS,
        "shared/stores/src/repositories/objects.rs",
        'error.code() == Some("AccessDenied") && !self.exists(key.as_str()).await?',
        'error.code() == Some("Missing") && !self.exists(key.as_str()).await?',
        ("tests/journeys/test_documents.py",),
        ("ingestion",),
    ),
    Mutant(
        "the control plane can change the keys of tenants",
        Suite.FUNCTIONS,
        "shared/provisioning/src/keys.rs",
        "            .bypass_policy_lockout_safety_check(true)\n",
        "",
        ("tests/isolation/test_keys.py",),
        ("control",),
    ),
    Mutant(
        "the control plane ends runs of unknown tenants",
        Suite.FUNCTIONS,
        "functions/control/src/runs.rs",
        "    ) -> Result<(), ControlError> {\n        self.require_onboarded(&tenant).await?;\n",
        "    ) -> Result<(), ControlError> {\n",
        ("tests/isolation/test_exec.py",),
        ("control",),
    ),
    Mutant(
        "a silo onboards a second tenant",
        Suite.FUNCTIONS,
        "shared/provisioning/src/registry.rs",
        'condition_expression("attribute_not_exists(tenant)")',
        'condition_expression("attribute_exists(tenant) OR attribute_not_exists(tenant)")',
        ("tests/isolation/test_tiers.py",),
        ("control",),
    ),
]

_SHARED_TIER = [
    Mutant(
        "the usage key is the client's choice",
        Suite.TEMPLATES,
        _TIER,
        "x-amazon-apigateway-api-key-source: AUTHORIZER",
        "x-amazon-apigateway-api-key-source: HEADER",
        _TEMPLATE_GUARDS,
    ),
    Mutant(
        "a slot is never released",
        Suite.FUNCTIONS,
        "shared/runtime/src/http/serve.rs",
        "session.slots().release(slot).await",
        "async { let _ = slot; Ok::<(), bulkhead_stores::StoreError>(()) }.await",
        ("tests/isolation/test_capacity.py",),
        ("templates",),
    ),
    Mutant(
        "takes an occupied slot",
        Suite.FUNCTIONS,
        "shared/stores/src/quota/slots.rs",
        '"(attribute_not_exists(#slot) OR #slot <= :now OR #slot > :impossible)"',
        '"(attribute_not_exists(#slot) OR #slot <> :now)"',
        ("tests/isolation/test_capacity.py",),
        ("templates",),
    ),
    Mutant(
        "a sign-in chooses its tenant",
        Suite.STORES,
        "functions/claims/src/lib.rs",
        'event.get("request")?.get("userAttributes")?.get(name)?.as_str()',
        'event.get("request").and_then(|asked| asked.get("clientMetadata").or(asked.get("userAttributes")))?.get(name)?.as_str()',
        ("-p", "claims"),
    ),
]

_STORED = [
    Mutant(
        "a data key serves every purpose",
        Suite.STORES,
        "shared/stores/src/sealing/data_keys.rs",
        "self.purpose == purpose && *self.key_arn",
        "*self.key_arn",
        _STORES,
    ),
    Mutant(
        "a data key is never forgotten",
        Suite.STORES,
        "shared/stores/src/sealing/data_keys.rs",
        " && self.born.elapsed() < LIFETIME",
        "",
        _STORES,
    ),
    Mutant(
        "a session stays cached after STS refused it",
        Suite.STORES,
        "shared/stores/src/session/renewal.rs",
        "(Err(error), Some(kept)) if !denied_by_sts(&error) => {",
        "(Err(error), Some(kept)) => {",
        _STORES,
    ),
    Mutant(
        "clients serve any tenant",
        Suite.STORES,
        "shared/stores/src/session/mod.rs",
        "if &self.tenant == scope.tenant() {",
        "if !self.tenant.as_str().is_empty() {",
        _STORES,
    ),
]

_DEPLOYED = [
    Mutant(
        "the tenant role reaches every partition",
        Suite.INFRA,
        _TIER,
        "                Resource: !Ref DataTableArn\n                Condition:\n"
        "                  'ForAllValues:StringEquals': {'dynamodb:LeadingKeys': ['TENANT#${aws:PrincipalTag/TenantId}']}",
        "                Resource: !Ref DataTableArn\n                Condition:\n"
        "                  'ForAllValues:StringLike': {'dynamodb:LeadingKeys': ['TENANT#*']}",
        ("tests/isolation/test_stores.py",),
    ),
    Mutant(
        "the tenant role reaches every object",
        Suite.INFRA,
        _TIER,
        "'${Documents.Arn}/t/${!aws:PrincipalTag/TenantId}/*'",
        "'${Documents.Arn}/t/*'",
        ("tests/isolation/test_stores.py",),
    ),
    Mutant(
        "the tenant role uses the key for any tenant",
        Suite.INFRA,
        _TIER,
        "StringEquals: {'kms:EncryptionContext:tenant': '${aws:PrincipalTag/TenantId}'}",
        "StringLike: {'kms:EncryptionContext:tenant': '*'}",
        ("tests/isolation/test_stores.py", "tests/isolation/test_sealed.py"),
    ),
    Mutant(
        "a session's name may differ from its tag",
        Suite.INFRA,
        _TIER,
        "StringNotEquals: {'sts:RoleSessionName': '${aws:RequestTag/TenantId}'}",
        "StringEquals: {'sts:RoleSessionName': 'none'}",
        ("tests/isolation/test_sessions.py",),
    ),
    Mutant(
        "a function writes into other logs",
        Suite.INFRA,
        _TIER,
        "        - !Ref ExtractionRole\n",
        "",
        ("tests/isolation/test_roles.py",),
    ),
    Mutant(
        "the bucket takes objects without a tenant in the context",
        Suite.INFRA,
        _TIER,
        "StringNotEquals: {'s3:x-amz-server-side-encryption': 'aws:kms'}",
        "StringEquals: {'s3:x-amz-server-side-encryption': 'none'}",
        ("tests/isolation/test_roles.py",),
    ),
]

_BUILT = [
    Mutant(
        "the session is opened without its tag",
        Suite.FUNCTIONS,
        "shared/stores/src/session/credentials.rs",
        "            .tags(tag.map_err(CredentialsError::invalid_configuration)?)\n",
        "",
        ("tests/journeys/test_templates.py",),
        ("templates", "control"),
    ),
    Mutant(
        "the encryption context has no tenant",
        Suite.FUNCTIONS,
        "shared/stores/src/sealing/mod.rs",
        "context.pairs().into_iter().map(",
        "context.pairs().into_iter().take(1).map(",
        ("tests/journeys/test_templates.py",),
        ("templates",),
    ),
    Mutant(
        "a header names the tenant if the authorizer does not",
        Suite.FUNCTIONS,
        "shared/events/src/gateway.rs",
        ".and_then(|tenant| tenant.as_str())\n",
        '.and_then(|tenant| tenant.as_str()).or(self.header("x-amz-tenant-id"))\n',
        ("tests/isolation/test_invoke.py",),
        ("templates", "documents", "inference"),
    ),
    Mutant(
        "admits a token of another tier",
        Suite.FUNCTIONS,
        "functions/authorizer/src/lib.rs",
        "if claims.tier.as_ref().and_then(|tier| tier.as_str()) != Some(self.tier.as_str()) {",
        "if claims.tier.is_none() {",
        ("tests/isolation/test_tokens.py",),
        ("authorizer",),
    ),
    Mutant(
        "admits a suspended tenant",
        Suite.FUNCTIONS,
        "functions/authorizer/src/lib.rs",
        "Some(record) if record.status != TenantStatus::Active => Err(Denial::NotActive),",
        "Some(record) if record.status == TenantStatus::Onboarding => Err(Denial::NotActive),",
        ("tests/journeys/test_suspension.py",),
        ("authorizer",),
    ),
    Mutant(
        "a tenant's key serves every tenant",
        Suite.FUNCTIONS,
        "shared/provisioning/src/keys.rs",
        '"StringNotEquals": {"aws:PrincipalTag/TenantId": tenant},',
        '"StringEquals": {"aws:PrincipalTag/TenantId": "none"},',
        ("tests/isolation/test_keys.py",),
        ("control",),
    ),
    Mutant(
        "a command is not confined",
        Suite.COMMAND_LINE,
        "cli/src/sandbox.rs",
        "    if let Err(error) = enter(limits) {\n        return error;\n    }\n",
        "    let _ = enter;\n    let _ = limits;\n",
        ("tests/isolation/test_exec.py",),
    ),
    Mutant(
        "a command inherits the operator's environment",
        Suite.COMMAND_LINE,
        "cli/src/environment.rs",
        "            .env_clear()\n",
        "",
        ("tests/isolation/test_exec.py",),
    ),
]

_READ = ("-p", "bulkhead-documents")
_READING = [
    Mutant(
        "a DOCX expands without limit",
        Suite.CRATES,
        "shared/documents/src/read/docx.rs",
        "part.take(MAX_EXPANDED as u64 + 1).read_to_end(&mut xml).map_err(|_| DocumentError::BrokenDocx)?;\n"
        "    if xml.len() > MAX_EXPANDED { Err(DocumentError::Expands) } else { Ok(xml) }",
        "part.take(u64::MAX).read_to_end(&mut xml).map_err(|_| DocumentError::BrokenDocx)?;\n    Ok(xml)",
        (*_READ, "--test", "docx", "bombs"),
    ),
    Mutant(
        "a PDF's streams expand without limit",
        Suite.CRATES,
        "shared/documents/src/read/pdf.rs",
        "get_page_content_with_limit(page, MAX_EXPANDED)",
        "get_page_content_with_limit(page, usize::MAX)",
        (*_READ, "--test", "pdf", "bombs"),
    ),
    Mutant(
        "a DOCX may have a document type",
        Suite.CRATES,
        "shared/documents/src/read/docx.rs",
        "Event::DocType(_) => return Err(DocumentError::DocumentType),",
        "Event::DocType(_) => {}",
        (*_READ, "--test", "docx", "document_types"),
    ),
    Mutant(
        "the extraction process may open files",
        Suite.CRATES,
        "functions/extraction/src/limits.rs",
        "limit(Resource::Nofile, 0, 0)",
        "limit(Resource::Nofile, 64, 64)",
        ("-p", "extraction", "--test", "limits"),
    ),
]

_JOBS = [
    Mutant(
        "a throttled rate is not stored",
        Suite.CRATES,
        "shared/resilience/src/throttle.rs",
        "let from = used_until.max(now);",
        "let from = now;",
        ("-p", "bulkhead-resilience", "--test", "throttle"),
    ),
    Mutant(
        "search returns old revisions",
        Suite.FUNCTIONS,
        "shared/stores/src/repositories/passages.rs",
        "found.retain(|found| live_revision(found) == Some(found.revision));",
        "found.retain(|found| live_revision(found).is_some());",
        ("tests/journeys/test_document_life.py",),
        ("inference",),
    ),
    Mutant(
        "a job completes although a newer revision exists",
        Suite.FUNCTIONS,
        "shared/stores/src/jobs/transitions.rs",
        '"{NOT_DELETED} AND received_revision = :revision AND processed_revision = :revision"',
        '"{NOT_DELETED} AND (received_revision = :revision OR processed_revision = :revision)"',
        ("tests/faults/test_document_life_faults.py::test_revision_that_arrives_while_a_job_completes_is_indexed",),
        ("ingestion",),
    ),
    Mutant(
        "a repeated event creates a second job",
        Suite.FUNCTIONS,
        "shared/stores/src/jobs/accept.rs",
        "Some(state) if state.received == Some(content.revision) => return Ok(()),",
        "Some(state) if state.received == Some(content.revision) && content.bytes == u64::MAX => return Ok(()),",
        ("tests/faults/test_late_and_repeated_events.py",),
        ("ingestion", "scheduler"),
    ),
    Mutant(
        "a job is accepted without a backlog entry",
        Suite.FUNCTIONS,
        "shared/stores/src/jobs/accept.rs",
        "let mut writes = vec![backlog.mark()?];",
        "let mut writes = vec![];\n        let _ = backlog;",
        ("tests/faults/test_late_and_repeated_events.py",),
        ("ingestion", "scheduler"),
    ),
    Mutant(
        "a job of a deleted document ends without its data",
        Suite.FUNCTIONS,
        "shared/stores/src/jobs/transitions.rs",
        "if !self.session.erase(job.document()).await? {",
        "if false {",
        ("tests/faults/test_document_life_faults.py::test_passages_written_after_a_delete_are_removed",),
        ("ingestion", "scheduler"),
    ),
    Mutant(
        "the bytes of a replaced revision stay",
        Suite.FUNCTIONS,
        "shared/stores/src/jobs/accept.rs",
        "return self.session.objects().delete_source(document, content.revision).await;",
        "return Ok(());",
        ("tests/journeys/test_document_races.py::test_upload_url_of_a_replaced_revision_stores_nothing",),
        ("ingestion", "scheduler"),
    ),
    Mutant(
        "the key of a stored object may name another tenant",
        Suite.CRATES,
        "shared/tenancy/src/admission.rs",
        "if scope.tenant() != claimed.tenant() {",
        "if scope.tenant() != scope.tenant() {",
        _ADMITTED,
    ),
]

MUTANTS: list[Mutant] = [
    *_TYPES,
    *_ADMISSION,
    *_DERIVED,
    *_SEALS,
    *_BEARER,
    *_PROMPTS,
    *_CAPACITY,
    *_CIRCUIT,
    *_READING,
    *_JOBS,
    *_DEPENDENCIES,
    *_WRITTEN,
    *_SILO,
    *_SHARED_TIER,
    *_STORED,
    *_DEPLOYED,
    *_BUILT,
]


def fast() -> list[Mutant]:
    """Returns the mutants that take seconds."""
    return [mutant for mutant in MUTANTS if mutant.suite in FAST]
