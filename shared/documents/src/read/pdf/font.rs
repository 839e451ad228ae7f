//! Fonts: which characters a code stands for, and how wide it is.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_font::{
    CMapResolverFn, FontCache, FontGlyph, FontQuery, FontResolverFn, StandardFont, UNITS_PER_EM,
};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as Text};

use super::{bomb, mend};
use crate::DocumentError;

/// Width of a character of a font without widths, in thousandths of the font size.
const UNKNOWN_WIDTH: f64 = 500.0;

/// The fonts of a document. Pages share fonts, so each is read once.
pub(crate) struct Fonts<'a> {
    library: FontCache<'a>,
    fonts: BTreeMap<(usize, usize), Rc<Font<'a>>>,
    substitutes: FontResolverFn,
    maps: CMapResolverFn,
}

impl<'a> Fonts<'a> {
    pub(crate) fn new() -> Self {
        Self {
            library: FontCache::new(),
            fonts: BTreeMap::new(),
            substitutes: Arc::new(|query| match query {
                FontQuery::Standard(font) => Some(font.get_font_data()),
                FontQuery::Fallback(query) => Some(query.pick_standard_font().get_font_data()),
            }),
            maps: Arc::new(load_embedded),
        }
    }

    /// Returns the font of a dictionary. Fails if a part of the font expands too much.
    pub(crate) fn get(&mut self, dictionary: &Dict<'a>) -> Result<Rc<Font<'a>>, DocumentError> {
        let data = dictionary.data();
        let key = (data.as_ptr().addr(), data.len());
        if let Some(font) = self.fonts.get(&key) {
            return Ok(Rc::clone(font));
        }
        check(dictionary)?;
        let font = Rc::new(Font {
            inner: self.library.font(dictionary, &self.substitutes, &self.maps),
            substitute: self.library.standard_font(StandardFont::Helvetica, &self.substitutes),
            dictionary: dictionary.clone(),
            own_map: OnceCell::new(),
            collection: OnceCell::new(),
            program: OnceCell::new(),
            texts: RefCell::default(),
        });
        self.fonts.insert(key, Rc::clone(&font));
        Ok(font)
    }
}

/// Fails if a stream of the font expands too much.
fn check(font: &Dict<'_>) -> Result<(), DocumentError> {
    let descendant =
        font.get::<Array<'_>>("DescendantFonts").and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    for dictionary in [Some(font.clone()), descendant].into_iter().flatten() {
        for key in ["ToUnicode", "Encoding", "CIDToGIDMap"] {
            if let Some(stream) = dictionary.get::<Stream<'_>>(key) {
                bomb::check(&stream)?;
            }
        }
        let descriptor = dictionary.get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
        for key in ["FontFile", "FontFile2", "FontFile3"] {
            if let Some(stream) = descriptor.get::<Stream<'_>>(key) {
                bomb::check(&stream)?;
            }
        }
    }
    Ok(())
}

/// A font.
pub(crate) struct Font<'a> {
    /// Nothing if the library cannot read the font.
    inner: Option<hayro_font::Font<'a>>,
    /// Used for simple fonts that the library cannot read.
    substitute: Option<hayro_font::Font<'a>>,
    dictionary: Dict<'a>,
    own_map: OnceCell<Option<CMap>>,
    collection: OnceCell<Option<Collection>>,
    program: OnceCell<BTreeMap<u32, char>>,
    texts: RefCell<BTreeMap<u32, Option<Rc<str>>>>,
}

/// The character collection of a composite font: codes are numbers of characters in it.
struct Collection {
    encoding: CMap,
    unicode: CMap,
}

impl<'a> Font<'a> {
    fn is_composite(&self) -> bool {
        self.name(&self.dictionary, "Subtype").is_some_and(|subtype| subtype == b"Type0")
    }

    fn name(&self, dictionary: &Dict<'a>, key: &str) -> Option<Vec<u8>> {
        dictionary.get::<Name<'_>>(key).map(|name| name.as_ref().to_vec())
    }

    /// Returns the first code of `bytes` and its length. `bytes` are not empty.
    pub(crate) fn read_code(&self, bytes: &[u8]) -> (u32, usize) {
        match (&self.inner, bytes) {
            (Some(font), [_, ..]) => {
                let (code, length) = font.read_code(bytes, 0);
                (code, length.max(1))
            }
            (None, [high, low, ..]) if self.is_composite() => {
                (u32::from(u16::from_be_bytes([*high, *low])), 2)
            }
            (None, [byte, ..]) => (u32::from(*byte), 1),
            (_, []) => (0, 1),
        }
    }

