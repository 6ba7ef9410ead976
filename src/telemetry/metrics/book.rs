//! How a worker finds a series without a lock and without an allocation: by the address of the name, and only the
//! first time by the name itself.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::series::SeriesList;

/// Series of one kind, looked up by a name and a number beside it (for a request: its method and status).
pub(super) struct Book<S> {
    by_address: HashMap<(usize, u32), Known, RandomState>,
    by_name: HashMap<(Option<Arc<str>>, u32), usize, RandomState>,
    /// The first one takes what came after the book was full.
    series: Vec<Arc<S>>,
    published: Arc<SeriesList<S>>,
    max: usize,
}

struct Known {
    place: usize,
    /// Keeps the name's address from meaning another name while it stands here.
    _name: Option<Arc<str>>,
}

/// A reload makes new names at new addresses; the old ones are forgotten all at once when this many have gathered.
const ADDRESSES_MAX: usize = 4096;

/// Where the series for whatever did not fit stands.
pub(super) const OVERFLOW: usize = 0;

impl<S> Book<S> {
    /// An empty book of at most `max` series beside `overflow`.
    pub(super) fn new(overflow: S, max: usize, published: Arc<SeriesList<S>>) -> Self {
        let overflow = Arc::new(overflow);
        published.append(Arc::clone(&overflow));
        Self {
            by_address: HashMap::default(),
            by_name: HashMap::default(),
            series: vec![overflow],
            published,
            max,
        }
    }

    /// The place of a series, which `make` makes when it is the first of its name.
    pub(super) fn place(
        &mut self,
        name: Option<&Arc<str>>,
        beside: u32,
        make: impl FnOnce(Option<Arc<str>>) -> S,
    ) -> usize {
        let address = name.map_or(0, |name| Arc::as_ptr(name).cast::<u8>().addr());
        if let Some(known) = self.by_address.get(&(address, beside)) {
            return known.place;
        }
        let place = self.place_by_name(name, beside, make);
        if self.by_address.len() >= ADDRESSES_MAX {
            self.by_address.clear();
        }
        self.by_address.insert(
            (address, beside),
            Known {
                place,
                _name: name.cloned(),
            },
        );
        place
    }

    #[cold]
    fn place_by_name(
        &mut self,
        name: Option<&Arc<str>>,
        beside: u32,
        make: impl FnOnce(Option<Arc<str>>) -> S,
    ) -> usize {
        let key = (name.cloned(), beside);
        if let Some(place) = self.by_name.get(&key) {
            return *place;
        }
        if self.series.len() > self.max {
            return OVERFLOW;
        }
        let made = Arc::new(make(name.cloned()));
        let place = self.series.len();
        self.published.append(Arc::clone(&made));
        self.series.push(made);
        self.by_name.insert(key, place);
        place
    }

    pub(super) fn at(&self, place: usize) -> Option<&Arc<S>> {
        self.series.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Name = Option<Arc<str>>;

    fn book(max: usize) -> (Book<Name>, Arc<SeriesList<Name>>) {
        let published = Arc::new(SeriesList::new());
        (Book::new(None, max, Arc::clone(&published)), published)
    }

    #[test]
    fn the_same_name_at_another_address_is_the_same_series() {
        let (mut book, published) = book(10);
        let before: Arc<str> = "/a".into();
        let after_reload: Arc<str> = "/a".into();
        let place = book.place(Some(&before), 1, |name| name);
        assert_eq!(book.place(Some(&before), 1, |_| unreachable!("it is known")), place);
        assert_eq!(
            book.place(Some(&after_reload), 1, |_| unreachable!("it is known")),
            place
        );
        assert_ne!(book.place(Some(&before), 2, |name| name), place);
        assert_ne!(book.place(None, 1, |name| name), place);
        assert_eq!(published.all().len(), 4);
    }

    #[test]
    #[doc = "AD-02"]
    fn a_full_book_sends_the_rest_to_one_series() {
        let (mut book, published) = book(3);
        let names: Vec<Arc<str>> = (0..100).map(|n| format!("/{n}").into()).collect();
        let places: Vec<usize> = names
            .iter()
            .map(|name| book.place(Some(name), 0, |name| name))
            .collect();
        assert_eq!(places[..3], [1, 2, 3]);
        assert!(places[3..].iter().all(|place| *place == OVERFLOW));
        assert_eq!(published.all().len(), 4);
        assert_eq!(book.place(Some(&names[1]), 0, |name| name), 2);
    }

    #[test]
    fn many_reloads_leave_no_trail_of_old_names() {
        let (mut book, _) = book(10);
        for _ in 0..3 * ADDRESSES_MAX {
            let renewed: Arc<str> = "/a".into();
            assert_eq!(book.place(Some(&renewed), 0, |name| name), 1);
            // Kept from being freed, so that each round has its own address.
            std::mem::forget(renewed);
        }
        assert!(book.by_address.len() <= ADDRESSES_MAX);
    }
}
