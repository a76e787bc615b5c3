//! Long sets of UIDs travel in commands that every server takes (RFC 2683 §3.2.1.5).

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use std::fs;
use tempfile::TempDir;

/// The longest command the client sent, without its literals.
fn longest_command(trace: &str) -> usize {
    let commands = trace.lines().filter_map(|line| line.split_once(" C: "));
    commands.map(|(_, command)| command.len()).max().unwrap()
}

on_both!(two_thousand_scattered_messages_are_searched_marked_and_moved, |server| {
    let mail = |n: usize| {
        let mail = Mail::new(&format!("m{n}")).from(if n.is_multiple_of(2) {
            "even@example.org"
        } else {
            "odd@example.org"
        });
        if n.is_multiple_of(2) { mail } else { mail.flag("\\Flagged") }
    };
    let messages: Vec<_> = (1..=4_000).map(mail).collect();
    let mut observer = server.observe();
    observer.append_many("INBOX", &messages);
    observer.ensure("Box");
    let directory = TempDir::new().unwrap();
    let trace = directory.path().join("trace");
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local found = inbox:search { flagged = true }
        print(#found, #inbox:search { uid = found.uids }, #inbox:search { except = { uid = found.uids } })
        print(#found:mark "$Seen-by-us")
        local count = 0
        for message in found:messages() do count = count + 1 end
        print(count)
        local report = found:move("Box", { limit = 2000 })
        print(#report, #report.moved, #report.skipped)
        print(#inbox:all())
        "#,
    )
    .on(server)
    .options(&["-q", "--trace", trace.to_str().unwrap()])
    .stdout("2000\t2000\t2000\n2000\n2000\n2000\t2000\t0\n2000\n")
    .stderr("")
    .run();
    let trace = fs::read_to_string(trace).unwrap();
    let longest = longest_command(&trace);
    assert!((4_000..8_000).contains(&longest), "{longest} bytes");
    let mut left = server.observe().messages("INBOX");
    assert_eq!(left.len(), 2_000);
    assert!(left.drain(..).all(|message| message.flags.is_empty()));
    let moved = server.observe().messages("Box");
    assert!(moved.len() == 2_000 && moved.iter().all(|it| it.flags == ["$Seen-by-us", "\\Flagged"]));
});

on_both!(a_long_list_of_senders_is_judged_here, |server| {
    let mail = |n: usize| Mail::new(&format!("m{n}")).from(&format!("somebody-{n}@mail.example.org"));
    server.observe().append_many("INBOX", &(0..100).map(mail).collect::<Vec<_>>());
    let directory = TempDir::new().unwrap();
    let trace = directory.path().join("trace");
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local senders = {}
        for n = 50, 1500 do senders[#senders + 1] = ("SOMEBODY-%d@mail.example.org"):format(n) end
        print(#inbox:search { from = senders }, #inbox:search { except = { from = senders } })
        print(#inbox:search { from = senders, subject = "m99" })
        "#,
    )
    .on(server)
    .options(&["--trace", trace.to_str().unwrap()])
    .changes_nothing()
    .stdout("50\t50\n1\n")
    .stderr("")
    .run();
    let longest = longest_command(&fs::read_to_string(trace).unwrap());
    assert!(longest < 8_000, "{longest} bytes");
});
