//! Numbers in the number formats of Excel.

use super::date::date;

/// Decimals that Excel shows at most.
const MAX_DECIMALS: usize = 30;

/// Returns the format code of a built-in number format.
pub(crate) fn built_in(id: usize) -> &'static str {
    match id {
        1 => "0",
        2 => "0.00",
        3 => "#,##0",
        4 => "#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 => "0.00E+00",
        // The order of day and month depends on the reader's country.
        14 => "yyyy-mm-dd",
        15 => "d-mmm-yy",
        16 => "d-mmm",
        17 => "mmm-yy",
        18 => "h:mm AM/PM",
        19 => "h:mm:ss AM/PM",
        20 => "h:mm",
        21 => "h:mm:ss",
        22 => "yyyy-mm-dd h:mm",
        37 | 38 => "#,##0;-#,##0",
        39 | 40 => "#,##0.00;-#,##0.00",
        45 => "mm:ss",
        46 => "[h]:mm:ss",
        47 => "mm:ss.0",
        48 => "0.0E+0",
        _ => "General",
    }
}

/// Returns a number as a cell with the format shows it.
pub(crate) fn show(number: f64, code: &str, since_1904: bool) -> String {
    let sections: Vec<&str> = sections(code);
    let (section, number) = match sections.as_slice() {
        [_, negative, ..] if number < 0.0 && !negative.is_empty() => (*negative, -number),
        [_, _, zero, ..] if number == 0.0 && !zero.is_empty() => (*zero, number),
        [first, ..] => (*first, number),
        [] => ("General", number),
    };
    let tokens = tokens(section);
    if tokens.iter().any(|token| matches!(token, Token::Date(..) | Token::Elapsed(_))) {
        return date(number, &tokens, since_1904).unwrap_or_else(|| general(number));
    }
    if !tokens.iter().any(|token| matches!(token, Token::Digit(_))) {
        if section.trim().eq_ignore_ascii_case("general") || section.contains('@') || tokens.is_empty() {
            return general(number);
        }
        let (before, after) = section.to_ascii_lowercase().find("general").map_or(("", ""), |at| {
            (section.get(..at).unwrap_or_default(), section.get(at + 7..).unwrap_or_default())
        });
        if before.is_empty() && after.is_empty() {
            return literals(&tokens);
        }
        let literal = |text| literals(&self::tokens(text));
        return format!("{}{}{}", literal(before), general(number), literal(after));
    }
    digits(number, &tokens)
}

/// Returns a number in the fewest digits.
pub(crate) fn general(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    if number.abs() < 1e-9 || number.abs() >= 1e15 {
        return format!("{number}");
    }
    let text = format!("{number:.10}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A part of a format.
#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Literal(String),
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    Exponent,
    /// A letter of a date or time, and how often it stands there.
    Date(char, usize),
    /// Elapsed hours, minutes or seconds.
    Elapsed(char),
    /// `AM/PM`.
    Half,
}

/// Splits a format at semicolons outside quotes.
fn sections(code: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    code.split(|c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '"' => quoted = !quoted,
            '\\' => escaped = true,
            _ => {}
        }
        c == ';' && !quoted
    })
    .collect()
}

fn tokens(section: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut rest = section.chars().peekable();
    let literal = |tokens: &mut Vec<Token>, text: String| match tokens.last_mut() {
        Some(Token::Literal(before)) => before.push_str(&text),
        _ => tokens.push(Token::Literal(text)),
    };
    while let Some(c) = rest.next() {
        match c {
            '"' => literal(&mut tokens, rest.by_ref().take_while(|c| *c != '"').collect()),
            '\\' => literal(&mut tokens, rest.next().into_iter().collect()),
            // A blank as wide as the next character, and a character that fills the cell.
            '_' => {
                rest.next();
                literal(&mut tokens, " ".to_owned());
            }
            '*' => {
                rest.next();
            }
            '[' => {
                let inner: String = rest.by_ref().take_while(|c| *c != ']').collect();
                if let Some(currency) = inner.strip_prefix('$') {
                    literal(&mut tokens, currency.split('-').next().unwrap_or_default().to_owned());
                } else if let Some(unit) = inner.chars().next().map(|c| c.to_ascii_lowercase())
                    && inner.chars().all(|c| c.to_ascii_lowercase() == unit)
                    && matches!(unit, 'h' | 'm' | 's')
                {
                    tokens.push(Token::Elapsed(unit));
                }
            }
            '0' | '#' | '?' => tokens.push(Token::Digit(c)),
            '.' => tokens.push(Token::Point),
            ',' => tokens.push(Token::Comma),
            '%' => tokens.push(Token::Percent),
            'E' | 'e' if matches!(rest.peek(), Some('+' | '-')) => {
                rest.next();
                tokens.push(Token::Exponent);
            }
            'A' | 'a' if rest.clone().take(4).collect::<String>().eq_ignore_ascii_case("M/PM") => {
                rest.nth(3);
                tokens.push(Token::Half);
            }
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let letter = c.to_ascii_lowercase();
                let mut count = 1;
                while rest.next_if(|next| next.to_ascii_lowercase() == letter).is_some() {
                    count += 1;
                }
                tokens.push(Token::Date(letter, count));
            }
            'G' if rest.clone().take(6).collect::<String>() == "eneral" => {
                rest.nth(5);
            }
            '@' => {}
            c => literal(&mut tokens, c.to_string()),
        }
    }
    tokens
}

