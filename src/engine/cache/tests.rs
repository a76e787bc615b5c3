use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::{AccountRow, Cache, Kept, MailboxName, Measure, OwnCache, Task, UidValidity};
use crate::mail::{BodyStructure, InternalDate, Uid, UidSet};

fn row(user: &str) -> AccountRow {
    AccountRow { identity: user.to_owned(), label: String::new(), connection: "{}".to_owned() }
}

fn kept(header: &str) -> Kept {
    let date = InternalDate::parse("17-Jul-1996 02:44:25 -0700");
    Kept { size: 1 << 40, date, header: header.as_bytes().to_vec(), structure: None }
}

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn validity(number: u32) -> UidValidity {
    UidValidity::new(number).unwrap()
}

/// What is known of a mailbox among all its messages.
fn known(cache: &OwnCache, mailbox: &str, number: u32, items: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let shelf = cache.shelf(&name(mailbox), validity(number), items).unwrap();
    let all = UidSet::range(Uid::MIN, Uid::MAX);
    let uids =
        shelf.each(&all, |uid, kept: Kept| found.push((uid.get(), String::from_utf8(kept.header).unwrap())));
    assert_eq!(uids.len(), found.len());
    found
}

fn keep(cache: &OwnCache, mailbox: &str, number: u32, items: &str, messages: &[(u32, &str)]) {
    let mut shelf = cache.shelf(&name(mailbox), validity(number), items).unwrap();
    for (uid, header) in messages {
        shelf.keep(Uid::new(*uid).unwrap(), &kept(header));
    }
}

#[test]
fn each_has_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let [me, you] = ["me", "you"].map(|user| OwnCache::new(Arc::clone(&cache), &row(user)));
    keep(&me, "a", 1, "x", &[(1, "one"), (u32::MAX, "last")]);
    keep(&you, "a", 1, "x", &[(1, "yours")]);
    keep(&me, "a", 1, "y", &[(2, "other")]);
    keep(&me, "b", 1, "x", &[(3, "b")]);
    assert_eq!(known(&me, "a", 1, "x"), [(1, "one".to_owned()), (u32::MAX, "last".to_owned())]);
    assert_eq!(known(&you, "a", 1, "x"), [(1, "yours".to_owned())]);
    assert!(me.knows(&name("a"), "y") && !you.knows(&name("b"), "x") && !me.knows(&name("b"), "y"));
    // Another validity forgets the mailbox, for good.
    assert_eq!(known(&me, "a", 2, "x"), []);
    assert_eq!(known(&me, "a", 1, "x"), []);
    assert_eq!(known(&me, "a", 1, "y"), []);
    assert_eq!(known(&you, "a", 1, "x"), [(1, "yours".to_owned())]);
    assert_eq!(known(&me, "b", 1, "x"), [(3, "b".to_owned())]);
}

#[test]
fn all_that_was_told_is_found_again() {
    let home = tempfile::tempdir().unwrap();
    let cache = OwnCache::new(Arc::new(Cache::open(home.path()).unwrap()), &row("a"));
    let file =
        BodyStructure::leaf("application", "pdf", vec![("name".into(), "é\0.pdf".into())], "base64", 9);
    let text = BodyStructure::leaf("text", "plain", Vec::new(), "7bit", 3);
    let structure = BodyStructure::multipart(vec![text, file], "mixed", Vec::new()).number();
    let deep =
        (0..100).fold(structure.clone(), |part, _| BodyStructure::multipart(vec![part], "x", Vec::new()));
    let given = [
        Kept { structure: Some(structure), ..kept("Subject: a\r\n\r\n") },
        Kept { date: None, ..kept("") },
        // What is too deep to be read back, or too large, is asked for again.
        Kept { structure: Some(deep.number()), ..kept("Subject: a\r\n\r\n") },
        kept(&"x".repeat(65 << 10)),
    ];
    let mut shelf = cache.shelf(&name("INBOX"), validity(1), "items").unwrap();
    for (uid, kept) in (1..).zip(&given) {
        shelf.keep(Uid::new(uid).unwrap(), kept);
    }
    drop(shelf);
    let shelf = cache.shelf(&name("INBOX"), validity(1), "items").unwrap();
    let mut found = Vec::new();
    shelf.each(&UidSet::range(Uid::MIN, Uid::MAX), |_, kept: Kept| found.push(kept));
    assert_eq!(found, given[..2]);
}

