//! The form of a sealed value. That KMS and IAM refuse the rest is tested against the
//! deployed stack, in `tests/isolation`.

use proptest::prelude::*;

use super::*;

#[test]
fn parts_come_back_as_assembled() {
    let sealed = Sealed::assemble(b"wrapped", &[7; NONCE_LEN], &[9; 20]).expect("assemble");
    let parts = sealed.parts().expect("parts");
    assert_eq!(
        (parts.wrapped, parts.nonce, parts.ciphertext),
        (&b"wrapped"[..], [7; NONCE_LEN], &[9; 20][..])
    );
}

#[test]
fn no_two_addresses_authenticate_the_same_bytes() {
    let shifted = Address::vector("ab", "c");
    let plain = Address::vector("a", "bc");
    assert_ne!(shifted.to_bytes(Purpose::Template), plain.to_bytes(Purpose::Template));
    assert_ne!(plain.to_bytes(Purpose::Job), plain.to_bytes(Purpose::Template));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sealed::from_bytes(bytes).parts();
    }

    #[test]
    fn a_truncated_value_is_malformed_or_shorter(cut in 0_usize..41) {
        let whole = Sealed::assemble(b"wrapped", &[7; NONCE_LEN], &[9; 20]).expect("assemble");
        let cut = Sealed::from_bytes(whole.0[..cut].to_vec());
        prop_assert!(cut.parts().is_none_or(|parts| parts.ciphertext.len() < 20));
    }
}
