//! Any bytes as a sealed value: only the exact sealed bytes open.

#![no_main]

use std::sync::LazyLock;

use bulkhead_sealing::{Address, DataKey, Sealed, Table};
use bulkhead_tenancy::names::{Purpose, TemplateKey};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};
use libfuzzer_sys::fuzz_target;

const TENANT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";

struct Known {
    key: DataKey,
    address: Address,
    sealed: Vec<u8>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::PerTenant);
    let Ok(scope) = admission.request(&invocation, Some(TENANT), Some(TENANT)) else { unreachable!() };
    let Ok(template) = TemplateKey::parse("summary") else { unreachable!() };
    let address = Address::item(Purpose::Template, Table::Tenants, &scope.version_key(&template, 1), "sealed");
    let Ok(key) = DataKey::new(&[7; 32], b"wrapped".to_vec()) else { unreachable!() };
    let Ok(sealed) = key.seal(&address, b"some text") else { unreachable!() };
    Known { key, address, sealed: sealed.into_bytes() }
});

/// The input changes a part of a genuine value, so most of it stays genuine.
fuzz_target!(|change: (u8, bool, &[u8])| {
    let (at, keep_length, change) = change;
    let known = &*KNOWN;
    let mut bytes = known.sealed.clone();
    let at = usize::from(at).min(bytes.len());
    match keep_length {
        true => bytes.iter_mut().skip(at).zip(change).for_each(|(byte, new)| *byte ^= new),
        false => drop(bytes.splice(at.., change.iter().copied())),
    }
    for bytes in [bytes, change.to_vec()] {
        let genuine = bytes == known.sealed;
        let sealed = Sealed::from_bytes(bytes);
        let opened = sealed.envelope(&known.address).and_then(|envelope| known.key.open(&envelope));
        assert_eq!(opened.is_ok(), genuine);
    }
});