    pub(crate) fn is_vertical(&self) -> bool {
        self.inner.as_ref().is_some_and(|font| !font.is_horizontal())
    }

    /// Returns the distance to the next character, in parts of the font size.
    pub(crate) fn advance(&self, code: u32) -> f64 {
        let width = match (&self.inner, &self.substitute) {
            (Some(font), _) if font.is_horizontal() => font.code_advance(code).x,
            (Some(font), _) => -font.code_advance(code).y,
            (None, Some(font)) if !self.is_composite() => font.code_advance(code & 0xff).x,
            _ => UNKNOWN_WIDTH,
        };
        let has_widths = self.is_composite() || self.dictionary.contains_key("Widths");
        let width = if width == 0.0 && !has_widths { UNKNOWN_WIDTH } else { width };
        if width.is_finite() { width / f64::from(UNITS_PER_EM) } else { 0.0 }
    }

    /// Returns where a vertical character begins, relative to its position, in parts of the
    /// font size.
    pub(crate) fn origin(&self, code: u32) -> (f64, f64) {
        let origin = self.inner.as_ref().map(|font| font.origin_displacement(code)).unwrap_or_default();
        (origin.x / f64::from(UNITS_PER_EM), origin.y / f64::from(UNITS_PER_EM))
    }

    /// Returns the height of a line of the font, in parts of the font size. The size of a
    /// Type 3 font says nothing without its matrix.
    pub(crate) fn height(&self) -> f64 {
        if self.name(&self.dictionary, "Subtype").is_none_or(|subtype| subtype != b"Type3") {
            return 1.0;
        }
        let scale = self.dictionary.get::<[f64; 6]>("FontMatrix").map_or(0.001, |matrix| matrix[3].abs());
        let bounds = self.dictionary.get::<[f64; 4]>("FontBBox").unwrap_or_default();
        let height = (bounds[3] - bounds[1]).abs() * scale;
        let height = if height > 0.0 { height } else { scale * 1000.0 };
        if height.is_finite() && height > 0.0 { height.clamp(0.001, 1000.0) } else { 1.0 }
    }

    /// Returns the characters of a code, or nothing if the font has no usable map to Unicode.
    pub(crate) fn text(&self, code: u32) -> Option<Rc<str>> {
        if let Some(text) = self.texts.borrow().get(&code) {
            return text.clone();
        }
        let text = self.find_text(code).map(Rc::from);
        self.texts.borrow_mut().insert(code, text.clone());
        text
    }

