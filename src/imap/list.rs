use serde::{Deserialize, Serialize};

use super::token::Value;
use crate::error::{Error, Result};
use crate::mail::{MailboxName, Uid, UidValidity};

/// What a mailbox is for (RFC 6154 §2, RFC 8457).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecialUse {
    /// All of the account's messages.
    All,
    /// Messages put by.
    Archive,
    /// Unfinished messages.
    Drafts,
    /// Messages marked as important.
    Flagged,
    /// Spam.
    Junk,
    /// Copies of what was sent.
    Sent,
    /// Messages thrown away.
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const EACH: [Self; 7] =
        [Self::All, Self::Archive, Self::Drafts, Self::Flagged, Self::Junk, Self::Sent, Self::Trash];

    /// Gives the name that scripts write after `@`.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Archive => "archive",
            Self::Drafts => "drafts",
            Self::Flagged => "flagged",
            Self::Junk => "junk",
            Self::Sent => "sent",
            Self::Trash => "trash",
        }
    }

    fn from_attribute(attribute: &str) -> Option<Self> {
        let name = attribute.strip_prefix('\\')?.to_ascii_lowercase();
        // Before RFC 6154, Gmail's XLIST said these.
        let name = match name.as_str() {
            "allmail" => "all",
            "spam" => "junk",
            "starred" => "flagged",
            name => name,
        };
        Self::EACH.into_iter().find(|use_| use_.name() == name)
    }

    /// Gives names that servers without RFC 6154 commonly have for it, in lower case.
    pub fn well_known_names(self) -> &'static [&'static str] {
        match self {
            Self::All => &["all mail"],
            Self::Archive => &["archive", "archives", "archiv"],
            Self::Drafts => &["drafts", "draft", "entwürfe", "brouillons"],
            Self::Flagged => &["flagged", "starred"],
            Self::Junk => &["junk", "spam", "junk e-mail", "junk email", "bulk mail"],
            Self::Sent => &["sent", "sent items", "sent mail", "sent messages", "gesendet", "envoyés"],
            Self::Trash => &["trash", "deleted items", "deleted messages", "bin", "papierkorb", "corbeille"],
        }
    }
}

/// One mailbox of a LIST or LSUB response (RFC 3501 §7.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The mailbox.
    pub name: MailboxName,
    /// The hierarchy delimiter; `None` where there is no hierarchy.
    pub delimiter: Option<char>,
    /// The attributes, `\HasChildren` and the like, as they came.
    pub attributes: Vec<String>,
}

impl ListEntry {
    pub(super) fn parse(values: &[Value<'_>]) -> Result<Self> {
        let bad = |what: &str| Error::protocol(format!("a LIST response {what}"));
        let [attributes, delimiter, name, ..] = values else { return Err(bad("without a mailbox name")) };
        let name = match name {
            // A mailbox may be called NIL, and some servers don't quote it.
            Value::Atom(atom) => atom,
            name => {
                let name = name.bytes().filter(|name| !name.is_empty());
                name.ok_or_else(|| bad("without a mailbox name"))?
            }
        };
        Ok(Self {
            name: MailboxName::from_wire(name)
                .ok_or_else(|| bad("whose mailbox name has a line break or NUL in it"))?,
            delimiter: first_char(delimiter),
            attributes: attributes.list().iter().filter_map(Value::text).collect(),
        })
    }

    /// Tells whether a response is about the root, which has an empty name: the answer to `LIST "" ""`.
    pub(super) fn is_root(values: &[Value<'_>]) -> bool {
        matches!(values, [_, _, Value::Text(name), ..] if name.is_empty())
    }

    /// Tells whether it has the attribute, such as `\Noselect`.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|has| has.eq_ignore_ascii_case(attribute))
    }

    /// Tells whether it can be opened.
    pub fn is_selectable(&self) -> bool {
        !self.has("\\Noselect") && !self.has("\\NonExistent")
    }

    /// Gives what the server says it is for.
    pub fn special_use(&self) -> Option<SpecialUse> {
        self.attributes.iter().find_map(|attribute| SpecialUse::from_attribute(attribute))
    }
}

pub(super) fn first_char(value: &Value<'_>) -> Option<char> {
    value.text().and_then(|text| text.chars().next())
}

/// What STATUS tells of a mailbox (RFC 3501 §7.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The mailbox.
    pub name: MailboxName,
    /// How many messages it has.
    pub messages: Option<u32>,
    /// How many of them arrived since somebody last looked.
    pub recent: Option<u32>,
    /// How many are not seen.
    pub unseen: Option<u32>,
    /// The next message's UID.
    pub uid_next: Option<Uid>,
    /// Whether UIDs still mean what they did.
    pub uid_validity: Option<UidValidity>,
}

impl MailboxStatus {
    pub(super) fn parse(values: &[Value<'_>]) -> Result<Self> {
        let bad = || Error::protocol("a STATUS response without a mailbox name");
        let [name, items, ..] = values else { return Err(bad()) };
        let name = name.bytes().and_then(MailboxName::from_wire).ok_or_else(bad)?;
        let item = |name: &str| {
            let mut pairs = items.list().chunks(2);
            let is = |value: &&[Value<'_>]| {
                value.first().and_then(Value::bytes).is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes()))
            };
            pairs.find(is)?.get(1)?.number().and_then(|number| u32::try_from(number).ok())
        };
        Ok(Self {
            messages: item("MESSAGES"),
            recent: item("RECENT"),
            unseen: item("UNSEEN"),
            uid_next: item("UIDNEXT").and_then(Uid::new),
            uid_validity: item("UIDVALIDITY").and_then(UidValidity::new),
            name,
        })
    }
}

/// A quota root: what several mailboxes share (RFC 2087).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoot {
    /// Its name; often empty.
    pub name: String,
    /// Each resource with what is used and what may be: `STORAGE` in units of 1,024 bytes, `MESSAGE` in
    /// messages.
    pub resources: Vec<(String, u64, u64)>,
}
