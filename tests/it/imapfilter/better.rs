//! Where imapfilter would lose mail, and we do what its manual says: these are the known differences, and the only ones.

use super::case::{Case, mail};

/// Runs both and gives how many messages INBOX has after each, ours first.
#[track_caller]
fn left(source: &str, note: &str) -> (usize, usize) {
    let case = Case::new(source);
    let (ours, theirs) = (case.ours(), case.theirs());
    assert!(note.is_empty() || ours.output.stderr.contains(note), "{note} is not in {}", ours.output);
    let count =
        |snapshot| mail(snapshot).iter().filter(|(name, id, _)| *name == "INBOX" && !id.is_empty()).count();
    (count(&ours.after), count(&theirs.after))
}

#[test]
fn a_search_among_no_messages_finds_none() {
    let source = "local none = account.INBOX:contain_from('nobody at all')\n\
                  local list = {} for _, m in ipairs(none) do list[#list + 1] = m end\n\
                  account.INBOX:is_seen(list):delete_messages()";
    assert_eq!(left(source, "a search among no messages finds none"), (7, 5));
}

#[test]
fn a_refused_search_is_an_error() {
    let source = "local keep = account.INBOX:send_query('NONSENSE')\n\
                  local rest = account.INBOX:select_all() - keep\n\
                  rest:delete_messages()";
    assert_eq!(left(source, ""), (7, 0));
}

#[test]
fn a_pattern_that_is_none_is_an_error() {
    let source = ";(account.INBOX:select_all() - account.INBOX:match_from('(')):delete_messages()";
    assert_eq!(left(source, ""), (7, 0));
}

#[test]
fn a_pattern_that_takes_too_long_is_an_error() {
    let long = |server: &crate::server::Server| {
        server.seed("INBOX", &[crate::mail::Mail::new(&format!("{}!", "a".repeat(40)))]);
    };
    let pattern = "^(?:(a|aa)+)\\\\1b?$";
    let source = format!(
        "print(pcall(regex_search, '{pattern}', ('a'):rep(40) .. '!'))\n\
         local named = account.INBOX:match_subject('{pattern}')\n\
         local rest = account.INBOX:select_all() - named\n\
         rest:delete_messages()"
    );
    let case = Case::new(&source).prepare(long);
    let ran = case.ours();
    let told = "`^(?:(a|aa)+)\\1b?$` takes too long: more than 10000000 steps on one text";
    assert_eq!(ran.output.stdout, format!("false\t{told}\n"));
    assert_eq!((ran.output.status, ran.after.mailboxes["INBOX"].len()), (Some(2), 8), "{}", ran.output);
    assert!(ran.output.stderr.starts_with(&format!("error: {told}\n")), "{}", ran.output);
}

#[test]
fn quotes_are_no_syntax() {
    let source = ";(account.INBOX:select_all() - account.INBOX:contain_subject('a \"b\"')):delete_messages()";
    // Both delete all, but imapfilter also where the text is there.
    assert_eq!(left(source, ""), (0, 0));
}

#[test]
fn only_named_messages_are_removed() {
    let marked = |server: &crate::server::Server| {
        let mut observer = server.observe();
        observer.ok("SELECT INBOX");
        observer.ok("UID STORE 6 +FLAGS (\\Deleted)");
    };
    for (source, ours, theirs) in [
        ("account.INBOX:contain_from('ann'):delete_messages()", 6, 5),
        ("account.INBOX:contain_from('ann'):move_messages(account['Junk mail'])", 6, 5),
        ("account.INBOX:contain_from('ann'):unmark_deleted()", 7, 6),
        ("print(#account.INBOX:is_seen(), account.INBOX:check_status())", 7, 6),
    ] {
        let case = Case::new(source).prepare(marked);
        let count = |snapshot| {
            mail(snapshot).iter().filter(|(name, id, _)| *name == "INBOX" && !id.is_empty()).count()
        };
        let after = (count(&case.ours().after), count(&case.theirs().after));
        assert_eq!(after, (ours, theirs), "{source}");
    }
}

#[test]
fn a_keyword_is_looked_for_among_the_messages_given() {
    let case = Case::new(
        "print(#account.INBOX:has_keyword('Work', account.INBOX:is_seen()), #account.INBOX:is_seen():has_keyword('Work'))",
    );
    assert_eq!(case.ours().output.stdout, "0\t0\n");
}
