//! Text from right to left: from the order of positions to reading order.

/// How a piece of text is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    RightToLeft,
    LeftToRight,
    Number,
    Neutral,
}

/// Returns how the first letter or digit of a token is written.
pub(crate) fn direction(token: &str) -> Direction {
    let of = |letter: char| match u32::from(letter) {
        0x0660..=0x0669 | 0x06f0..=0x06f9 => Direction::Number,
        0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff => Direction::RightToLeft,
        _ if letter.is_ascii_digit() => Direction::Number,
        _ if letter.is_alphanumeric() => Direction::LeftToRight,
        _ => Direction::Neutral,
    };
    token.chars().map(of).find(|direction| *direction != Direction::Neutral).unwrap_or(Direction::Neutral)
}

/// Returns whether most letters of a text are written from right to left.
pub(crate) fn is_right_to_left(text: &str) -> bool {
    let count =
        |wanted| text.chars().filter(|letter| direction(letter.encode_utf8(&mut [0; 4])) == wanted).count();
    let left = count(Direction::RightToLeft);
    left > 0 && left >= count(Direction::LeftToRight)
}

/// Returns tokens, which are in the order of their positions, in reading order.
pub(crate) fn reorder(tokens: &[&str]) -> String {
    if !tokens.iter().any(|token| direction(token) == Direction::RightToLeft) {
        return tokens.concat();
    }
    if is_right_to_left(&tokens.concat()) {
        return reverse(tokens).concat();
    }
    // A line from left to right with parts from right to left.
    let mut text = String::new();
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        if direction(token) != Direction::RightToLeft {
            text.push_str(token);
            rest = after;
            continue;
        }
        let right =
            rest.iter().position(|token| direction(token) == Direction::LeftToRight).unwrap_or(rest.len());
        let part = rest.get(..right).unwrap_or_default();
        let length = part
            .iter()
            .rposition(|token| direction(token) == Direction::RightToLeft)
            .map_or(1, |last| last + 1);
        text.push_str(&reverse(rest.get(..length).unwrap_or_default()).concat());
        rest = rest.get(length..).unwrap_or_default();
    }
    text
}

/// Reverses tokens, but keeps words and numbers that are written from left to right.
fn reverse(tokens: &[&str]) -> Vec<String> {
    let mut runs: Vec<(Vec<String>, Direction)> = vec![];
    let mut pending: Vec<String> = vec![];
    for token in tokens {
        let kind = direction(token);
        let token = (*token).to_owned();
        match kind {
            Direction::Neutral => {
                pending.push(token);
                continue;
            }
            Direction::LeftToRight | Direction::Number => {
                let spaced = pending.iter().any(|token| token == " ");
                if let Some((run, last)) = runs.last_mut()
                    && *last != Direction::RightToLeft
                    && (!spaced || (*last == Direction::LeftToRight && kind == Direction::LeftToRight))
                {
                    run.append(&mut pending);
                    run.push(token);
                    *last = if kind == Direction::LeftToRight { kind } else { *last };
                    continue;
                }
            }
            Direction::RightToLeft => {}
        }
        runs.extend(pending.drain(..).map(|token| (vec![mirror(&token)], Direction::RightToLeft)));
        runs.push((vec![token], kind));
    }
    runs.extend(pending.drain(..).map(|token| (vec![mirror(&token)], Direction::RightToLeft)));
    runs.into_iter().rev().flat_map(|(run, _)| run).collect()
}

/// Returns the bracket that looks the same when read in the other direction.
fn mirror(token: &str) -> String {
    let letter = |letter| match letter {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        letter => letter,
    };
    token.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::reorder;

    #[test]
    fn right_to_left_text_is_in_reading_order() {
        let reorder = |text: &str| {
            let tokens: Vec<String> = text.chars().map(String::from).collect();
            reorder(&tokens.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(reorder("םולש"), "שלום");
        assert_eq!(reorder("(2024) חוד"), "דוח (2024)");
        assert_eq!(reorder("see םולש there"), "see שלום there");
        assert_eq!(reorder("PDF ךמסמ הז"), "זה מסמך PDF");
    }
}
