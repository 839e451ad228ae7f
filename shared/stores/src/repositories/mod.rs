//! What a tenant stores, one module per kind. Keys are derived inside; callers pass
//! domain ids and never see a key.

pub(crate) mod capacity;
pub(crate) mod circuit;
pub(crate) mod commands;
pub(crate) mod documents;
pub(crate) mod expiring;
pub(crate) mod items;
pub(crate) mod jobs;
pub(crate) mod models;
pub(crate) mod objects;
pub(crate) mod passages;
pub(crate) mod profile;
pub(crate) mod templates;
pub(crate) mod turns;

/// One page of a listing.
///
/// The cursor is the last key of the page. It names no tenant: whoever presents it
/// continues in their own partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items, in the order of their keys.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    fn new(items: Vec<T>, more: bool, key: impl Fn(&T) -> K) -> Self {
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// How many items a page may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// Most items of a page.
    pub const MAX: u16 = 100;
    /// Items of a page where nothing else is asked.
    pub const DEFAULT: Self = Self(25);

    /// Returns `limit` as a page limit, if it is between 1 and [`PageLimit::MAX`].
    pub fn new(limit: u16) -> Option<Self> {
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    pub(crate) fn get(self) -> usize {
        usize::from(self.0)
    }
}
