//! A session tag cannot be built by hand.
use bulkhead_tenancy::names::SessionTag;

fn main() {
    let _ = SessionTag("bbbbbbbbbbbbbbbb".to_owned());
}
