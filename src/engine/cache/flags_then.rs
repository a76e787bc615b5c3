use super::shelf::Entry;
use crate::mail::Flag;

/// The flags that a message had at a mod-sequence of its mailbox (RFC 7162), or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct FlagsThen {
    /// What was the highest mod-sequence before they were asked for.
    pub(in crate::engine) mod_sequence: u64,
    /// The flags.
    pub(in crate::engine) flags: Vec<Flag>,
}

impl Entry for FlagsThen {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let words: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        Some([&self.mod_sequence.to_be_bytes()[..], words.join(" ").as_bytes()].concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mod_sequence, words) = bytes.split_first_chunk()?;
        let words = std::str::from_utf8(words).ok()?;
        let flags = words.split(' ').filter(|word| !word.is_empty()).map(Flag::parse);
        let flags = flags.collect::<Option<Vec<Flag>>>()?;
        Some(Self { mod_sequence: u64::from_be_bytes(*mod_sequence), flags })
    }
}
