//! Optional content: layers that a file hides.

use std::collections::BTreeSet;

use hayro_syntax::object::{Array, Dict, Name, ObjectIdentifier};
use hayro_syntax::xref::XRef;

/// The layers that are off when a viewer opens the file.
#[derive(Default)]
pub(crate) struct Layers {
    hidden: BTreeSet<ObjectIdentifier>,
}

impl Layers {
    pub(crate) fn of(xref: &XRef) -> Self {
        Self::read(xref).unwrap_or_default()
    }

    fn read(xref: &XRef) -> Option<Self> {
        let catalog: Dict<'_> = xref.get(xref.root_id())?;
        let properties: Dict<'_> = catalog.get("OCProperties")?;
        let default: Dict<'_> = properties.get("D")?;
        let mut hidden = BTreeSet::new();
        if default.get::<Name<'_>>("BaseState").is_some_and(|state| state.as_ref() == b"OFF") {
            hidden.extend(references(&properties, "OCGs"));
        }
        for id in references(&default, "ON") {
            hidden.remove(&id);
        }
        hidden.extend(references(&default, "OFF"));
        Some(Self { hidden })
    }

    /// Returns whether the entry `key` of `dictionary` is a layer, or a group of layers, that
    /// is off: ISO 32000-1, 8.11.2.
    pub(crate) fn hides(&self, dictionary: &Dict<'_>, key: &[u8]) -> bool {
        if self.hidden.is_empty() {
            return false;
        }
        if dictionary.get_ref(key).is_some_and(|layer| self.hidden.contains(&layer.into())) {
            return true;
        }
        let Some(group) = dictionary.get::<Dict<'_>>(key) else { return false };
        let mut members: Vec<_> = references(&group, "OCGs").collect();
        members.extend(group.get_ref("OCGs").map(ObjectIdentifier::from));
        let off = members.iter().filter(|layer| self.hidden.contains(*layer)).count();
        if members.is_empty() {
            return false;
        }
        match group.get::<Name<'_>>("P").as_ref().map(AsRef::as_ref) {
            Some(b"AllOn") => off > 0,
            Some(b"AnyOff") => off == 0,
            Some(b"AllOff") => off < members.len(),
            _ => off == members.len(),
        }
    }
}

fn references(dictionary: &Dict<'_>, key: &str) -> impl Iterator<Item = ObjectIdentifier> {
    let items: Vec<_> = dictionary
        .get::<Array<'_>>(key)
        .into_iter()
        .flat_map(|array| {
            array
                .raw_iter()
                .filter_map(|item| item.as_obj_ref())
                .map(ObjectIdentifier::from)
                .collect::<Vec<_>>()
        })
        .collect();
    items.into_iter()
}
