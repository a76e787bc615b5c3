use std::fmt;

use super::Uid;

/// A set of UIDs, kept as sorted ranges that neither touch nor overlap.
///
/// A hundred thousand neighbours cost eight bytes. Its text form is IMAP's `sequence-set`
/// (RFC 3501 §9) without `*`: `1:3,7,9:12`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// Makes the empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the set of all UIDs from `first` to `last`, both included, in either order.
    pub fn range(first: Uid, last: Uid) -> Self {
        let (low, high) = (first.min(last), first.max(last));
        Self { ranges: vec![(low.get(), high.get())] }
    }

    /// Reads `1:3,7,9:12`. `None` for anything else: zero, `*`, an empty text, a number over 2³²−1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            ranges.push((first.min(last), first.max(last)));
        }
        Some(Self::from_ranges(ranges))
    }

    /// Makes a set from ranges in any order; overlapping and touching ones are joined.
    fn from_ranges(mut ranges: Vec<(u32, u32)>) -> Self {
        if !ranges.is_sorted() {
            ranges.sort_unstable();
        }
        let mut set = Self { ranges: Vec::with_capacity(ranges.len().min(64)) };
        for (first, last) in ranges {
            set.push(first, last);
        }
        set
    }

    /// Adds a range that begins at or after the last range's beginning.
    fn push(&mut self, first: u32, last: u32) {
        match self.ranges.last_mut() {
            Some((_, end)) if u64::from(first) <= u64::from(*end) + 1 => *end = (*end).max(last),
            _ => self.ranges.push((first, last)),
        }
    }

    /// Adds one UID.
    pub fn insert(&mut self, uid: Uid) {
        let number = uid.get();
        if self.ranges.last().is_none_or(|&(first, _)| first <= number) {
            self.push(number, number);
        } else {
            *self = self.union(&Self { ranges: vec![(number, number)] });
        }
    }

    /// Tells how many UIDs there are.
    pub fn len(&self) -> usize {
        let count: u64 = self.ranges.iter().map(|&(a, b)| u64::from(b - a) + 1).sum();
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Tells whether `uid` is in the set.
    pub fn contains(&self, uid: Uid) -> bool {
        let number = uid.get();
        let at = self.ranges.partition_point(|&(_, last)| last < number);
        self.ranges.get(at).is_some_and(|&(first, _)| first <= number)
    }

    /// Gives the UIDs, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.ranges.iter().flat_map(|&(a, b)| a..=b).filter_map(Uid::new)
    }

    /// Gives the ranges as `(first, last)`, both included, lowest first.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().copied()
    }

    /// Gives the lowest UID.
    pub fn first(&self) -> Option<Uid> {
        self.ranges.first().and_then(|&(first, _)| Uid::new(first))
    }

    /// Gives the highest UID.
    pub fn last(&self) -> Option<Uid> {
        self.ranges.last().and_then(|&(_, last)| Uid::new(last))
    }

    /// Gives the UIDs in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other.clone() } else { self.clone() };
        }
        Self::from_ranges([self.ranges.as_slice(), other.ranges.as_slice()].concat())
    }

    /// Gives the UIDs in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::new();
        let mut theirs = other.ranges.iter().peekable();
        for &(first, last) in &self.ranges {
            while theirs.next_if(|&&(_, end)| end < first).is_some() {}
            while let Some(&&(start, end)) = theirs.peek() {
                if start > last {
                    break;
                }
                both.push(first.max(start), last.min(end));
                if end > last {
                    break;
                }
                theirs.next();
            }
        }
        both
    }

    /// Gives the UIDs of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Self::new();
        let mut theirs = other.ranges.iter().peekable();
        for &(first, last) in &self.ranges {
            let mut at = Some(first);
            while theirs.next_if(|&&(_, end)| end < first).is_some() {}
            while let (Some(low), Some(&&(start, end))) = (at, theirs.peek()) {
                if start > last {
                    break;
                }
                if start > low {
                    rest.push(low, start - 1);
                }
                at = end.checked_add(1).filter(|&next| next <= last);
                if end > last {
                    break;
                }
                theirs.next();
            }
            if let Some(low) = at {
                rest.push(low, last);
            }
        }
        rest
    }

    /// Splits the set, in order, so that each part's text is at most `bytes` long.
    pub fn split(&self, bytes: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut part = Self::new();
        let mut length = 0;
        for &(first, last) in &self.ranges {
            let text = range_text(first, last).len() + 1;
            if length + text > bytes + 1 && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
                length = 0;
            }
            part.ranges.push((first, last));
            length += text;
        }
        if !part.is_empty() {
            parts.push(part);
        }
        parts
    }

    /// Splits the set, in order, into parts of at most `count` UIDs each (at least 1).
    pub fn chunks(&self, count: u32) -> Vec<Self> {
        let count = count.max(1);
        let mut parts = Vec::new();
        let mut part = Self::new();
        let mut room = count;
        for &(mut first, last) in &self.ranges {
            loop {
                let end = last.min(first.saturating_add(room - 1));
                part.ranges.push((first, end));
                room -= end - first + 1;
                if room == 0 {
                    parts.push(std::mem::take(&mut part));
                    room = count;
                }
                match end.checked_add(1) {
                    Some(next) if next <= last => first = next,
                    _ => break,
                }
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
        parts
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&number| digits && number > 0)
}

fn range_text(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<T: IntoIterator<Item = Uid>>(uids: T) -> Self {
        let mut set = Self::new();
        let mut unsorted = Vec::new();
        for uid in uids {
            let number = uid.get();
            if unsorted.is_empty() && set.ranges.last().is_none_or(|&(first, _)| first <= number) {
                set.push(number, number);
            } else {
                unsorted.push((number, number));
            }
        }
        if unsorted.is_empty() {
            return set;
        }
        unsorted.extend(set.ranges);
        Self::from_ranges(unsorted)
    }
}

impl FromIterator<Self> for UidSet {
    /// Joins sets, however many, in one go.
    fn from_iter<T: IntoIterator<Item = Self>>(sets: T) -> Self {
        Self::from_ranges(sets.into_iter().flat_map(|set| set.ranges).collect())
    }
}

impl From<Uid> for UidSet {
    fn from(uid: Uid) -> Self {
        Self::range(uid, uid)
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &(first, last)) in self.ranges.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(&range_text(first, last))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Uid, UidSet};

    fn set(numbers: &BTreeSet<u32>) -> UidSet {
        numbers.iter().copied().filter_map(Uid::new).collect()
    }

    fn numbers(set: &UidSet) -> BTreeSet<u32> {
        set.iter().map(Uid::get).collect()
    }

    #[test]
    fn text_is_sorted_joined_and_strict() {
        assert_eq!(UidSet::parse("9:7,1,2,3,12").map(|s| s.to_string()), Some("1:3,7:9,12".into()));
        for bad in ["", "0", "1:*", "*", "1,", "+1", " 1", "1:2:3", "4294967296", "1:0"] {
            assert_eq!(UidSet::parse(bad), None, "{bad:?}");
        }
        let all = UidSet::range(Uid::MIN, Uid::MAX);
        assert_eq!(all.len(), 4_294_967_295);
        assert_eq!(all.difference(&UidSet::from(Uid::MAX)).to_string(), "1:4294967294");
    }

    #[test]
    fn chunks_reach_the_last_uid() {
        let parts = UidSet::parse("4294967290:4294967295").map(|s| s.chunks(4)).unwrap_or_default();
        let texts: Vec<_> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["4294967290:4294967293", "4294967294:4294967295"]);
    }

    fn some() -> impl Strategy<Value = BTreeSet<u32>> {
        prop::collection::btree_set(1u32..60, 0..40)
    }

    proptest! {
        #[test]
        fn algebra_agrees_with_a_plain_set(a in some(), b in some(), probe in 1u32..61) {
            let (x, y) = (set(&a), set(&b));
            prop_assert_eq!(numbers(&x.union(&y)), a.union(&b).copied().collect());
            prop_assert_eq!(numbers(&x.intersection(&y)), a.intersection(&b).copied().collect());
            prop_assert_eq!(numbers(&x.difference(&y)), a.difference(&b).copied().collect());
            prop_assert_eq!(x.len(), a.len());
            prop_assert_eq!(Uid::new(probe).is_some_and(|u| x.contains(u)), a.contains(&probe));
        }

        #[test]
        fn order_of_arrival_does_not_matter(mut list in prop::collection::vec(1u32..60, 0..40)) {
            let shuffled: UidSet = list.iter().copied().filter_map(Uid::new).collect();
            let mut one_by_one = UidSet::new();
            list.iter().copied().filter_map(Uid::new).for_each(|uid| one_by_one.insert(uid));
            list.sort_unstable();
            let sorted: UidSet = list.into_iter().filter_map(Uid::new).collect();
            prop_assert_eq!(&shuffled, &sorted);
            prop_assert_eq!(&one_by_one, &sorted);
        }

        #[test]
        fn display_parses_back_and_parts_join_again(a in some(), bytes in 1usize..30, count in 1u32..9) {
            let whole = set(&a);
            if !whole.is_empty() {
                prop_assert_eq!(UidSet::parse(&whole.to_string()), Some(whole.clone()));
            }
            let parts = whole.split(bytes);
            for part in &parts {
                prop_assert!(part.to_string().len() <= bytes.max(5));
            }
            prop_assert_eq!(parts.iter().fold(UidSet::new(), |sum, part| sum.union(part)), whole.clone());
            let parts = whole.chunks(count);
            prop_assert!(parts.iter().all(|part| part.len() <= count as usize));
            prop_assert_eq!(parts.into_iter().rev().collect::<UidSet>(), whole);
        }
    }
}
