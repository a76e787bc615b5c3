use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

/// A sequence set with `*` resolved: inclusive ranges, low end first (RFC 3501 §9, `sequence-set`).
#[derive(Debug)]
pub(super) struct Numbers {
    ranges: Vec<(u32, u32)>,
}

impl Numbers {
    /// Resolves a set where `*` is `largest`.
    pub(super) fn resolve(set: &SequenceSet, largest: u32) -> Self {
        let number = |n: SeqOrUid| match n {
            SeqOrUid::Value(value) => value.get(),
            SeqOrUid::Asterisk => largest,
        };
        let range = |sequence: &Sequence| {
            let (a, b) = match *sequence {
                Sequence::Single(a) => (number(a), number(a)),
                Sequence::Range(a, b) => (number(a), number(b)),
            };
            (a.min(b), a.max(b))
        };
        let mut ranges: Vec<_> = set.0.as_ref().iter().map(range).collect();
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match joined.last_mut() {
                Some((_, end)) if low <= *end => *end = high.max(*end),
                _ => joined.push((low, high)),
            }
        }
        Self { ranges: joined }
    }

    /// Tells whether the number is in the set.
    pub(super) fn contains(&self, number: u32) -> bool {
        let at = self.ranges.partition_point(|&(_, high)| high < number);
        self.ranges.get(at).is_some_and(|&(low, _)| low <= number)
    }

    /// Gives the lowest number, and the highest.
    pub(super) fn bounds(&self) -> (u32, u32) {
        let low = self.ranges.first().map_or(0, |&(low, _)| low);
        (low, self.ranges.last().map_or(0, |&(_, high)| high))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::Numbers;

    #[test]
    fn star_is_the_largest_and_ranges_have_no_direction() {
        let set = Numbers::resolve(&"9:*,3".try_into().unwrap(), 5);
        let inside: Vec<u32> = (1..12).filter(|&n| set.contains(n)).collect();
        assert_eq!(inside, [3, 5, 6, 7, 8, 9]);
        assert_eq!(set.bounds(), (3, 9));
    }
}
