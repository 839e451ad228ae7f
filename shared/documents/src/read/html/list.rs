//! Numbers and bullets of list items.

use super::tree::Element;

/// An open list.
pub(crate) struct List {
    /// The number of the next item, or `None` for a list with bullets.
    next: Option<i64>,
    step: i64,
    style: String,
}

impl List {
    /// Opens a list of `items` items.
    pub(crate) fn of(element: &Element, items: usize) -> Self {
        let reversed = element.attribute("reversed").is_some();
        let first = element.attribute("start").and_then(|start| start.trim().parse().ok());
        let first = first.unwrap_or(if reversed { i64::try_from(items).unwrap_or(1) } else { 1 });
        Self {
            next: (element.tag() == "ol").then_some(first),
            step: if reversed { -1 } else { 1 },
            style: element.attribute("type").unwrap_or("1").to_owned(),
        }
    }
}

/// Returns the marker of the next item of the innermost list.
pub(crate) fn marker(lists: &mut [List], item: &Element) -> String {
    let indent = "  ".repeat(lists.len().saturating_sub(1).min(20));
    let number = lists.last_mut().and_then(|list| {
        let number = item.attribute("value").and_then(|value| value.trim().parse().ok()).or(list.next)?;
        list.next = list.next.map(|_| number.saturating_add(list.step));
        list.next.map(|_| numeral(number, &list.style))
    });
    number.map_or_else(|| format!("{indent}- "), |number| format!("{indent}{number}. "))
}

/// Returns a number in a style of lists: `1`, `a`, `A`, `i` or `I`.
pub(crate) fn numeral(number: i64, style: &str) -> String {
    match style {
        "a" => letters(number).unwrap_or_else(|| number.to_string()),
        "A" => letters(number).map_or_else(|| number.to_string(), |letters| letters.to_uppercase()),
        "i" => roman(number).unwrap_or_else(|| number.to_string()),
        "I" => roman(number).map_or_else(|| number.to_string(), |roman| roman.to_uppercase()),
        _ => number.to_string(),
    }
}

/// Returns a number as letters: `a` to `z`, then `aa`.
fn letters(number: i64) -> Option<String> {
    let mut rest = u32::try_from(number).ok().filter(|number| (1..=10_000).contains(number))?;
    let mut letters = vec![];
    while rest > 0 {
        rest -= 1;
        letters.push(char::from_digit(rest % 26 + 10, 36)?);
        rest /= 26;
    }
    Some(letters.into_iter().rev().collect())
}

/// Returns a number as lower-case Roman numerals.
fn roman(number: i64) -> Option<String> {
    const SIGNS: [(i64, &str); 13] = [
        (1_000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut rest = Some(number).filter(|number| (1..4_000).contains(number))?;
    let mut roman = String::new();
    for (value, sign) in SIGNS {
        while rest >= value {
            roman.push_str(sign);
            rest -= value;
        }
    }
    Some(roman)
}
