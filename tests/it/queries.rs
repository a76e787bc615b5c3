//! Every key of a query finds the same messages on every server.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// A date as APPEND takes it, this many hours ago.
fn hours_ago(hours: i64) -> String {
    let then = Timestamp::now().to_zoned_datetime(TimeZone::UTC).saturating_sub(hours.hours());
    then.strftime("%d-%b-%Y %H:%M:%S %z").to_string()
}

/// Ten messages, whose UIDs are 1 to 10.
fn seed(server: &Server) {
    let mail = |subject: &str| Mail::new(subject).sent("Mon, 05 Feb 2024 09:00:00 +0000");
    server.seed(
        "INBOX",
        &[
            mail("Lunch").from("Ann Bell <ann@example.org>").date("10-Jan-2024 12:00:00 +0000"),
            mail("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= =?UTF-8?Q?_aus_Wien?=").body("Servus.\r\n"),
            mail("=?KOI8-R?B?8NLJ18XU?=")
                .from("=?UTF-8?Q?J=C3=BCrgen?= <j@example.de>")
                .header("Content-Type", "text/plain; charset=utf-8")
                .header("Content-Transfer-Encoding", "base64")
                .body("S8Okc2Vrcm9ubGVpbg==\r\n"),
            mail("Issue 7")
                .header("List-Id", "Night Sky <notes.nightsky.example>")
                .header("Cc", "cecil@example.org")
                .header("Reply-To", "answers@example.net")
                .header("X-Spam-Flag", "YES"),
            mail("Big").header("Bcc", "hidden@example.com").body(&"0123456789\r\n".repeat(2_000)),
            mail("Flags").flag("\\Seen").flag("\\Answered").flag("\\Flagged").flag("\\Draft").flag("$Work"),
            mail("Gone").flag("\\Deleted"),
            mail("Fresh").date(&hours_ago(2)).sent("Wed, 07 Feb 2024 09:00:00 +0000"),
            mail("Yesterday").date(&hours_ago(30)).sent("Tue, 06 Feb 2024 09:00:00 +0000"),
            mail("say \"hi\" \\ {5} (*)").from("\"Quote, The \\\"Q\\\"\" <q@example.org>"),
        ],
    );
}

