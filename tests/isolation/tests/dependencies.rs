//! Rules for dependencies and names: code that serves tenants has no raw AWS client and no
//! operator authority.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the product's source files (without tests) that contain `text`, relative to the root.
fn files_with(text: &str) -> Vec<String> {
    let mut found = vec![];
    for folder in ["cli", "shared", "functions"] {
        sources(&root().join(folder), &mut found);
    }
    let mut names: Vec<_> = found
        .into_iter()
        .filter(|path| std::fs::read_to_string(path).expect("source").contains(text))
        .map(|path| path.strip_prefix(root()).expect("below the root").display().to_string())
        .filter(|name| !name.contains("/tests/"))
        .collect();
    names.sort();
    names
}

#[test]
fn only_store_crates_depend_on_an_aws_sdk() {
    let metadata = metadata();
    let mut offenders = vec![];
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("dependency");
            let sdk = on.starts_with("aws-sdk-") || on == "aws-config" || on == "aws-types";
            if sdk && !["bulkhead-stores", "bulkhead-provisioning", "bulkhead-operator"].contains(&name) {
                offenders.push(format!("{name} -> {on}"));
            }
        }
    }
    assert!(offenders.is_empty(), "only stores, provisioning and operator may use an AWS SDK: {offenders:?}");
}

/// The function that parses untrusted files has no AWS SDK and no tenant session.
#[test]
fn extraction_depends_on_no_store() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let extraction = packages.iter().find(|package| package["name"] == "extraction").expect("extraction");
    let named: Vec<_> = extraction["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| dependency["name"].as_str().expect("dependency"))
        .collect();
    assert!(named.contains(&"bulkhead-documents"), "extraction parses documents: {named:?}");
    let allowed = ["bulkhead-confinement", "bulkhead-documents", "bulkhead-events"];
    let offenders: Vec<_> = named
        .iter()
        .filter(|name| name.starts_with("aws-") || (name.starts_with("bulkhead-") && !allowed.contains(name)))
        .collect();
    assert!(offenders.is_empty(), "extraction must not depend on {offenders:?}");
}

#[test]
fn crate_dependencies_point_down() {
    let order = [
        "bulkhead-tenancy",
        "bulkhead-apikeys",
        "bulkhead-tokens",
        "bulkhead-sealing",
        "bulkhead-documents",
        "bulkhead-events",
        "bulkhead-confinement",
        "bulkhead-prompts",
        "bulkhead-rendering",
        "bulkhead-resilience",
        "bulkhead-models",
        "bulkhead-stores",
        "bulkhead-provisioning",
        "bulkhead-runtime",
        "bulkhead-operator",
    ];
    let layer = |name: &str| order.iter().position(|crate_| *crate_ == name);
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        let Some(own) = layer(name) else { continue };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("dependency");
            // A crate may depend on itself, to enable features in its own tests.
            assert!(on == name || layer(on).is_none_or(|other| other < own), "{name} -> {on} points up");
        }
    }
}

#[test]
fn every_crate_uses_the_workspace_lints() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).expect("manifest");
    for package in metadata()["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("manifest");
        let text = std::fs::read_to_string(manifest).expect("manifest");
        if package["name"] == "bulkhead-cli" {
            // Its manifest says why it cannot inherit them. It must list the same lints.
            assert_eq!(lints(&text), lints(&workspace).replace("\"forbid\"", "\"deny\""), "{manifest}");
            continue;
        }
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest} lacks `[lints] workspace = true`");
    }
}

/// Returns the clippy lints of a manifest.
fn lints(manifest: &str) -> String {
    let (_, lints) = manifest.split_once("lints.clippy]\n").expect("a table of lints");
    lints.split("\n\n").next().unwrap_or_default().trim().to_owned()
}

#[test]
fn only_listed_files_use_operator_authority() {
    assert_eq!(
        files_with("OperatorAuthority"),
        [
            "functions/control/src/budget.rs",
            "functions/control/src/models.rs",
            "functions/control/src/onboard.rs",
            "functions/control/src/runs.rs",
            "shared/stores/src/session/mod.rs",
            "shared/tenancy/src/admission.rs",
            "shared/tenancy/src/lib.rs"
        ]
    );
}

#[test]
fn only_admission_creates_a_scope() {
    assert_eq!(files_with("TenantScope::admitted"), ["shared/tenancy/src/admission.rs"]);
}

#[test]
fn only_provisioning_uses_the_raw_sdk_configuration() {
    assert_eq!(
        files_with("control::sdk"),
        [
            "shared/provisioning/src/indexes.rs",
            "shared/provisioning/src/keys.rs",
            "shared/provisioning/src/registry.rs",
            "shared/provisioning/src/runs.rs",
            "shared/provisioning/src/usage.rs"
        ]
    );
}

/// Process-wide state could leak data from one tenant to another.
#[test]
fn no_process_wide_state() {
    for marker in ["static ", "thread_local!", "task_local!", "LazyLock", "lazy_static"] {
        let found: Vec<_> = files_with(marker)
            .into_iter()
            .filter(|name| {
                let text = std::fs::read_to_string(root().join(name)).expect("source");
                text.lines().any(|line| {
                    let line = line.trim_start();
                    line.starts_with("static ")
                        || line.starts_with("pub static ")
                        || line.starts_with("pub(crate) static ")
                        || (marker != "static " && line.contains(marker) && !line.starts_with("//"))
                })
            })
            .collect();
        assert!(found.is_empty(), "`{marker}` in {found:?}");
    }
}
