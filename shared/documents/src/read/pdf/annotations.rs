//! Form fields and notes: ISO 32000-1, 12.5 and 12.7.

use hayro_font::kurbo::{Affine, Rect, Shape};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as Text};
use hayro_syntax::page::Page;

use super::content::Reader;
use super::{elements, strings};
use crate::DocumentError;

/// Flags of an annotation that is not shown: hidden, no view.
const HIDDEN: i32 = 1 << 1 | 1 << 5;
/// Flag of a field for a password.
const PASSWORD: i32 = 1 << 13;
/// Maximum number of parents of a field.
const MAX_PARENTS: usize = 16;
/// Maximum size of text that a field gets, in points.
const MAX_SIZE: f64 = 12.0;
/// Notes that a reader opens: their text is not on the page.
const NOTES: [&[u8]; 7] =
    [b"Text", b"FreeText", b"Highlight", b"Underline", b"Squiggly", b"StrikeOut", b"Stamp"];

/// Reads the annotations of a page: what they show, values of fields, and notes.
pub(crate) fn read<'a>(page: &Page<'a>, reader: &mut Reader<'a, '_>) -> Result<(), DocumentError> {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { return Ok(()) };
    for annotation in elements(&annotations, page.xref()).filter_map(Object::into_dict) {
        if annotation.get::<i32>("F").unwrap_or_default() & HIDDEN != 0 {
            continue;
        }
        let from = reader.count();
        let kind = annotation.get::<Name<'_>>("Subtype");
        let kind = kind.as_ref().map(AsRef::as_ref).unwrap_or_default();
        let Some([x0, y0, x1, y1]) = annotation.get::<[f64; 4]>("Rect") else { continue };
        let area = Rect::new(x0, y0, x1, y1).abs();
        if kind != b"Popup"
            && let Some(form) = appearance(&annotation)
        {
            reader.read_form(&form, page.resources(), placement(&form, area))?;
        }
        let text = match kind {
            b"Widget" => value(&annotation),
            _ if NOTES.contains(&kind) => {
                annotation.get::<Text<'_>>("Contents").map(|text| strings::decode(text.as_bytes()))
            }
            _ => None,
        };
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { continue };
        let shown = reader.text_since(from);
        // A list shows all its choices.
        if is_choice(&annotation) && !shown.is_empty() {
            continue;
        }
        let expected: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        if !shown.contains(&expected) {
            reader.truncate(from);
            let size = (area.height() * 0.7).clamp(1.0, MAX_SIZE);
            reader.add(&format!(" {} ", text.trim()), area.x0, area.center().y - size / 3.0, size);
        }
    }
    Ok(())
}

/// Returns the drawing that an annotation shows.
fn appearance<'a>(annotation: &Dict<'a>) -> Option<Stream<'a>> {
    let appearances: Dict<'_> = annotation.get("AP")?;
    match appearances.get::<Object<'_>>("N")? {
        Object::Stream(form) => Some(form),
        Object::Dict(states) => states.get(annotation.get::<Name<'_>>("AS")?),
        _ => None,
    }
}

/// Returns the matrix that moves a drawing to its place on the page: ISO 32000-1, 12.5.5.
fn placement(form: &Stream<'_>, area: Rect) -> Affine {
    let bounds = form.dict().get::<[f64; 4]>("BBox").unwrap_or([0.0, 0.0, 1.0, 1.0]);
    let [x0, y0, x1, y1] = bounds;
    let matrix = Affine::new(form.dict().get("Matrix").unwrap_or([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
    let drawn = (matrix * Rect::new(x0, y0, x1, y1).abs().to_path(0.1)).bounding_box();
    let scale = |to: f64, from: f64| if from > 0.0 { to / from } else { 1.0 };
    let (x, y) = (scale(area.width(), drawn.width()), scale(area.height(), drawn.height()));
    Affine::translate((area.x0, area.y0))
        * Affine::scale_non_uniform(x, y)
        * Affine::translate((-drawn.x0, -drawn.y0))
}

fn is_choice(widget: &Dict<'_>) -> bool {
    inherited(widget, |field| field.get::<Name<'_>>("FT")).is_some_and(|kind| kind.as_ref() == b"Ch")
}

/// Returns the value of a text field or a choice.
fn value(widget: &Dict<'_>) -> Option<String> {
    let kind: Name<'_> = inherited(widget, |field| field.get("FT"))?;
    let flags: i32 = inherited(widget, |field| field.get("Ff")).unwrap_or_default();
    match kind.as_ref() {
        b"Tx" if flags & PASSWORD == 0 => {}
        b"Ch" => {}
        _ => return None,
    }
    match inherited(widget, |field| field.get::<Object<'_>>("V"))? {
        Object::String(text) => Some(strings::decode(text.as_bytes())),
        Object::Stream(text) => super::bomb::expand(&text).ok()?.map(|text| strings::decode(&text)),
        Object::Array(texts) => {
            let texts: Vec<_> =
                texts.iter::<Text<'_>>().map(|text| strings::decode(text.as_bytes())).collect();
            Some(texts.join(", "))
        }
        _ => None,
    }
}

/// Returns an entry of a field or of its nearest parent that has one.
fn inherited<'a, T>(field: &Dict<'a>, get: impl Fn(&Dict<'a>) -> Option<T>) -> Option<T> {
    let mut field = field.clone();
    for _ in 0..MAX_PARENTS {
        if let Some(found) = get(&field) {
            return Some(found);
        }
        field = field.get("Parent")?;
    }
    None
}