/// Each query of the list, with the UIDs it must find.
const CASES: &str = r#"
{ { from = "ANN@example" }, "1" },
{ { from = "bell" }, "1" },
{ { from = "jürgen" }, "3" },
{ { from = "quote, the" }, "10" },
{ { from = { "ann@", "q@" } }, "1 10" },
{ { from = {} }, "" },
{ { to = "me@example.org", uid = "1:2" }, "1 2" },
{ { cc = "cecil" }, "4" },
{ { bcc = "hidden" }, "5" },
{ { reply_to = "answers@example.net" }, "4" },
{ { recipient = { "cecil@", "hidden@" } }, "4 5" },
{ { subject = "lunch" }, "1" },
{ { subject = "GRÜSSE" }, "" },
{ { subject = "grüße aus wien" }, "2" },
{ { subject = "Привет" }, "3" },
{ { subject = "say \"hi\" \\ {5} (*)" }, "10" },
{ { body = "servus" }, "2" },
{ { body = "käsekronlein" }, "3" },
{ { body = "7890123" }, "" },
{ { text = "servus" }, "2" },
{ { text = "nightsky" }, "4" },
{ { header = { ["X-Spam-Flag"] = "yes" } }, "4" },
{ { header = { ["x-spam-flag"] = true } }, "4" },
{ { header = { ["X-Spam-Flag"] = false }, uid = "3:5" }, "3 5" },
{ { header = { ["X-Spam-Flag"] = "no" } }, "" },
{ { list = true }, "4" },
{ { list = "notes.nightsky" }, "4" },
{ { list = false, uid = "4:5" }, "5" },
{ { message_id = "<Lunch@example.org>" }, "1" },
{ { seen = true }, "6" },
{ { seen = false }, "1 2 3 4 5 8 9 10" },
{ { answered = true }, "6" },
{ { flagged = true }, "6" },
{ { draft = true }, "6" },
{ { deleted = true }, "7" },
{ { deleted = false, uid = "6:8" }, "6 8" },
{ { recent = true, uid = 1 }, "1" },
{ { recent = false, uid = 1 }, "" },
{ { keyword = "$Work" }, "6" },
{ { keyword = { "$Work", "$Other" } }, "6" },
{ { older_than = "1y" }, "1 2 3 4 5 6 10" },
{ { older_than = "1d" }, "1 2 3 4 5 6 9 10" },
{ { older_than = "90m", newer_than = "1d" }, "8" },
{ { newer_than = "29h" }, "8" },
{ { newer_than = "31h" }, "8 9" },
{ { newer_than = "2w" }, "8 9" },
{ { before = "2024-01-10" }, "" },
{ { before = "2024-01-11" }, "1" },
{ { on = "2024-01-10" }, "1" },
{ { since = "2024-03-02" }, "8 9" },
{ { since = "2024-01-01", before = "2024-02-01" }, "1" },
{ { sent_before = "2024-02-06", uid = "8:10" }, "10" },
{ { sent_on = "2024-02-06" }, "9" },
{ { sent_since = "2024-02-06" }, "8 9" },
{ { larger_than = "20KB" }, "5" },
{ { larger_than = 20000 }, "5" },
{ { larger_than = "20KiB" }, "5" },
{ { larger_than = "5GB" }, "" },
{ { smaller_than = "1MB", uid = "4:6" }, "4 5 6" },
{ { smaller_than = 10 }, "" },
{ { uid = 3 }, "3" },
{ { uid = { 1, "3:4", 999 } }, "1 3 4" },
{ { uid = {} }, "" },
{ { raw = 'OR FROM "ann" SUBJECT "Issue"' }, "1 4" },
{ { raw = 'SUBJECT "grüße"' }, "2" },
{ { raw = "SEEN", except = { subject = "Flags" } }, "" },
{ { any = { { from = "ann" }, { list = true }, { keyword = "$Work" } } }, "1 4 6" },
{ { any = { { seen = true }, { deleted = true } } }, "6 7" },
{ { all = { { newer_than = "2w" }, { any = { { subject = "Fresh" }, { subject = "Lunch" } } } } }, "8" },
{ { uid = "1:6", except = { from = "ann", subject = "Grüße", list = true } }, "3 5 6" },
{ { uid = "1:6", except = { all = { { seen = true, flagged = true } } } }, "1 2 3 4 5" },
{ { uid = "1:6", except = { { all = { { from = "ann", seen = true } } }, { list = true } } }, "1 2 3 5 6" },
{ { uid = "6:10", except = { newer_than = "1d" } }, "6 9 10" },
{ { except = { older_than = "1d" } }, "8" },
"#;

on_every!(each_key_finds_what_it_says, |server| {
    seed(server);
    let source = format!(
        "local cases = {{ {CASES} }}\nlocal inbox = $LOGIN:mailbox 'INBOX'\n\
         for number, case in ipairs(cases) do\n  local found = table.concat(inbox:search(case[1]).uids, ' ')\n  \
         if found ~= case[2] then print(number, json.encode(case[1]), found) end\nend\n\
         print(#cases, #inbox:all())\n"
    );
    let output = Script::new(&source).on(server).changes_nothing().stderr("").run();
    assert_eq!(output.stdout, format!("{}\t9\n", CASES.trim().lines().count()));
});