    fn find_text(&self, code: u32) -> Option<String> {
        let usable = |text: Option<BfString>| text.map(string).and_then(|text| mend::usable(&text));
        let composite = self.is_composite();
        let mut found = match &self.inner {
            Some(font) => usable(match font.glyph(font.map_code(code), code) {
                FontGlyph::Outline(glyph) => glyph.as_unicode(),
                FontGlyph::Type3(glyph) => glyph.as_unicode(),
            }),
            None => usable(self.own_map().and_then(|map| map.lookup_bf_string(code))),
        };
        if found.is_none() && composite {
            found = usable(self.collection().and_then(|collection| collection.text(code)));
            if found.is_none() {
                found = self.program_text(code).and_then(|letter| mend::usable(&letter.to_string()));
            }
            // A map that is only a name: the codes are Unicode.
            if found.is_none() && self.dictionary.get::<Name<'_>>("ToUnicode").is_some() {
                found = char::from_u32(code).and_then(|letter| mend::usable(&letter.to_string()));
            }
        }
        if found.is_none() {
            found = self.tex_text(code);
        }
        if found.is_none()
            && self.inner.is_none()
            && !composite
            && let Some(FontGlyph::Outline(glyph)) =
                self.substitute.as_ref().map(|font| font.glyph(font.map_code(code & 0xff), code & 0xff))
        {
            found = usable(glyph.as_unicode());
        }
        found
    }

    /// Returns the character of a code in a Type 3 font of TeX. Its names are the codes: `a65`.
    fn tex_text(&self, code: u32) -> Option<String> {
        if self.name(&self.dictionary, "Subtype").is_none_or(|subtype| subtype != b"Type3") {
            return None;
        }
        let encoding = self.dictionary.get::<Dict<'_>>("Encoding")?;
        let differences = encoding.get::<Array<'_>>("Differences")?;
        let name = format!("a{code}");
        let is_named =
            |entry: Object<'_>| entry.into_name().is_some_and(|other| other.as_ref() == name.as_bytes());
        if !differences.iter::<Object<'_>>().any(is_named) {
            return None;
        }
        // Knuth, Computer Modern Typefaces: the ligatures come before ASCII.
        match u8::try_from(code).ok()? {
            11 => Some("ff".to_owned()),
            12 => Some("fi".to_owned()),
            13 => Some("fl".to_owned()),
            14 => Some("ffi".to_owned()),
            15 => Some("ffl".to_owned()),
            123 => Some("–".to_owned()),
            124 => Some("—".to_owned()),
            letter if letter.is_ascii_graphic() => Some(char::from(letter).to_string()),
            _ => None,
        }
    }

    /// Returns the map to Unicode of a font that the library cannot read.
    fn own_map(&self) -> Option<&CMap> {
        self.own_map
            .get_or_init(|| {
                let stream = self.dictionary.get::<Stream<'_>>("ToUnicode")?;
                CMap::parse(&stream.decoded_data().ok()?, load_embedded)
            })
            .as_ref()
    }

    fn collection(&self) -> Option<&Collection> {
        self.collection.get_or_init(|| self.read_collection()).as_ref()
    }

    fn read_collection(&self) -> Option<Collection> {
        let encoding = match self.dictionary.get::<Object<'_>>("Encoding")? {
            Object::Name(name) => match CMapName::from_bytes(name.as_ref()) {
                CMapName::IdentityH | CMapName::IdentityV => CMap::identity_h(),
                name => CMap::parse(load_embedded(name)?, load_embedded)?,
            },
            Object::Stream(stream) => CMap::parse(&stream.decoded_data().ok()?, load_embedded)?,
            _ => return None,
        };
        let named = encoding.metadata().character_collection.as_ref().map(|named| named.family.clone());
        let family = named.filter(|family| family.ucs2_cmap().is_some()).or_else(|| {
            let fonts = self.dictionary.get::<Array<'_>>("DescendantFonts")?;
            let information: Dict<'_> = fonts.iter::<Dict<'_>>().next()?.get("CIDSystemInfo")?;
            let (registry, ordering): (Text<'_>, Text<'_>) =
                (information.get("Registry")?, information.get("Ordering")?);
            Some(CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes()))
        })?;
        let unicode = CMap::parse(load_embedded(family.ucs2_cmap()?)?, load_embedded)?;
        Some(Collection { encoding, unicode })
    }

    /// Returns the character of a code's glyph in an embedded TrueType font.
    fn program_text(&self, code: u32) -> Option<char> {
        let font = self.inner.as_ref()?;
        let FontGlyph::Outline(glyph) = font.glyph(font.map_code(code), code) else { return None };
        let letters = self.program.get_or_init(|| self.read_program(&glyph).unwrap_or_default());
        letters.get(&glyph.glyph_id().to_u32()).copied()
    }

    fn read_program(&self, glyph: &hayro_font::OutlineGlyph) -> Option<BTreeMap<u32, char>> {
        use skrifa::MetadataProvider;

        let fonts = self.dictionary.get::<Array<'_>>("DescendantFonts")?;
        let descriptor: Dict<'_> = fonts.iter::<Dict<'_>>().next()?.get("FontDescriptor")?;
        // A font that is not embedded has a substitute, whose glyphs have other numbers.
        if !["FontFile2", "FontFile3"].iter().any(|key| descriptor.contains_key(key)) {
            return None;
        }
        let data = glyph.font_data()?.data;
        let program = skrifa::FontRef::new((*data).as_ref()).ok()?;
        let mut letters = BTreeMap::new();
        for (code, glyph) in program.charmap().mappings() {
            if let Some(letter) = char::from_u32(code) {
                letters.entry(glyph.to_u32()).or_insert(letter);
            }
        }
        Some(letters)
    }
}

impl Collection {
    fn text(&self, code: u32) -> Option<BfString> {
        let number = (1..=4).find_map(|length| self.encoding.lookup_cid_code(code, length))?;
        self.unicode.lookup_bf_string(number)
    }
}

fn string(text: BfString) -> String {
    match text {
        BfString::Char(letter) => letter.to_string(),
        BfString::String(text) => text,
    }
}
