//! Prices are exact or refused.

use bulkhead_models::Price;
use proptest::prelude::*;

#[test]
fn prices_are_pico_dollars_per_token() {
    for (text, picos) in [
        ("0.06", 60_000),
        ("0", 0),
        ("0.0", 0),
        ("3", 3_000_000),
        ("0.000001", 1),
        ("015.000", 15_000_000),
        ("999999.999999", 999_999_999_999),
    ] {
        assert_eq!(Price::per_million(text, "0").map(|price| price.input), Ok(picos), "{text}");
        assert_eq!(Price::per_million("0", text).map(|price| price.output), Ok(picos), "{text}");
    }
}

#[test]
fn a_price_that_does_not_fit_is_refused() {
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1e3",
        "1,5",
        "0x1",
        "NaN",
        "0.0000001",
        "1000000",
        "1.2.3",
        "٣",
    ] {
        assert!(Price::per_million(text, "0").is_err(), "{text}");
        assert!(Price::per_million("0", text).is_err(), "{text}");
    }
}

proptest! {
    /// Every number of picodollars up to the largest comes back from its decimal text, with and without trailing zeros.
    #[test]
    fn every_price_is_exact(picos in 0_u64..1_000_000_000_000) {
        let text = format!("{}.{:06}", picos / 1_000_000, picos % 1_000_000);
        let trimmed = text.trim_end_matches('0');
        let trimmed = trimmed.strip_suffix('.').unwrap_or(trimmed);
        for text in [text.as_str(), trimmed] {
            prop_assert_eq!(Price::per_million(text, "0").map(|price| price.input), Ok(picos));
        }
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in any::<String>()) {
        let _ = Price::per_million(&text, &text);
    }
}
