//! Office Open XML packages: parts, and the relationships between them.

use std::collections::HashMap;

use super::archive::Archive;
use super::xml::{self, Xml};
use crate::{DocumentError, Format};

/// A relationship of a part.
pub(crate) struct Relation {
    /// The last word of its type, such as `header`.
    pub kind: String,
    /// The name of the other part.
    pub target: String,
}

/// The relationships of a part, by id.
pub(crate) type Relations = HashMap<String, Relation>;

/// A package.
pub(crate) struct Package<'a> {
    pub archive: Archive<'a>,
}

impl<'a> Package<'a> {
    pub(crate) fn open(bytes: &'a [u8], format: Format) -> Result<Self, DocumentError> {
        Ok(Self { archive: Archive::open(bytes, format)? })
    }

    /// Returns the name of the main part. `usual` is where most writers put it.
    pub(crate) fn main(&mut self, usual: &str) -> Result<String, DocumentError> {
        let named = self.relations("")?.into_values().find(|relation| relation.kind == "officeDocument");
        let exists = |name: &String| self.archive.has(name);
        named
            .map(|relation| relation.target)
            .filter(exists)
            .or_else(|| Some(usual.to_owned()).filter(exists))
            .ok_or(DocumentError::NoMainPart(self.archive.format()))
    }

    /// Returns the source of an XML part.
    pub(crate) fn source(&mut self, name: &str) -> Result<Option<String>, DocumentError> {
        let format = self.archive.format();
        self.archive.part(name)?.map(|bytes| xml::source(bytes, format)).transpose()
    }

    /// Returns the relationships of a part, or of the package for an empty name.
    pub(crate) fn relations(&mut self, part: &str) -> Result<Relations, DocumentError> {
        let (folder, name) = part.rsplit_once('/').map_or(("", part), |(folder, name)| (folder, name));
        let slash = if folder.is_empty() { "" } else { "/" };
        let Some(source) = self.source(&format!("{folder}{slash}_rels/{name}.rels"))? else {
            return Ok(Relations::new());
        };
        let tree = Xml::parse(&source, self.archive.format())?;
        let relations = tree.root().all("Relationship").into_iter().filter_map(|relation| {
            if relation.attribute("TargetMode").is_some_and(|mode| mode == "External") {
                return None;
            }
            let kind = relation.attribute("Type")?.rsplit('/').next().unwrap_or_default().to_owned();
            let target = resolve(folder, &relation.attribute("Target")?);
            Some((relation.attribute("Id")?.into_owned(), Relation { kind, target }))
        });
        Ok(relations.collect())
    }

    /// Returns the title of the document's properties, unless it is a file name.
    pub(crate) fn title(&mut self) -> Result<Option<String>, DocumentError> {
        let Some(source) = self.source("docProps/core.xml")? else { return Ok(None) };
        let Some(tree) = Xml::parse_or_skip(&source, self.archive.format())? else { return Ok(None) };
        let title = tree.root().all("title").first().map(|title| title.text().trim().to_owned());
        Ok(title.filter(|title| {
            let lower = title.to_lowercase();
            let is_file = [".doc", ".docx", ".dot", ".dotx", ".ppt", ".pptx", ".xls", ".xlsx"];
            !title.is_empty()
                && !lower.starts_with("microsoft ")
                && !lower.starts_with("powerpoint ")
                && !is_file.iter().any(|ending| lower.ends_with(ending))
        }))
    }
}

/// Returns the name of a part that `target` names from within `folder`.
pub(crate) fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let (mut path, target) = match target.strip_prefix('/') {
        Some(absolute) => (vec![], absolute),
        None => (folder.split('/').filter(|step| !step.is_empty()).collect(), target.as_str()),
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}
