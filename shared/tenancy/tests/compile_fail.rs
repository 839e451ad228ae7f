//! Programs that must not compile. The expected compiler output is checked in.

#[test]
fn scope_cannot_be_forged_copied_deserialized_or_kept() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
