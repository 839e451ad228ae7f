//! What must not compile, each for its own reason: the expected texts are checked in.

#[test]
fn a_scope_cannot_be_forged_copied_read_or_kept() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
