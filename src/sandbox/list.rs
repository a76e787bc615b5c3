use std::collections::BTreeSet;

use super::account::Account;
use super::capability::Capabilities;
use super::extension::ListExtended;
use super::quote;
use crate::mail::MailboxName;

/// The longest pattern that is tried: a longer one matches no name.
const PATTERN_MAX: usize = 1000;

/// Answers LIST (RFC 3501 §6.3.8; RFC 5258 where `extended`). `None` for an option that is not offered.
pub(super) fn list(
    account: &Account,
    capabilities: &Capabilities,
    reference: &[u8],
    pattern: &[u8],
    extended: Option<&ListExtended>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let basic = ListExtended::default();
    let options = extended.unwrap_or(&basic);
    let special_use = capabilities.has("SPECIAL-USE");
    let known = |option: &String, all: &[&str]| {
        all.contains(&option.as_str()) && (option != "SPECIAL-USE" || special_use)
    };
    let selection = ["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"];
    let returns = ["SUBSCRIBED", "CHILDREN", "SPECIAL-USE"];
    let selects = |name: &str| options.selection.iter().any(|option| option == name);
    let (subscribed, special) = (selects("SUBSCRIBED"), selects("SPECIAL-USE"));
    if !options.selection.iter().all(|o| known(o, &selection))
        || !options.returns.iter().all(|o| known(o, &returns))
        || (selects("RECURSIVEMATCH") && !subscribed && !special)
    {
        return None;
    }
    if extended.is_none() && pattern.is_empty() {
        // The question for the delimiter.
        row(out, "LIST", "\\Noselect", account.delimiter, b"");
        return Some(());
    }
    let patterns = if extended.is_some() { options.patterns.clone() } else { vec![pattern.to_vec()] };
    let wanted = |name: &MailboxName| {
        patterns.iter().any(|pattern| matches(account, &[reference, pattern].concat(), name))
    };
    let selected = |name: &MailboxName| {
        let use_of = account.mailboxes.get(name).and_then(|mailbox| mailbox.special_use);
        (!subscribed || account.subscribed.contains(name)) && (!special || use_of.is_some())
    };
    for name in names(account, subscribed) {
        if !wanted(&name) {
            continue;
        }
        let below = |other: &MailboxName| selected(other) && account.parents(other).contains(&name);
        let candidates = || account.mailboxes.keys().chain(account.subscribed.iter());
        let child_info = subscribed && selects("RECURSIVEMATCH") && candidates().any(below);
        if !selected(&name) && !child_info {
            continue;
        }
        let mut attributes = Vec::new();
        if !account.mailboxes.contains_key(&name) {
            attributes.push(if extended.is_some() { "\\NonExistent" } else { "\\Noselect" });
        }
        if subscribed || options.returns.iter().any(|option| option == "SUBSCRIBED") {
            attributes.extend(account.subscribed.contains(&name).then_some("\\Subscribed"));
        }
        if capabilities.has("CHILDREN") {
            attributes.push(if account.has_children(&name) { "\\HasChildren" } else { "\\HasNoChildren" });
        }
        if special_use {
            attributes.extend(account.mailboxes.get(&name).and_then(|mailbox| mailbox.special_use));
        }
        row(out, "LIST", &attributes.join(" "), account.delimiter, name.wire());
        if child_info {
            out.truncate(out.len() - 2);
            out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
        }
    }
    Some(())
}

/// Answers LSUB (RFC 3501 §6.3.9).
pub(super) fn lsub(account: &Account, reference: &[u8], pattern: &[u8], out: &mut Vec<u8>) {
    let pattern = [reference, pattern].concat();
    // With `%`, the level above a subscribed name stands for it.
    let mut shown: BTreeSet<(MailboxName, bool)> = BTreeSet::new();
    for name in &account.subscribed {
        if matches(account, &pattern, name) {
            shown.insert((name.clone(), true));
        } else if pattern.ends_with(b"%") {
            let above = account.parents(name).into_iter().filter(|p| !account.subscribed.contains(p));
            shown.extend(
                above.filter(|parent| matches(account, &pattern, parent)).map(|parent| (parent, false)),
            );
        }
    }
    for (name, real) in shown {
        row(out, "LSUB", if real { "" } else { "\\Noselect" }, account.delimiter, name.wire());
    }
}

/// Gives all names there are to list: mailboxes, the levels above them, and if asked for, names that
/// are subscribed to and don't exist.
fn names(account: &Account, subscribed: bool) -> BTreeSet<MailboxName> {
    let mut names: BTreeSet<MailboxName> = account.mailboxes.keys().cloned().collect();
    if subscribed {
        names.extend(account.subscribed.iter().cloned());
    }
    let parents: Vec<_> = names.iter().flat_map(|name| account.parents(name)).collect();
    names.extend(parents);
    names
}

fn row(out: &mut Vec<u8>, kind: &str, attributes: &str, delimiter: char, name: &[u8]) {
    out.extend_from_slice(format!("* {kind} ({attributes}) ").as_bytes());
    quote::string(out, delimiter.to_string().as_bytes());
    out.push(b' ');
    quote::astring(out, name);
    out.extend_from_slice(b"\r\n");
}

fn matches(account: &Account, pattern: &[u8], name: &MailboxName) -> bool {
    let delimiter = u8::try_from(account.delimiter).unwrap_or(b'/');
    if name.is_inbox() {
        return wildcard(&pattern.to_ascii_uppercase(), name.wire(), delimiter);
    }
    wildcard(pattern, name.wire(), delimiter)
}

/// Matches `*` (anything) and `%` (anything but the delimiter) in time that a pattern can't blow up:
/// `ends[n]` tells whether the pattern so far matches the first n bytes of the name.
fn wildcard(pattern: &[u8], name: &[u8], delimiter: u8) -> bool {
    if pattern.len() > PATTERN_MAX {
        return false;
    }
    let mut ends = vec![false; name.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    for &wanted in pattern {
        let mut next = Vec::with_capacity(ends.len());
        let mut before: Option<(bool, bool)> = None;
        for (at, &here) in ends.iter().enumerate() {
            let byte = at.checked_sub(1).and_then(|at| name.get(at)).copied();
            let (ended, result) = before.unwrap_or((false, false));
            let matched = match wanted {
                b'*' => here || result,
                b'%' => here || (result && byte != Some(delimiter)),
                other => ended && byte == Some(other),
            };
            next.push(matched);
            before = Some((here, matched));
        }
        ends = next;
    }
    ends.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn percent_stops_at_the_delimiter() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "ab", true),
            ("%/%", "a/b", true),
            ("a*c", "a/b/c", true),
            ("a%c", "a/c", false),
            ("INBOX", "INBOX", true),
            ("INBOX", "INBOX2", false),
            ("", "", true),
            ("", "a", false),
            ("*%b", "a/ab", true),
            ("a/%", "a/", true),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes(), b'/'), expected, "{pattern} {name}");
        }
        assert!(!wildcard(&b"*a".repeat(400), &[b'a'; 300], b'/'));
    }
}
