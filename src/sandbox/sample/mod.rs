//! The sample mail: five years of one person's mailboxes, the same for every user and every time,
//! but for its dates, which count back from `now`.

mod encode;
mod letter;
mod machines;
mod newsletters;
mod oddities;
mod people;
mod shops;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use crate::mail::MailboxName;
use letter::Letter;

/// The mailboxes beside INBOX, and what they are for (RFC 6154).
const MAILBOXES: [(&str, Option<&str>); 8] = [
    ("Archive", Some("\\Archive")),
    ("Sent", Some("\\Sent")),
    ("Drafts", Some("\\Drafts")),
    ("Junk", Some("\\Junk")),
    ("Trash", Some("\\Trash")),
    ("Work", None),
    ("Family", None),
    ("Family/Photos", None),
];

/// Fills a new account with the sample mail.
pub(super) fn fill(account: &mut Account, now: Timestamp) {
    for (name, special_use) in MAILBOXES {
        if account.gmail.is_some() && special_use.is_some() {
            continue;
        }
        let Some(name) = server_name(account, name) else { continue };
        if account.create(&name).is_err() {
            continue;
        }
        account.subscribed.insert(name.clone());
        if let Some(mailbox) = account.mailboxes.get_mut(&name) {
            mailbox.special_use = special_use;
        }
    }
    for letter in letters() {
        let date = now.checked_sub(SignedDuration::from_mins(letter.age)).unwrap_or(now);
        let date = date.to_zoned_datetime(letter.zone());
        let Some(name) = server_name(account, letter.mailbox) else { continue };
        // A new account has room for it, and the mailbox was made above.
        let _ = account.append(&name, letter.render(&date), letter.flags.clone(), date);
    }
}

/// Gives all letters, oldest first.
fn letters() -> Vec<Letter> {
    let mut letters = Vec::new();
    letters.extend(machines::letters());
    letters.extend(newsletters::letters());
    letters.extend(shops::letters());
    letters.extend(people::letters());
    letters.extend(oddities::letters());
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.age));
    letters
}

fn server_name(account: &Account, name: &str) -> Option<MailboxName> {
    if name == "INBOX" {
        return Some(MailboxName::inbox());
    }
    let gmails = match name {
        "Archive" => Some("[Gmail]/All Mail"),
        "Sent" => Some("[Gmail]/Sent Mail"),
        "Drafts" => Some("[Gmail]/Drafts"),
        "Junk" => Some("[Gmail]/Spam"),
        "Trash" => Some("[Gmail]/Trash"),
        _ => None,
    };
    if let Some(name) = gmails.filter(|_| account.gmail.is_some()) {
        return MailboxName::new(name);
    }
    let name = name.replace('/', &account.delimiter.to_string());
    MailboxName::new(&format!("{}{name}", account.prefix))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::collections::BTreeSet;

    use super::super::header;
    use super::{Account, fill, letters};
    use crate::mail::{Flag, MailboxName};

    fn filled(delimiter: char, prefix: &str) -> Account {
        let mut account = Account::new("sam", delimiter, prefix);
        fill(&mut account, "2026-11-23T12:00:00Z".parse().unwrap());
        account
    }

    #[test]
    fn it_is_five_years_of_about_two_hundred_messages_and_always_the_same() {
        let (one, two) = (filled('/', ""), filled('/', ""));
        assert_eq!(format!("{:?}", one.mailboxes), format!("{:?}", two.mailboxes));
        let count: usize = one.mailboxes.values().map(|mailbox| mailbox.messages.len()).sum();
        assert!((190..260).contains(&count), "{count}");
        let oldest = one.mailboxes.values().flat_map(|m| &m.messages).map(|m| m.internal_date.date()).min();
        assert!(oldest.unwrap().to_string().starts_with("2021"), "{oldest:?}");
        assert!(
            one.mailboxes
                .values()
                .all(|mailbox| !mailbox.messages.is_empty() || mailbox.special_use.is_none())
        );
        assert!(
            filled('.', "INBOX.").mailboxes.contains_key(&MailboxName::new("INBOX.Family.Photos").unwrap())
        );
    }

    #[test]
    fn lines_end_with_crlf_and_dates_fall() {
        for letter in letters() {
            let date =
                "2026-11-23T12:00:00Z".parse::<jiff::Timestamp>().unwrap().to_zoned_datetime(letter.zone());
            let raw = letter.render(&date);
            let bare =
                raw.iter().zip([0].iter().chain(&raw)).any(|(&b, &before)| b == b'\n' && before != b'\r');
            assert!(!bare && !raw.is_empty() && !raw.contains(&0), "{}", String::from_utf8_lossy(&raw));
        }
    }

    #[test]
    fn encoded_subjects_decode() {
        let account = filled('/', "");
        let subjects: BTreeSet<String> = account
            .mailboxes
            .values()
            .flat_map(|mailbox| &mailbox.messages)
            .filter_map(|message| message.content.root().field(message.raw(), "Subject"))
            .map(|value| header::decode(&value))
            .collect();
        for expected in
            ["会議室の予約について", "Привет из Карелии!", "照片在这里", "Grüße aus Zürich – Käse inklusive"]
        {
            assert!(subjects.contains(expected), "{expected} is not in {subjects:#?}");
        }
        let flags: BTreeSet<&Flag> =
            account.mailboxes.values().flat_map(|m| &m.messages).flat_map(|m| &m.flags).collect();
        assert!(flags.contains(&Flag::Flagged) && flags.contains(&Flag::parse("$Forwarded").unwrap()));
    }
}