fn literals(tokens: &[Token]) -> String {
    let texts = tokens.iter().filter_map(|token| match token {
        Token::Literal(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<String>().trim().to_owned()
}

/// Returns a number with the decimals, groups and signs of its format.
fn digits(number: f64, tokens: &[Token]) -> String {
    let last = tokens.iter().rposition(|token| matches!(token, Token::Digit(_))).unwrap_or_default();
    let first =
        tokens.iter().position(|token| matches!(token, Token::Digit(_) | Token::Point)).unwrap_or_default();
    let point = tokens.iter().position(|token| *token == Token::Point).unwrap_or(tokens.len());
    let exponent = tokens.iter().position(|token| *token == Token::Exponent);
    let count =
        |tokens: &[Token], wanted: fn(&Token) -> bool| tokens.iter().filter(|token| wanted(token)).count();
    let is_digit: fn(&Token) -> bool = |token| matches!(token, Token::Digit(_));
    let decimals_end = exponent.unwrap_or(tokens.len());
    let decimals = tokens.get(point..decimals_end).unwrap_or_default();
    let (most, least): (usize, usize) =
        (count(decimals, is_digit), count(decimals, |token| *token == Token::Digit('0')));
    let (most, least) = (most.min(MAX_DECIMALS), least.min(MAX_DECIMALS));
    // Commas after the last digit divide by a thousand.
    let scale = tokens.iter().skip(last + 1).take_while(|token| **token == Token::Comma).count();
    let groups = tokens.get(first..last).is_some_and(|tokens| tokens.contains(&Token::Comma));
    let percents = tokens.iter().filter(|token| **token == Token::Percent).count();
    let scale = i32::try_from(scale.min(4)).unwrap_or(0);
    let value = number * 100_f64.powi(i32::try_from(percents.min(2)).unwrap_or(0)) / 1_000_f64.powi(scale);
    let mut text = match exponent {
        Some(at) => {
            let digits = count(tokens.get(at..).unwrap_or_default(), is_digit).min(5);
            let text = format!("{value:.most$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((text.as_str(), "0"));
            let (sign, exponent) =
                exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            return format!("{mantissa}E{sign}{exponent:0>digits$}");
        }
        None => {
            // Excel rounds half away from zero.
            let power = 10_f64.powi(i32::try_from(most.min(15)).unwrap_or(0));
            let rounded = (value * power).round() / power;
            format!("{:.*}", most, if rounded.is_finite() { rounded } else { value })
        }
    };
    while text.contains('.')
        && text.len() - text.find('.').unwrap_or_default() - 1 > least
        && text.ends_with('0')
    {
        text.pop();
    }
    let text = text.trim_end_matches('.');
    let text = if groups { grouped(text) } else { text.to_owned() };
    let sign =
        if text.starts_with('-') && !text.chars().any(|c| c.is_ascii_digit() && c != '0') { 1 } else { 0 };
    let text = text.get(sign..).unwrap_or_default();
    let (mut shown, mut done) = (String::new(), false);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(literal) if at < first || at > last => shown.push_str(literal),
            Token::Percent => shown.push('%'),
            Token::Digit(_) if !done => {
                shown.push_str(text);
                done = true;
            }
            _ => {}
        }
    }
    // A minus stands before a currency.
    match shown.trim().split_once('-') {
        Some((before, after)) if number < 0.0 && !before.is_empty() && !before.contains(char::is_numeric) => {
            format!("-{before}{after}")
        }
        _ => shown.trim().to_owned(),
    }
}

/// Puts a comma between groups of three digits.
fn grouped(text: &str) -> String {
    let (whole, decimals) =
        text.split_once('.').map_or((text, None), |(whole, decimals)| (whole, Some(decimals)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(decimals) = decimals {
        grouped.push('.');
        grouped.push_str(decimals);
    }
    grouped
}
