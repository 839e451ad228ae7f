//! Dates and times in the number formats of Excel.

use super::number::Token;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Returns a date or time, or `None` if the number is none.
pub(super) fn date(number: f64, tokens: &[Token], since_1904: bool) -> Option<String> {
    if !(0.0..3_000_000.0).contains(&number) {
        return None;
    }
    let mut seconds = (number.fract() * DAY).round() as i64;
    let mut days = number.trunc() as i64 + i64::from(since_1904) * 1_462;
    if seconds >= DAY as i64 {
        (seconds, days) = (0, days + 1);
    }
    // Excel has a 29 February 1900.
    let (year, month, day) = calendar(if days < 60 { days + 1 } else { days });
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let half = tokens.contains(&Token::Half);
    let mut text = String::new();
    let mut after_hour = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::Point => text.push('.'),
            Token::Comma => text.push(','),
            Token::Half => text.push_str(if hour < 12 { "AM" } else { "PM" }),
            Token::Elapsed(unit) => {
                after_hour = *unit == 'h';
                let total = days * DAY as i64 + seconds;
                text.push_str(&match unit {
                    'h' => (total / 3_600).to_string(),
                    'm' => (total / 60).to_string(),
                    _ => total.to_string(),
                });
            }
            Token::Date(letter, count) => {
                let next = tokens.iter().skip(at + 1).find_map(|token| match token {
                    Token::Date(letter, _) => Some(*letter),
                    _ => None,
                });
                let is_minute = *letter == 'm' && (after_hour || next == Some('s')) && *count < 3;
                text.push_str(&part(
                    *letter,
                    *count,
                    is_minute,
                    [year, month, day, hour, minute, second],
                    half,
                    days,
                ));
                after_hour = *letter == 'h';
            }
            _ => {}
        }
    }
    Some(text.trim().to_owned())
}

fn part(letter: char, count: usize, is_minute: bool, at: [i64; 6], half: bool, days: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const WEEKDAYS: [&str; 7] =
        ["Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];
    let [year, month, day, hour, minute, second] = at;
    let padded = |number: i64| if count == 1 { number.to_string() } else { format!("{number:02}") };
    let named = |name: Option<&&str>| {
        let name = name.copied().unwrap_or_default();
        if count == 3 { name.get(..3).unwrap_or(name).to_owned() } else { name.to_owned() }
    };
    match letter {
        'y' if count <= 2 => format!("{:02}", year % 100),
        'y' => year.to_string(),
        'm' if is_minute => padded(minute),
        'm' if count >= 3 => named(MONTHS.get(usize::try_from(month - 1).unwrap_or_default())),
        'm' => padded(month),
        'd' if count >= 3 => named(WEEKDAYS.get(usize::try_from(days.rem_euclid(7)).unwrap_or_default())),
        'd' => padded(day),
        'h' if half => padded((hour + 11) % 12 + 1),
        'h' => padded(hour),
        's' => padded(second),
        _ => String::new(),
    }
}

/// Returns year, month and day of the number of days since 30 December 1899.
///
/// Days to civil date: <https://howardhinnant.github.io/date_algorithms.html>.
fn calendar(days: i64) -> (i64, i64, i64) {
    let days = days - 25_569 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
