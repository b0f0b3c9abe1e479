//! The list of a multipart upload's parts, as stores give it: in pages that may overlap, and with a part that was sent
//! twice listed twice.

use crate::ports::Part;

/// A part as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// The part.
    pub part: Part,
    /// When the store took it, in nanoseconds since 1970, where it tells.
    pub taken_at_ns: Option<i128>,
}

/// Gathers the pages of a list.
#[derive(Debug, Default)]
pub struct PartList {
    listed: Vec<ListedPart>,
    marker: u16,
}

impl PartList {
    /// A list without a page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number behind which the next page begins, where it is not the first.
    #[must_use]
    pub fn marker(&self) -> Option<u16> {
        (self.marker > 0).then_some(self.marker)
    }

    /// Takes in a page. `next` is the marker that it ends with, or 0 without one, where more is said to follow. Whether
    /// there is another page to ask for.
    ///
    /// Stores differ in whether a marker is the last number of its page or the first of the next, so our own marker is
    /// the last number that we saw: a store may repeat that one, and leaves none out.
    pub fn take(&mut self, page: Vec<ListedPart>, next: Option<u16>) -> bool {
        let last = page.iter().map(|listed| listed.part.number).max();
        self.listed.extend(page);
        let Some(next) = next else { return false };
        let marker = match last {
            Some(last) if last > self.marker => last,
            // Nothing new came. Their marker may lead on; where it does not, the list has no end that we could reach.
            Some(_) | None => next,
        };
        let leads_on = marker > self.marker;
        self.marker = self.marker.max(marker);
        leads_on
    }

    /// One entry a number, in their order: of a part that was sent more than once, what the store took last, or else
    /// listed last.
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
    fn of_a_part_that_was_sent_twice_the_bytes_last_sent_count() {
        let mut list = PartList::new();
        let page = vec![
            listed(2, "late", Some(9)),
            listed(1, "one", Some(1)),
            listed(2, "early", Some(3)),
        ];
        assert!(!list.take(page, None));
        assert_eq!(etags(&list.finish()), [(1, "one"), (2, "late")]);
        // Within one tick of the store's clock, or without one, the order of the list is what there is.
        for taken_at_ns in [None, Some(7)] {
            let mut list = PartList::new();
            let page = ["a", "b"].map(|etag| listed(1, etag, taken_at_ns));
            list.take(page.to_vec(), None);
            assert_eq!(etags(&list.finish()), [(1, "b")]);
        }
    }

    /// A store of five parts that gives `per_page` of them, from where `begins` says for a marker.
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
    fn markers_that_are_one_off_leave_no_part_out() {
        let all: Vec<u16> = (1..=5).collect();
        for per_page in [1, 2, 4, 5] {
            for (begins, ends) in [
                // S3's: the marker is the last of its page.
                ((|n| n + 1) as fn(u16) -> u16, (|n| n) as fn(u16) -> u16),
                // The marker is the first of the next page.
                (|n| n, |n| n + 1),
                // It names the next page's first, which is then passed over.
                (|n| n + 1, |n| n + 1),
            ] {
                let parts = gather(per_page, begins, ends);
                let numbers: Vec<u16> = parts.iter().map(|part| part.number).collect();
                assert_eq!(numbers, all, "{per_page} a page");
            }
        }
    }

    #[test]
    fn a_list_that_does_not_lead_on_ends() {
        let mut list = PartList::new();
        assert!(list.take(vec![listed(3, "a", None)], Some(3)));
        assert!(!list.take(vec![listed(3, "a", None)], Some(3)));
        assert!(!list.take(vec![], Some(0)));
        assert_eq!(etags(&list.finish()), [(3, "a")]);
    }
}
