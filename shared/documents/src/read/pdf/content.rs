//! Executes the operators of a page that show text: ISO 32000-1, 9.4.

use std::collections::BTreeMap;
use std::rc::Rc;

use hayro_font::kurbo::{Affine, Point};
use hayro_syntax::content::{TypedIter, ops::TypedInstruction};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as Text};
use hayro_syntax::page::{Page, Resources};

use super::font::{Font, Fonts};
use super::layers::Layers;
use super::{bomb, elements, strings};
use crate::{DocumentError, MAX_EXPANDED};

/// Maximum nesting depth of drawings within drawings.
const MAX_FORMS: usize = 16;
/// Maximum number of drawings that one page executes. Each may execute others.
const MAX_EXECUTED: usize = 2_000;
/// Maximum number of saved states. Real files save fewer than 100.
const MAX_STATES: usize = 1_000;
/// Maximum number of characters of one page. A page of a newspaper has 30,000.
const MAX_GLYPHS: usize = 1_000_000;
/// The widest space between the letters of a word, in sizes.
const MAX_LETTER_SPACE: f64 = 0.5;
/// Coordinates beyond this many points are errors.
const MAX_COORDINATE: f64 = 1e6;

/// A character, or some that one code stands for, at a position on the page.
#[derive(Debug, Clone)]
pub(crate) struct Glyph {
    /// Empty if the font has no usable map to Unicode.
    pub text: Rc<str>,
    /// Start of the baseline.
    pub x: f64,
    pub y: f64,
    /// Distance to the end of the character. The baseline runs in this direction.
    pub dx: f64,
    pub dy: f64,
    /// Height of a line, and width of an em, in points.
    pub size: f64,
    pub em: f64,
}

impl Glyph {
    pub(crate) fn is_unmapped(&self) -> bool {
        self.text.is_empty()
    }
}

/// The graphics state, as far as it concerns text.
#[derive(Clone)]
struct State<'a> {
    matrix: Affine,
    text: Affine,
    line: Affine,
    font: Option<Rc<Font<'a>>>,
    size: f64,
    letter_space: f64,
    word_space: f64,
    /// Horizontal scale, 1 for 100 percent.
    stretch: f64,
    leading: f64,
    rise: f64,
}

impl State<'_> {
    fn new(matrix: Affine) -> Self {
        Self {
            matrix,
            text: Affine::IDENTITY,
            line: Affine::IDENTITY,
            font: None,
            size: 1.0,
            letter_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line *= Affine::translate((x, y));
        self.text = self.line;
    }

    /// Moves to the next line. Without a leading, lines would lie on each other.
    fn new_line(&mut self) {
        let leading = if self.leading == 0.0 { self.size } else { self.leading };
        self.next_line(0.0, -leading);
    }

    /// Moves along the baseline by a distance in text space.
    fn advance(&mut self, distance: f64) {
        let vertical = self.font.as_ref().is_some_and(|font| font.is_vertical());
        let step = if vertical { (0.0, -distance) } else { (distance * self.stretch, 0.0) };
        self.text *= Affine::translate(step);
    }
}

/// A marked part of the content.
struct Mark {
    hidden: bool,
    /// The text to use instead, and the number of the part's first character.
    replacement: Option<(String, usize)>,
}

/// Reads the characters of one page.
pub(crate) struct Reader<'a, 'r> {
    fonts: &'r mut Fonts<'a>,
    layers: &'r Layers,
    glyphs: Vec<Glyph>,
    marks: Vec<Mark>,
    executed: usize,
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(crate) fn new(fonts: &'r mut Fonts<'a>, layers: &'r Layers) -> Self {
        Self { fonts, layers, glyphs: vec![], marks: vec![], executed: 0 }
    }

    pub(crate) fn finish(self) -> Vec<Glyph> {
        self.glyphs
    }

    /// Returns the number of characters so far.
    pub(crate) fn count(&self) -> usize {
        self.glyphs.len()
    }

    /// Returns the text since the character `from`, without spaces.
    pub(crate) fn text_since(&self, from: usize) -> String {
        let glyphs = self.glyphs.get(from..).unwrap_or_default();
        glyphs.iter().flat_map(|glyph| glyph.text.chars()).filter(|letter| !letter.is_whitespace()).collect()
    }

