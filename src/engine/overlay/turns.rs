use crate::mail::{MailboxName, UidValidity};

/// A planned change to the mailboxes themselves. The names are the server's own, as they would be when its turn has
/// come.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Turn {
    /// A mailbox is made.
    Created(MailboxName),
    /// A mailbox is deleted.
    Deleted(MailboxName),
    /// A mailbox, and what is beneath it, gets another name.
    Renamed {
        from: MailboxName,
        to: MailboxName,
        /// What joins levels.
        delimiter: Option<char>,
    },
}

/// What is behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Key {
    /// A mailbox of the server's, by its real name.
    Server(MailboxName),
    /// A mailbox that is to be made, by the number of its turn.
    New(usize),
}

impl Key {
    fn order(&self) -> (Option<&[u8]>, usize) {
        match self {
            Self::Server(name) => (Some(name.wire()), 0),
            Self::New(number) => (None, *number),
        }
    }

    /// Gives what the UIDs are worth of a mailbox that is to be made; what they are elsewhere is the server's to say.
    pub(super) fn validity(&self) -> Option<UidValidity> {
        match self {
            Self::Server(_) => None,
            Self::New(number) => validity(*number),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// Follows a name back through the turns, the last one first. `None` where there is no mailbox of that name.
pub(super) fn place(turns: &[Turn], name: &MailboxName) -> Option<Key> {
    let mut name = name.clone();
    for (number, turn) in turns.iter().enumerate().rev() {
        match turn {
            Turn::Created(created) if *created == name => return Some(Key::New(number)),
            Turn::Deleted(deleted) if *deleted == name => return None,
            Turn::Created(_) | Turn::Deleted(_) => {}
            Turn::Renamed { from, to, delimiter } => {
                if let Some(before) = moved(&name, to, from, *delimiter) {
                    name = before;
                } else if moved(&name, from, to, *delimiter).is_some() {
                    return None;
                }
            }
        }
    }
    Some(Key::Server(name))
}

/// Gives what a name becomes where `from` is renamed to `to`; `None` where that does not concern it.
pub(super) fn moved(
    name: &MailboxName,
    from: &MailboxName,
    to: &MailboxName,
    delimiter: Option<char>,
) -> Option<MailboxName> {
    let rest = name.wire().strip_prefix(from.wire())?;
    let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
    if !rest.is_empty() && rest.first().copied() != delimiter {
        return None;
    }
    MailboxName::from_wire(&[to.wire(), rest].concat())
}

/// Tells whether a name is beneath a mailbox, or is its own.
pub(in crate::engine) fn is_beneath(
    name: &MailboxName,
    mailbox: &MailboxName,
    delimiter: Option<char>,
) -> bool {
    moved(name, mailbox, mailbox, delimiter).is_some()
}

/// Gives what the UIDs of a mailbox that is to be made are worth: of each something else.
pub(super) fn validity(number: usize) -> Option<UidValidity> {
    UidValidity::new(u32::MAX - u32::try_from(number).unwrap_or(0))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Key, MailboxName, Turn, place};

    #[test]
    fn a_name_is_followed_back() {
        let name = |text: &str| MailboxName::new(text).unwrap();
        let turns = [
            Turn::Created(name("New")),
            Turn::Renamed { from: name("Old"), to: name("Older"), delimiter: Some('/') },
            Turn::Renamed { from: name("New"), to: name("Newer"), delimiter: Some('/') },
            Turn::Deleted(name("Gone")),
            Turn::Created(name("Old")),
        ];
        let at = |text: &str| place(&turns, &name(text));
        assert_eq!(at("INBOX"), Some(Key::Server(name("INBOX"))));
        assert_eq!(at("Newer"), Some(Key::New(0)));
        assert_eq!(at("New"), None);
        assert_eq!(at("Older/2024"), Some(Key::Server(name("Old/2024"))));
        assert_eq!(at("Old/2024"), None);
        assert_eq!(at("Oldest"), Some(Key::Server(name("Oldest"))));
        assert_eq!(at("Old"), Some(Key::New(4)));
        assert_eq!(at("Gone"), None);
    }
}