#[test]
fn all_of_a_large_mailbox_is_found_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let me = OwnCache::new(Arc::clone(&cache), &row("me"));
    let all: Vec<_> = (1..=2500).map(|n| (n * 3, "h")).collect();
    keep(&me, "a", 1, "x", &all);
    assert_eq!(known(&me, "a", 1, "x").len(), 2500);
    let shelf = me.shelf(&name("a"), validity(1), "x").unwrap();
    for (wanted, found) in
        [("1:2,4,7500", "7500"), ("3,5:6,3000:3006,9999", "3,6,3000,3003,3006"), ("8000:*", "")]
    {
        let wanted = UidSet::parse(&wanted.replace('*', "4294967295")).unwrap();
        let mut met = Vec::new();
        let uids = shelf.each(&wanted, |uid, it: Kept| met.push((uid, it)));
        assert_eq!(uids.to_string(), found);
        assert!(met.iter().all(|(uid, it)| uids.contains(*uid) && *it == kept("h")));
    }
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let me = OwnCache::new(Arc::clone(&cache), &row("me"));
    let header = "h".repeat(2000);
    let messages: Vec<_> = (1..=500).map(|n| (n, header.as_str())).collect();
    for mailbox in ["a", "b", "c"] {
        keep(&me, mailbox, 1, "x", &messages);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    cache.shrink_to(8 << 20);
    assert_eq!(["a", "b", "c"].map(|mailbox| me.knows(&name(mailbox), "x")), [true; 3]);
    assert_eq!(known(&me, "a", 1, "x").len(), 500);
    cache.shrink_to(2 << 20);
    assert_eq!(["a", "b", "c"].map(|mailbox| me.knows(&name(mailbox), "x")), [true, false, false]);
    assert_eq!(known(&me, "a", 1, "x").len(), 500);
}

#[test]
fn two_runs_have_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two] = [(); 2].map(|()| {
        let cache = Arc::new(Cache::open(directory.path()).unwrap());
        OwnCache::new(cache, &row("me"))
    });
    let mut late = one.shelf(&name("a"), validity(1), "x").unwrap();
    late.keep(Uid::MIN, &kept("old"));
    keep(&two, "a", 2, "x", &[(1, "new")]);
    // The other run has met the mailbox that came after this one's.
    drop(late);
    assert_eq!(known(&two, "a", 2, "x"), [(1, "new".to_owned())]);
    // Deleted beneath both, and made again by a third.
    fs::remove_file(directory.path().join("cache.db")).unwrap();
    let three = OwnCache::new(Arc::new(Cache::open(directory.path()).unwrap()), &row("me"));
    keep(&three, "a", 2, "x", &[(1, "new"), (2, "newer")]);
    assert_eq!(known(&three, "a", 2, "x").len(), 2);
}

#[test]
fn what_took_how_long_is_known_of_each_account_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let [me, you] = ["me", "you"].map(|user| OwnCache::new(Arc::clone(&cache), &row(user)));
    let measure = |seconds, messages| Measure { time: Duration::from_secs(seconds), messages };
    let (a, b) = (name("a"), name("b"));
    let [search, fetch] = [Task::Search(&a, "FROM"), Task::Fetch("(FLAGS)")];
    me.keep_measure(search, measure(1, 10));
    me.keep_measure(search, measure(2, 20));
    me.keep_measure(fetch, measure(3, 30));
    // What can't be true is not believed.
    for wrong in [measure(0, 10), measure(3601, 10), measure(u64::MAX, 10), measure(1, 0)] {
        me.keep_measure(search, wrong);
    }
    assert_eq!((me.measured(search), me.measured(fetch)), (Some(measure(2, 20)), Some(measure(3, 30))));
    for other in [Task::Search(&b, "FROM"), Task::Search(&a, "TO"), Task::Fetch("(UID)")] {
        assert_eq!(me.measured(other), None);
    }
    assert_eq!(you.measured(search), None);
    for wrong in ["nanoseconds = -1", "nanoseconds = 0", "nanoseconds = 1 << 62", "messages = 1 << 40"] {
        me.keep_measure(search, measure(2, 20));
        cache.with(|db| db.execute(&format!("UPDATE measures SET {wrong}"), [])).unwrap();
        assert_eq!(me.measured(search), None, "{wrong}");
    }
}

#[test]
fn only_so_many_measures_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let me = OwnCache::new(Arc::clone(&cache), &row("me"));
    let measure = Measure { time: Duration::from_secs(1), messages: 1 };
    let items = |number: u32| format!("{number}");
    for number in 0..1010 {
        me.keep_measure(Task::Fetch(&items(number)), measure);
        let sql = "UPDATE measures SET taken = ?1 WHERE taken > 1000000";
        cache.with(|db| db.execute(sql, [number])).unwrap();
    }
    cache.tidy();
    let left = (0..1010).filter(|number| me.measured(Task::Fetch(&items(*number))).is_some());
    assert!(left.eq(10..1010));
}
