//! What was in an account's mailboxes at one time.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// One message as the observer found it, ordered by what it is and not by where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    /// The Message-ID, or the digest where it has none.
    pub(crate) id: String,
    pub(crate) subject: String,
    /// A digest of all its bytes.
    pub(crate) digest: String,
    pub(crate) size: u64,
    /// Sorted, without `\Recent`, which depends on who looked first.
    pub(crate) flags: Vec<String>,
    pub(crate) date: String,
}

impl Seen {
    pub(crate) fn new(raw: &[u8], size: u64, flags: &str, date: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        raw.hash(&mut hasher);
        let digest = format!("{:016x}", hasher.finish());
        let mut flags: Vec<String> = flags
            .split_whitespace()
            .filter(|flag| !flag.eq_ignore_ascii_case("\\Recent"))
            .map(str::to_owned)
            .collect();
        flags.sort();
        let field = |name: &str| field(raw, name);
        Self {
            id: field("message-id").unwrap_or_else(|| digest.clone()),
            subject: field("subject").unwrap_or_default(),
            digest,
            size,
            flags,
            date: date.trim().to_owned(),
        }
    }
}

/// The value of the first header field of that name, on one line, as it stands.
fn field(raw: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(raw).replace("\r\n ", " ").replace("\r\n\t", " ");
    text.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// All messages of an account, by mailbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) mailboxes: BTreeMap<String, Vec<Seen>>,
}

impl Snapshot {
    /// How often each message exists, in whatever mailbox: what no move may change.
    pub(crate) fn digests(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for message in self.mailboxes.values().flatten() {
            *counts.entry(format!("{} {} {}", message.digest, message.id, message.subject)).or_default() += 1;
        }
        counts
    }

    /// The sorted subjects in a mailbox.
    pub(crate) fn subjects(&self, mailbox: &str) -> Vec<&str> {
        let messages = self.mailboxes.get(mailbox);
        let messages =
            messages.unwrap_or_else(|| panic!("no mailbox {mailbox} in {:?}", self.mailboxes.keys()));
        let mut subjects: Vec<&str> = messages.iter().map(|message| message.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects
    }
}
