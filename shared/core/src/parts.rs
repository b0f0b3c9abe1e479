//! Lists of a multipart upload's parts as stores return them: in pages that may overlap, and with an entry for each
//! time that a part was sent.

use crate::ports::Part;

/// A part as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// The part.
    pub part: Part,
    /// When the store received it, in nanoseconds since 1970, if the store says so.
    pub taken_at_ns: Option<i128>,
}

/// Collects the pages of a list.
#[derive(Debug, Default)]
pub struct PartList {
    listed: Vec<ListedPart>,
    marker: u16,
}

impl PartList {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the marker after which the next page begins, if it is not the first page.
    #[must_use]
    pub fn marker(&self) -> Option<u16> {
        (self.marker > 0).then_some(self.marker)
    }

    /// Adds a page and returns whether there is another page to request. `next` is the page's marker if more pages
    /// follow, or 0 if it has none.
    ///
    /// Stores differ in whether a marker is the last number of its page or the first of the next. The list therefore
    /// uses the last number that it received as its own marker. A store may repeat that number, and leaves none out.
    pub fn take(&mut self, page: Vec<ListedPart>, next: Option<u16>) -> bool {
        let last = page.iter().map(|listed| listed.part.number).max();
        self.listed.extend(page);
        let Some(next) = next else { return false };
        let marker = match last {
            Some(last) if last > self.marker => last,
            // The page brought nothing new. The store's marker may lead further. If it does not, the end of the list
            // cannot be reached.
            Some(_) | None => next,
        };
        let leads_on = marker > self.marker;
        self.marker = self.marker.max(marker);
        leads_on
    }

    /// Returns one entry per number, in order. Of a part that was sent more than once, it is the one that the store
    /// received last, or else listed last.
    #[must_use]
    pub fn finish(mut self) -> Vec<Part> {
        self.listed
            .sort_by_key(|listed| (listed.part.number, listed.taken_at_ns));
        let mut parts: Vec<Part> = Vec::with_capacity(self.listed.len());
        for ListedPart { part, .. } in self.listed {
            match parts.last_mut() {
                Some(last) if last.number == part.number => *last = part,
                Some(_) | None => parts.push(part),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ETag;

    fn listed(number: u16, etag: &str, taken_at_ns: Option<i128>) -> ListedPart {
        ListedPart {
            part: Part {
                number,
                etag: ETag::new(etag),
                size_bytes: 5,
            },
            taken_at_ns,
        }
    }

    fn etags(parts: &[Part]) -> Vec<(u16, &str)> {
        parts
            .iter()
            .map(|part| (part.number, part.etag.as_str()))
            .collect()
    }

    #[test]
    fn the_last_version_of_a_repeated_part_counts() {
        let mut list = PartList::new();
        let page = vec![
            listed(2, "late", Some(9)),
            listed(1, "one", Some(1)),
            listed(2, "early", Some(3)),
        ];
        assert!(!list.take(page, None));
        assert_eq!(etags(&list.finish()), [(1, "one"), (2, "late")]);
        // With equal or missing times, the order of the list decides.
        for taken_at_ns in [None, Some(7)] {
            let mut list = PartList::new();
            let page = ["a", "b"].map(|etag| listed(1, etag, taken_at_ns));
            list.take(page.to_vec(), None);
            assert_eq!(etags(&list.finish()), [(1, "b")]);
        }
    }

    /// A store of five parts that returns `per_page` of them, beginning at `begins(marker)`.
    fn gather(per_page: usize, begins: fn(u16) -> u16, ends: fn(u16) -> u16) -> Vec<Part> {
        let mut list = PartList::new();
        for _ in 0..20 {
            let first = list.marker().map_or(1, begins);
            let numbers: Vec<u16> = (first..=5).take(per_page).collect();
            let last = numbers.last().copied().unwrap_or(5);
            let page = numbers.into_iter().map(|n| listed(n, "e", None)).collect();
            if !list.take(page, (last < 5).then(|| ends(last))) {
                return list.finish();
            }
        }
        panic!("the list has no end");
    }

    #[test]
    fn markers_that_are_off_by_one_leave_no_part_out() {
        let all: Vec<u16> = (1..=5).collect();
        for per_page in [1, 2, 4, 5] {
            for (begins, ends) in [
                // As S3: the marker is the last number of its page.
                ((|n| n + 1) as fn(u16) -> u16, (|n| n) as fn(u16) -> u16),
                // The marker is the first number of the next page.
                (|n| n, |n| n + 1),
                // The marker is the first number of the next page, which is then skipped.
                (|n| n + 1, |n| n + 1),
            ] {
                let parts = gather(per_page, begins, ends);
                let numbers: Vec<u16> = parts.iter().map(|part| part.number).collect();
                assert_eq!(numbers, all, "{per_page} a page");
            }
        }
    }

    #[test]
    fn a_list_without_progress_ends() {
        let mut list = PartList::new();
        assert!(list.take(vec![listed(3, "a", None)], Some(3)));
        assert!(!list.take(vec![listed(3, "a", None)], Some(3)));
        assert!(!list.take(vec![], Some(0)));
        assert_eq!(etags(&list.finish()), [(3, "a")]);
    }
}
