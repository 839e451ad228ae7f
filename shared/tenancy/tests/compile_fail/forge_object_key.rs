//! An object key cannot be built by hand.
use bulkhead_tenancy::names::ObjectKey;

fn main() {
    let _ = ObjectKey("t/bbbbbbbbbbbbbbbb/documents/0/source".to_owned());
}