on_both!(promise_9_marked_messages_are_found_only_when_asked_for, |server| {
    server.seed("INBOX", &[Mail::new("stays"), Mail::new("goes").flag("\\Deleted")]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:all(), #inbox:search { subject = { "stays", "goes" } }, #inbox:search { raw = "ALL" })
        print(#inbox:search { any = { { subject = "goes" }, { seen = false } } })
        print(#inbox:search { except = { seen = true } })
        print(#inbox:search { deleted = true }, #inbox:search { any = { { deleted = true }, { deleted = false } } })
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout("1\t1\t1\n1\n1\n1\t2\n")
    .stderr("")
    .run();
});

on_both!(what_a_server_would_find_too_much_is_judged_here, |server| {
    // The server's days are whole; an age is to the second.
    let mail = |name: &str, hours| Mail::new(name).date(&hours_ago(hours));
    server.seed("INBOX", &[mail("two days", 49), mail("nearly", 47), mail("new", 1)]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        for message in inbox:search { older_than = "48h" }:messages() do print(message.subject) end
        for message in inbox:search { except = { older_than = "2d" } }:messages() do print(message.subject) end
        "#,
    )
    .on(server)
    .stdout("two days\nnearly\nnew\n")
    .stderr("")
    .run();
});

on_both!(a_long_list_of_alternatives_is_one_search, |server| {
    let mail: Vec<_> =
        (0..60).map(|n| Mail::new(&format!("<{n}>")).from(&format!("u{n}@example.org"))).collect();
    server.seed("INBOX", &mail);
    Script::new(
        r#"
        local wanted = {}
        for n = 0, 49 do wanted[#wanted + 1] = ("u%d@example.org"):format(n) end
        print(#$LOGIN:mailbox("INBOX"):search { from = wanted })
        "#,
    )
    .on(server)
    .stdout("50\n")
    .stderr("")
    .run();
});

on_both!(a_list_too_long_to_be_asked_for_is_looked_for_here, |server| {
    let mail: Vec<_> = (0..40)
        .map(|n| Mail::new(&format!("<{n}>")).from(&format!("N =?utf-8?q?=C3=9C?= <u{n}@example.org>")))
        .collect();
    server.seed("INBOX", &mail);
    Script::new(
        r#"
        local wanted, domains = {}, {}
        for n = 10, 2009 do
          wanted[#wanted + 1] = n % 2 == 0 and ("U%d@Example.org"):format(n) or address(("u%d@example.org"):format(n))
          domains[#domains + 1] = domain(("d%d.example.org"):format(n))
        end
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:search { from = wanted }, #inbox:search { except = { from = wanted } })
        print(#inbox:search { from = domains }, #inbox:search { recipient = wanted })
        domains[1] = domain "example.org"
        print(#inbox:search { from = domains }, #inbox:search { any = { { from = wanted }, { from = "u3" } } })
        "#,
    )
    .on(server)
    .stdout("30\t10\n0\t0\n40\t31\n")
    .stderr("")
    .run();
});

on_both!(days_are_those_of_the_scripts_time_zone, |server| {
    // The server's own day is the one that is written: the 10th, the 11th, the 10th.
    let dates = ["10-Jan-2024 22:30:00 +0000", "11-Jan-2024 00:30:00 +0500", "10-Jan-2024 12:00:00 -1200"];
    let mail: Vec<_> = dates.iter().map(|date| Mail::new("x").date(date)).collect();
    server.seed("INBOX", &mail);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local function days()
          local found = {}
          for _, query in ipairs { { before = "2024-01-11" }, { on = "2024-01-11" }, { since = "2024-01-11" },
                                   { except = { on = "2024-01-10" } } } do
            found[#found + 1] = table.concat(inbox:search(query).uids, " ")
          end
          print(table.concat(found, ", "))
        end
        days()
        timezone "UTC"
        days()
        timezone "WEST+10"
        days()
        print(pcall(timezone, "Nowhere/At all"))
        "#,
    )
    .on(server)
    .env("TZ", "EET-2")
    .stdout(
        "2, 1 3, 1 3, 1 3\n1 2, 3, 3, 3\n1 2 3, , , \n\
         false\tthere is no time zone `Nowhere/At all` on this system\n",
    )
    .status(8)
    .run();
});
