//! Money as whole pico-US-dollars (10⁻¹² US dollars), and as text in US dollars.

/// Pico-US-dollars of one US dollar.
const DOLLAR: u64 = 1_000_000_000_000;

/// The largest amount of a budget: 9,000,000 US dollars, which 63 bits hold.
pub const MAX_USD: u64 = 9_000_000;

/// The text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount in US dollars has the form 12 or 12.50: at most 12 decimals, at most {MAX_USD}")]
pub struct InvalidAmount;

/// Reads an amount in US dollars, for example `12.50`, as pico-US-dollars. Exact: refuses more than 12 decimals.
///
/// # Errors
/// [`InvalidAmount`].
pub fn parse_usd(text: &str) -> Result<u64, InvalidAmount> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 12 {
        return Err(InvalidAmount);
    }
    let whole: u64 = whole.parse().map_err(|_| InvalidAmount)?;
    let decimals: u64 = format!("{decimals:0<12}").parse().map_err(|_| InvalidAmount)?;
    let amount = whole.checked_mul(DOLLAR).and_then(|whole| whole.checked_add(decimals));
    amount.filter(|amount| *amount <= MAX_USD * DOLLAR).ok_or(InvalidAmount)
}

/// Returns an amount as text in US dollars, exact and without trailing zeros.
pub fn usd(amount: u64) -> String {
    let text = format!("{}.{:012}", amount / DOLLAR, amount % DOLLAR);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_decimal_numbers_are_amounts() {
        for (text, amount) in
            [("0", 0), ("1", DOLLAR), ("12.50", 12 * DOLLAR + DOLLAR / 2), ("0.000000000001", 1)]
        {
            assert_eq!(parse_usd(text), Ok(amount), "{text}");
        }
        for text in
            ["", ".5", "1.", "-1", "+1", "1e3", "1,5", "0.0000000000001", "9000000.1", "99999999999999999999"]
        {
            assert_eq!(parse_usd(text), Err(InvalidAmount), "{text}");
        }
    }

    proptest! {
        #[test]
        fn amounts_survive_a_round_trip(amount in 0..=MAX_USD * DOLLAR) {
            prop_assert_eq!(parse_usd(&usd(amount)), Ok(amount));
        }
    }
}
