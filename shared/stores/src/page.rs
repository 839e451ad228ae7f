/// One page of a listing.
///
/// The cursor is the last key of the page. It names no tenant: a tenant that presents another tenant's
/// cursor continues in its own partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items, in the order of their keys.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    pub(crate) fn new(items: Vec<T>, more: bool, key: impl Fn(&T) -> K) -> Self {
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// The number of items on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The largest page.
    pub const MAX: u16 = 100;
    /// The page size if the caller gives none.
    pub const DEFAULT: Self = Self(25);

    /// Returns `limit` as a page limit if it is between 1 and [`PageLimit::MAX`].
    pub fn new(limit: u16) -> Option<Self> {
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    /// Returns the number of items.
    pub fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn get(self) -> usize {
        usize::from(self.0)
    }
}
