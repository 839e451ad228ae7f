use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Digits before and after the point of a price.
const DIGITS: usize = 6;

/// What a model costs, in pico-US-dollars (10⁻¹² USD) per token: exact for every price in the catalogue.
///
/// 1 USD per million tokens is 1,000,000 pico-US-dollars per token. Each is less than 10¹², so the cost of 18 million
/// tokens fits into a `u64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Per input token.
    pub input: u64,
    /// Per output token. 0 for a model that embeds.
    pub output: u64,
}

/// A price is not a decimal number of US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a price is text with US dollars per million tokens, with up to 6 digits before and after the point, such as \"0.06\""
)]
pub struct PriceError;

/// One number of a price, in pico-US-dollars per token.
#[derive(Debug, Clone, Copy)]
struct PerToken(u64);

impl FromStr for PerToken {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let is_number = |digits: &str| {
            (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole) || !fraction.is_none_or(is_number) {
            return Err(PriceError);
        }
        // Six digits after the point of a price per million tokens are whole pico-dollars per token.
        let digits = format!("{whole}{:0<DIGITS$}", fraction.unwrap_or_default());
        digits.parse().map(Self).map_err(|_| PriceError)
    }
}

impl<'de> Deserialize<'de> for PerToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Price {
    /// Reads US dollars per million tokens, as decimal text.
    ///
    /// # Errors
    /// The text is not a decimal number, or has more digits than a price can keep.
    pub fn per_million(input: &str, output: &str) -> Result<Self, PriceError> {
        let [input, output] = [input, output].map(PerToken::from_str);
        Ok(Self { input: input?.0, output: output?.0 })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    input: PerToken,
    output: Option<PerToken>,
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { input, output } = Written::deserialize(deserializer)?;
        Ok(Self { input: input.0, output: output.map_or(0, |output| output.0) })
    }
}
