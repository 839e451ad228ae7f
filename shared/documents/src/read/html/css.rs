//! Style sheets within a page, as far as they hide text.

/// How a declaration block can hide an element. The first two are inherited, and an element
/// within can undo them.
pub(crate) const WAYS: usize = 5;
/// `visibility`.
pub(crate) const VISIBILITY: usize = 0;
/// `font-size`.
pub(crate) const SIZE: usize = 1;
const DISPLAY: usize = 2;
const PLACE: usize = 3;
const PAINT: usize = 4;

/// What a declaration block says about each way: whether it hides, and whether it is important.
pub(crate) type Effect = [Option<(bool, bool)>; WAYS];

/// Assumed width of the window, in pixels.
const WINDOW: f32 = 1_280.0;
/// Distance, in pixels, from which text is off the screen.
const FAR: f32 = 500.0;

/// A rule that can hide elements.
pub(crate) struct Rule {
    /// The selector, innermost part last.
    pub selector: String,
    pub effect: Effect,
}

/// Returns the rules of a style sheet that can hide or show elements, in order.
pub(crate) fn rules(sheet: &str) -> Vec<Rule> {
    let sheet = without_comments(sheet);
    let mut rules = vec![];
    let mut rest = sheet.as_str();
    // Ends of blocks of `@media` and the like need no attention: they end nothing else.
    while let Some(open) = rest.find(['{', ';', '}']) {
        let (head, tail) = rest.split_at(open);
        let head = head.trim();
        rest = tail.get(1..).unwrap_or_default();
        if !tail.starts_with('{') {
            continue;
        }
        if head.starts_with('@') {
            if !applies(head) {
                rest = after_block(rest);
            }
            continue;
        }
        let end = rest.find('}').unwrap_or(rest.len());
        let effect = effect(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
        if effect.iter().any(Option::is_some) {
            let selectors =
                head.split(',').map(|selector| Rule { selector: selector.trim().to_owned(), effect });
            rules.extend(selectors);
        }
    }
    rules
}

fn without_comments(sheet: &str) -> String {
    let mut kept = String::new();
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Returns whether the rules in a block such as `@media screen` count on a screen.
fn applies(head: &str) -> bool {
    let head = head.to_ascii_lowercase();
    let Some(query) = head.strip_prefix("@media") else {
        return ["@supports", "@layer", "@container", "@scope"].iter().any(|name| head.starts_with(name));
    };
    query.split(',').any(|query| {
        query.split(" and ").all(|part| {
            let part = part.trim().trim_matches(['(', ')']).trim();
            match part.split_once(':') {
                None => matches!(part.trim_start_matches("only ").trim(), "" | "all" | "screen"),
                Some((name, value)) => match (name.trim(), pixels(value.trim())) {
                    ("min-width", Some(width)) => width <= WINDOW,
                    ("max-width", Some(width)) => width >= WINDOW,
                    ("orientation", _) => value.trim() == "landscape",
                    _ => false,
                },
            }
        })
    })
}

/// Returns what follows the end of an open block.
fn after_block(text: &str) -> &str {
    let mut depth = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// Returns what a declaration block says about hiding.
pub(crate) fn effect(block: &str) -> Effect {
    let mut effect: Effect = [None; WAYS];
    let mut seen = Seen::default();
    for declaration in block.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase());
        let (value, important) = match value.split_once('!') {
            Some((value, mark)) => (value.trim().to_owned(), mark.trim() == "important"),
            None => (value, false),
        };
        let mut set = |way: usize, hides: bool| {
            if let Some(slot) = effect.get_mut(way) {
                *slot = Some((hides, important));
            }
        };
        match name.as_str() {
            "display" => set(DISPLAY, value == "none"),
            "visibility" => set(VISIBILITY, matches!(value.as_str(), "hidden" | "collapse")),
            "content-visibility" => set(VISIBILITY, value == "hidden"),
            "opacity" => set(PAINT, number(&value).is_some_and(|opacity| opacity <= 0.05)),
            "font-size" => set(
                SIZE,
                number(&value).is_some_and(|size| size == 0.0)
                    || pixels(&value).is_some_and(|size| size <= 1.0),
            ),
            "font" => set(
                SIZE,
                value.split([' ', '/']).filter_map(pixels_with_unit).next().is_some_and(|size| size <= 1.0),
            ),
            "clip" => set(PLACE, hides_by_clip(&value)),
            "clip-path" => set(
                PLACE,
                ["inset(50%", "inset(100%", "circle(0"].iter().any(|shape| value.starts_with(shape)),
            ),
            "text-indent" => set(PLACE, pixels(&value).is_some_and(|indent| indent <= -FAR)),
            "transform" => set(PLACE, hides_by_transform(&value)),
            _ => seen.note(&name, &value),
        }
    }
    seen.apply(&mut effect);
    effect
}

/// Declarations that hide only together.
#[derive(Default)]
struct Seen {
    moved: bool,
    far: Option<bool>,
    clips: bool,
    flat: Option<bool>,
    color: Option<String>,
    background: Option<String>,
}

impl Seen {
    fn note(&mut self, name: &str, value: &str) {
        match name {
            "position" => self.moved = value != "static",
            "left" | "right" | "top" | "bottom" | "margin-left" | "margin-top" => {
                self.moved |= name.starts_with("margin");
                let far = pixels(value).is_some_and(|offset| offset.abs() >= 2.0 * FAR || offset <= -FAR);
                self.far = Some(far || self.far == Some(true));
            }
            "overflow" => self.clips = matches!(value, "hidden" | "clip"),
            "width" | "height" | "max-height" | "max-width" => {
                let flat = number(value) == Some(0.0) || pixels(value).is_some_and(|size| size <= 1.0);
                self.flat = Some(flat || self.flat == Some(true));
            }
            "color" => self.color = Some(value.to_owned()),
            "background" | "background-color" => self.background = Some(value.to_owned()),
            _ => {}
        }
    }

    fn apply(self, effect: &mut Effect) {
        let [.., place, paint] = effect;
        if self.moved && self.far == Some(true) || self.clips && self.flat == Some(true) {
            *place = Some((true, false));
        } else if place.is_none() && (self.far == Some(false) || self.flat == Some(false)) {
            *place = Some((false, false));
        }
        let transparent = self
            .color
            .as_deref()
            .is_some_and(|color| color == "transparent" || color.replace(' ', "").ends_with(",0)"));
        let same =
            self.color.is_some() && self.color.as_deref().map(color) == self.background.as_deref().map(color);
        if transparent || same {
            *paint = Some((true, false));
        }
    }
}

/// Returns one spelling of a colour.
fn color(value: &str) -> String {
    match value {
        "white" | "#fff" | "rgb(255,255,255)" | "rgb(255, 255, 255)" => "#ffffff".to_owned(),
        "black" | "#000" | "rgb(0,0,0)" | "rgb(0, 0, 0)" => "#000000".to_owned(),
        _ => value.to_owned(),
    }
}

fn hides_by_clip(value: &str) -> bool {
    value.starts_with("rect(")
        && value
            .trim_start_matches("rect(")
            .trim_end_matches(')')
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .all(|part| pixels(part).is_some_and(|edge| edge <= 1.0))
}

fn hides_by_transform(value: &str) -> bool {
    let argument = value.split_once('(').map_or("", |(_, rest)| rest).trim_end_matches(')');
    if value.starts_with("scale") {
        return argument.split(',').any(|part| number(part.trim()) == Some(0.0));
    }
    value.starts_with("translate")
        && argument.split(',').any(|part| pixels(part.trim()).is_some_and(|by| by <= -FAR))
}

/// Returns the leading number of a value.
fn number(value: &str) -> Option<f32> {
    let end = value.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

/// Returns a length in pixels. A percentage or a word has none.
fn pixels(value: &str) -> Option<f32> {
    if number(value) == Some(0.0) { Some(0.0) } else { pixels_with_unit(value) }
}

fn pixels_with_unit(value: &str) -> Option<f32> {
    let number = number(value)?;
    let unit = value.trim_start_matches(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.', '-', '+']);
    match unit {
        "px" => Some(number),
        "pt" => Some(number * 1.33),
        "em" | "rem" => Some(number * 16.0),
        "vw" | "vh" => Some(number * 10.0),
        _ => None,
    }
}
