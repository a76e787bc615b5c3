use super::turns::moved;
use super::{Overlay, Turn};
use crate::error::Result;
use crate::imap::{ListEntry, Session};
use crate::mail::MailboxName;

impl Overlay {
    /// Lists mailboxes as they would be, or those that would be subscribed to.
    pub(in crate::engine) fn list(
        &self,
        session: &mut Session,
        pattern: &MailboxName,
        subscribed: bool,
    ) -> Result<Vec<ListEntry>> {
        let (turns, subscriptions) =
            self.planned(|planned| (planned.turns.clone(), planned.subscribed.clone()));
        if turns.is_empty() && subscriptions.is_empty() {
            return if subscribed { session.lsub(pattern) } else { session.list(pattern) };
        }
        let Some(everything) = MailboxName::from_wire(b"*") else { return Ok(Vec::new()) };
        let delimiter = session.namespaces()?.personal.delimiter;
        let mut entries = if subscribed {
            let mut entries = session.lsub(&everything)?;
            for (name, on) in subscriptions {
                entries.retain(|entry| entry.name != name);
                entries.extend(on.then(|| ListEntry { name, delimiter, attributes: Vec::new() }));
            }
            entries
        } else {
            // A turn concerns real mailboxes: what only stands above one comes and goes with what is beneath it.
            let mut entries = session.list(&everything)?;
            entries.retain(ListEntry::is_selectable);
            for turn in turns {
                take_turn(&mut entries, turn, delimiter);
            }
            with_levels(entries, delimiter)
        };
        entries.retain(|entry| matches(pattern.wire(), entry.name.wire(), delimiter));
        entries.sort_by(|a, b| a.name.wire().cmp(b.name.wire()));
        Ok(entries)
    }
}

fn take_turn(entries: &mut Vec<ListEntry>, turn: Turn, delimiter: Option<char>) {
    match turn {
        Turn::Created(name) => entries.push(ListEntry { name, delimiter, attributes: Vec::new() }),
        Turn::Deleted(name) => entries.retain(|entry| entry.name != name),
        Turn::Renamed { from, to, delimiter } => {
            for entry in entries {
                if let Some(name) = moved(&entry.name, &from, &to, delimiter) {
                    entry.name = name;
                }
            }
        }
    }
}

/// Adds the levels above mailboxes that are none themselves, and says of each whether it has something beneath it.
fn with_levels(mut entries: Vec<ListEntry>, delimiter: Option<char>) -> Vec<ListEntry> {
    let Some(byte) = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()) else { return entries };
    let mut above: Vec<MailboxName> = Vec::new();
    for entry in &entries {
        let wire = entry.name.wire();
        let ends = wire.iter().enumerate().filter(|(_, at)| **at == byte).map(|(end, _)| end);
        for name in ends.filter_map(|end| MailboxName::from_wire(wire.get(..end)?)) {
            if !above.contains(&name) {
                above.push(name);
            }
        }
    }
    for name in &above {
        if entries.iter().all(|entry| entry.name != *name) {
            let attributes = vec!["\\Noselect".to_owned()];
            entries.push(ListEntry { name: name.clone(), delimiter, attributes });
        }
    }
    for entry in &mut entries {
        let says = |attribute: &String| {
            ["\\HasChildren", "\\HasNoChildren"].iter().any(|says| attribute.eq_ignore_ascii_case(says))
        };
        entry.attributes.retain(|attribute| !says(attribute));
        let has = if above.contains(&entry.name) { "\\HasChildren" } else { "\\HasNoChildren" };
        entry.attributes.push(has.to_owned());
    }
    entries
}

/// Matches a name with a pattern of LIST (RFC 3501 §6.3.8): `*` is anything, `%` anything within a level.
fn matches(pattern: &[u8], name: &[u8], delimiter: Option<char>) -> bool {
    let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
    // The rests of the name that what was read of the pattern may leave.
    let mut rests = vec![0];
    for sign in pattern {
        let mut next: Vec<usize> = Vec::new();
        for &at in &rests {
            match (sign, name.get(at)) {
                (b'*' | b'%', _) => {
                    let rest = name.get(at..).unwrap_or_default();
                    let far = match sign {
                        b'*' => rest.len(),
                        _ => rest.iter().position(|byte| Some(*byte) == delimiter).unwrap_or(rest.len()),
                    };
                    next.extend(at..=at + far);
                }
                (sign, Some(byte)) if sign == byte => next.push(at + 1),
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        rests = next;
    }
    rests.contains(&name.len())
        || pattern.eq_ignore_ascii_case(b"INBOX") && name.eq_ignore_ascii_case(b"INBOX")
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_those_of_list() {
        let is = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes(), Some('/'));
        assert!(is("*", "a/b") && is("%", "a") && !is("%", "a/b") && is("a/%", "a/b") && is("a*c", "a/b/c"));
        assert!(
            !is("a", "ab")
                && !is("a/%", "a")
                && is("%/%", "a/b")
                && !is("%/%", "a/b/c")
                && is("inbox", "INBOX")
        );
    }
}