    /// Removes the characters since `from`.
    pub(crate) fn truncate(&mut self, from: usize) {
        self.glyphs.truncate(from);
    }

    /// Adds a text that no content shows.
    pub(crate) fn add(&mut self, text: &str, x: f64, y: f64, size: f64) {
        let dx = size * 0.5 * text.chars().count() as f64;
        self.glyphs.push(Glyph { text: Rc::from(text), x, y, dx, dy: 0.0, size, em: size });
    }

    /// Reads the content of a page. Skips content that is damaged.
    pub(crate) fn read_page(&mut self, page: &Page<'a>) -> Result<(), DocumentError> {
        let mut content = vec![];
        if let Some(stream) = page.raw().get::<Stream<'_>>("Contents") {
            content = bomb::expand(&stream)?.unwrap_or_default();
        } else if let Some(streams) = page.raw().get::<Array<'_>>("Contents") {
            for stream in elements(&streams, page.xref()).filter_map(Object::into_stream) {
                content.extend(bomb::expand(&stream)?.unwrap_or_default());
                // Streams end between two tokens.
                content.push(b' ');
                if content.len() > MAX_EXPANDED {
                    return Err(DocumentError::Expands);
                }
            }
        }
        self.run(&content, page.resources(), State::new(Affine::IDENTITY), 0)
    }

    /// Reads a drawing. Returns without a result if the drawing is hidden or nested too deep.
    pub(crate) fn read_form(
        &mut self,
        form: &Stream<'a>,
        resources: &Resources<'a>,
        matrix: Affine,
    ) -> Result<(), DocumentError> {
        self.form(form, resources, State::new(matrix), 0)
    }

    fn form(
        &mut self,
        form: &Stream<'a>,
        resources: &Resources<'a>,
        mut state: State<'a>,
        depth: usize,
    ) -> Result<(), DocumentError> {
        self.executed += 1;
        if depth > MAX_FORMS || self.executed > MAX_EXECUTED || self.layers.hides(form.dict(), b"OC") {
            return Ok(());
        }
        let Some(content) = bomb::expand(form)? else { return Ok(()) };
        if let Some(matrix) = form.dict().get::<[f64; 6]>("Matrix") {
            state.matrix *= Affine::new(matrix);
        }
        match form.dict().get::<Dict<'_>>("Resources") {
            Some(own) => self.run(&content, &Resources::new(own), state, depth + 1),
            None => self.run(&content, resources, state, depth + 1),
        }
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: &Resources<'a>,
        mut state: State<'a>,
        depth: usize,
    ) -> Result<(), DocumentError> {
        let mut saved: Vec<State<'a>> = vec![];
        // States that were not saved because there are too many.
        let mut unsaved = 0_usize;
        let mut fonts: BTreeMap<Vec<u8>, Rc<Font<'a>>> = BTreeMap::new();
        let marks = self.marks.len();
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            match instruction {
                TypedInstruction::SaveState(_) if saved.len() < MAX_STATES => saved.push(state.clone()),
                TypedInstruction::SaveState(_) => unsaved += 1,
                TypedInstruction::RestoreState(_) if unsaved > 0 => unsaved -= 1,
                TypedInstruction::RestoreState(_) => {
                    if let Some(last) = saved.pop() {
                        state = last;
                    }
                }
                TypedInstruction::Transform(m) => {
                    let values = [m.0, m.1, m.2, m.3, m.4, m.5].map(|number| number.as_f64());
                    state.matrix *= Affine::new(values);
                }
                TypedInstruction::BeginText(_) => {
                    (state.text, state.line) = (Affine::IDENTITY, Affine::IDENTITY);
                }
                TypedInstruction::SetTextMatrix(m) => {
                    let values = [m.0, m.1, m.2, m.3, m.4, m.5].map(|number| number.as_f64());
                    (state.text, state.line) = (Affine::new(values), Affine::new(values));
                }
                TypedInstruction::NextLine(step) => state.next_line(step.0.as_f64(), step.1.as_f64()),
                TypedInstruction::NextLineAndSetLeading(step) => {
                    state.leading = -step.1.as_f64();
                    state.next_line(step.0.as_f64(), step.1.as_f64());
                }
                TypedInstruction::NextLineUsingLeading(_) => state.new_line(),
                TypedInstruction::CharacterSpacing(space) => state.letter_space = space.0.as_f64(),
                TypedInstruction::WordSpacing(space) => state.word_space = space.0.as_f64(),
                TypedInstruction::HorizontalScaling(scale) => state.stretch = scale.0.as_f64() / 100.0,
                TypedInstruction::TextLeading(leading) => state.leading = leading.0.as_f64(),
                TypedInstruction::TextRise(rise) => state.rise = rise.0.as_f64(),
                TypedInstruction::TextFont(chosen) => {
                    state.size = chosen.1.as_f64();
                    state.font = match fonts.get(chosen.0.as_ref()) {
                        Some(font) => Some(Rc::clone(font)),
                        None => {
                            // Viewers show text in a font that is not defined in Helvetica.
                            let dictionary = resources.get_font(chosen.0).unwrap_or_default();
                            let font = self.fonts.get(&dictionary)?;
                            fonts.insert(chosen.0.to_vec(), Rc::clone(&font));
                            Some(font)
                        }
                    };
                }
                TypedInstruction::SetGraphicsState(name) => {
                    let chosen = resources.get_ext_g_state(name.0);
                    let mut chosen =
                        chosen.and_then(|state| state.get::<Array<'_>>("Font")).map(|font| font.flex_iter());
                    if let Some(entries) = &mut chosen
                        && let Some(dictionary) = entries.next::<Dict<'_>>()
                    {
                        state.size = entries.next::<f64>().unwrap_or(state.size);
                        state.font = Some(self.fonts.get(&dictionary)?);
                    }
                }
                TypedInstruction::ShowText(text) => self.show(&mut state, text.0)?,
                TypedInstruction::NextLineAndShowText(text) => {
                    state.new_line();
                    self.show(&mut state, text.0)?;
                }
                TypedInstruction::ShowTextWithParameters(text) => {
                    (state.word_space, state.letter_space) = (text.0.as_f64(), text.1.as_f64());
                    state.new_line();
                    self.show(&mut state, text.2)?;
                }
                TypedInstruction::ShowTexts(parts) => {
                    for part in parts.0.iter::<Object<'_>>() {
                        match part {
                            Object::String(text) => self.show(&mut state, &text)?,
                            Object::Number(pull) => state.advance(-pull.as_f64() / 1000.0 * state.size),
                            _ => {}
                        }
                    }
                }
                TypedInstruction::XObject(name) if !self.is_hidden() => {
                    let object = resources.get_x_object(name.0);
                    let is_form = |object: &Stream<'_>| {
                        object.dict().get::<Name<'_>>("Subtype").is_some_and(|kind| kind.as_ref() == b"Form")
                    };
                    if let Some(form) = object.filter(is_form) {
                        self.form(&form, resources, state.clone(), depth)?;
                    }
                }
                TypedInstruction::BeginMarkedContent(_) => self.begin_mark(false, None),
                TypedInstruction::BeginMarkedContentWithProperties(mark) => {
                    let (hidden, replacement) = self.properties(mark.0, mark.1, resources);
                    self.begin_mark(hidden, replacement);
                }
                TypedInstruction::EndMarkedContent(_) if self.marks.len() > marks => self.end_mark(),
                _ => {}
            }
        }
        while self.marks.len() > marks {
            self.end_mark();
        }
        Ok(())
    }

    fn is_hidden(&self) -> bool {
        self.marks.last().is_some_and(|mark| mark.hidden)
    }

    /// Returns whether a marked part is hidden, and the text to use instead.
    fn properties(
        &self,
        tag: &Name<'_>,
        properties: &Object<'_>,
        resources: &Resources<'a>,
    ) -> (bool, Option<String>) {
        let text = |properties: &Dict<'_>| {
            properties.get::<Text<'_>>("ActualText").map(|text| strings::decode(text.as_bytes()))
        };
        match properties {
            Object::Name(name) if tag.as_ref() == b"OC" => {
                (self.layers.hides(&resources.properties, name.as_ref()), None)
            }
            Object::Name(name) => {
                (false, resources.properties.get::<Dict<'_>>(name).and_then(|found| text(&found)))
            }
            Object::Dict(properties) => (false, text(properties)),
            _ => (false, None),
        }
    }

    fn begin_mark(&mut self, hidden: bool, replacement: Option<String>) {
        let hidden = hidden || self.is_hidden();
        // Deeper marks cannot hide or replace anything.
        let replacement = replacement.filter(|_| self.marks.len() < MAX_STATES);
        self.marks.push(Mark { hidden, replacement: replacement.map(|text| (text, self.glyphs.len())) });
    }

    /// Replaces the characters of a marked part by its text.
    fn end_mark(&mut self) {
        let Some(Mark { replacement: Some((text, from)), .. }) = self.marks.pop() else { return };
        let Some([first, rest @ ..]) = self.glyphs.get(from..) else { return };
        let mut glyph = first.clone();
        let last = rest.last().unwrap_or(first);
        let (dx, dy) = (last.x + last.dx - first.x, last.y + last.dy - first.y);
        // A part of several lines keeps the width of its first character.
        if dx * first.dx + dy * first.dy > 0.0 && (dx * first.dy - dy * first.dx).abs() < first.size {
            (glyph.dx, glyph.dy) = (dx, dy);
        }
        self.glyphs.truncate(from);
        if !text.is_empty() {
            glyph.text = Rc::from(text);
            self.glyphs.push(glyph);
        }
    }

    fn show(&mut self, state: &mut State<'a>, text: &Text<'_>) -> Result<(), DocumentError> {
        let Some(font) = state.font.clone() else { return Ok(()) };
        let hidden = self.is_hidden();
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let (code, length) = font.read_code(bytes);
            let advance = font.advance(code) * state.size;
            // The space between the letters of one string is not a word space, unless it is wide.
            let is_inside = length < bytes.len() && text.as_bytes().len() > 2 * length;
            let is_narrow = (0.0..MAX_LETTER_SPACE * state.size.abs()).contains(&state.letter_space);
            let space = if is_inside && is_narrow { state.letter_space } else { 0.0 };
            if !hidden {
                self.place(state, &font, code, advance + space);
            }
            let word_space = if code == 32 && length == 1 { state.word_space } else { 0.0 };
            state.advance(advance + state.letter_space + word_space);
            bytes = bytes.get(length..).unwrap_or_default();
        }
        if self.glyphs.len() > MAX_GLYPHS { Err(DocumentError::TooMuchText) } else { Ok(()) }
    }

    fn place(&mut self, state: &State<'a>, font: &Font<'a>, code: u32, advance: f64) {
        let matrix = state.matrix * state.text;
        let (x, y) = font.origin(code);
        let vertical = font.is_vertical();
        // A vertical line runs through the middle of its characters.
        let start =
            if vertical { (0.0, 0.0) } else { (x * state.size * state.stretch, y * state.size + state.rise) };
        let step = if vertical { (0.0, -advance) } else { (advance * state.stretch, 0.0) };
        let from = matrix * Point::from(start);
        let to = matrix * Point::new(start.0 + step.0, start.1 + step.1);
        let [a, b, c, d, ..] = matrix.as_coeffs();
        let height = font.height() * state.size.abs();
        let (em, size) = (a.hypot(b) * height * state.stretch.abs(), c.hypot(d) * height);
        let (em, size) = if vertical { (size, em) } else { (em, size) };
        let (mut dx, mut dy) = (to.x - from.x, to.y - from.y);
        if dx.hypot(dy) < em * 0.01 && advance.abs() < 1e-9 {
            // A character without a width, such as an accent: keeps the direction.
            let unit = a.hypot(b).max(1e-9);
            (dx, dy) = (a / unit * em * 0.001, b / unit * em * 0.001);
        }
        let good = [from.x, from.y, dx, dy, size, em].iter().all(|value| value.abs() < MAX_COORDINATE);
        if !good || size <= 0.0 {
            return;
        }
        let text = font.text(code).unwrap_or_else(|| Rc::from(""));
        self.glyphs.push(Glyph { text, x: from.x, y: from.y, dx, dy, size, em: em.max(size * 0.1) });
    }
}
