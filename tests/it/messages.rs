//! What a script sees of a message: everything decoded, and bodies when they are asked for.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;

/// A message with everything in it.
const WHOLE: &str = "From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <Juergen@Example.DE>\r\n\
To: \"Bell, Ann\" <ann@example.org>, team: bob@example.org, carl@example.org;\r\n\
Cc: dora@example.org (Dora)\r\n\
Reply-To: answers@example.net\r\n\
Subject: =?ISO-8859-1?Q?Gr=FC=DFe?= =?ISO-8859-1?Q?_aus?=\r\n =?UTF-8?B?IFdpZW4=?=\r\n\
Date: Tue, 5 Mar 2024 09:08:07 +0100 (CET)\r\n\
Message-ID: <one@example.de>\r\n\
In-Reply-To: <zero@example.org>\r\n\
References: <minus@example.org>\r\n <zero@example.org>\r\n\
List-Id: Wien <wien.lists.example>\r\n\
X-Twice: first\r\nX-Twice: =?UTF-8?Q?zw=C3=B6lf?=\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=outer\r\n\r\n\
--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n\
--inner\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
Sch=F6ne Gr=FC=DFe!\r\n\
--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
PHA+U2Now7ZuZSA8Yj5HcsO8w59lPC9iPiE8L3A+\r\n\
--inner--\r\n\
--outer\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
Content-Disposition: attachment; filename*=UTF-8''Rechnung%20%C3%A4.pdf\r\n\r\n\
JVBERi0xLjU=\r\n\
--outer\r\nContent-Type: image/png; name=\"../../etc/passwd\"\r\nContent-Disposition: attachment\r\n\r\n\
png\r\n\
--outer--\r\n";

on_every!(a_message_is_decoded, |server| {
    server.observe().append_raw("INBOX", WHOLE.as_bytes(), "\\Seen $Work", "29-Feb-2020 23:59:58 +0000");
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local function show(m)
          print(tostring(m), m.uid, m.mailbox, m.size)
          print(m.seen, m.answered, m.flagged, m.deleted, m.draft, #m.flags >= 2)
          print(m.received, m.date)
          print(m.subject)
          print(m.from, m.from.name, m.from.email, m.from.domain)
          for _, field in ipairs { "to", "cc", "bcc", "reply_to" } do
            for _, address in ipairs(m[field]) do print(field, address.name, address.email, address.domain) end
          end
          print(m.message_id, m.in_reply_to, table.concat(m.references, " "), m.list_id)
          print(m.headers["x-twice"], table.concat(m.headers:all "X-TWICE", "+"), m.headers.nothing, #m.headers)
          for _, attachment in ipairs(m.attachments) do
            print(attachment.name, attachment.content_type, attachment.part)
          end
          print(m:text())
          print(m:html())
          print(m:part "2", m:part "1.1", #m:raw())
        end
        for m in inbox:all():messages() do show(m) end
        print "--"
        for m in inbox:all():messages { "text", "html", "raw", "attachments", "headers" } do show(m) end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    let table = output.table();
    let (lazy, ahead) = table.split_once("--\n").unwrap();
    assert_eq!(lazy, ahead, "what is fetched ahead is what is fetched when asked for");
    insta::allow_duplicates! {
        insta::assert_snapshot!(lazy, @"
        message 1 of INBOX: Grüße aus Wien | 1 | INBOX | 1197
        true | false | false | false | false | true
        2020-02-29T23:59:58+00:00 | 2024-03-05T09:08:07+01:00
        Grüße aus Wien
        Jürgen Müller <Juergen@Example.DE> | Jürgen Müller | Juergen@Example.DE | example.de
        to | Bell, Ann | ann@example.org | example.org
        to | nil | bob@example.org | example.org
        to | nil | carl@example.org | example.org
        cc | Dora | dora@example.org | example.org
        reply_to | nil | answers@example.net | example.net
        one@example.de | zero@example.org | minus@example.org zero@example.org | wien.lists.example
        first | first+zwölf | nil | 14
        Rechnung ä.pdf | application/pdf | 2
        ../../etc/passwd | image/png | 3
        Schöne Grüße!
        <p>Schöne <b>Grüße</b>!</p>
        %PDF-1.5 | Sch�ne Gr��e! | 1197
        ");
    }
});

on_both!(a_message_is_recent_until_somebody_opens_its_mailbox_to_write, |server| {
    server.seed("INBOX", &[Mail::new("new")]);
    let look = "for message in $LOGIN:mailbox('INBOX'):all():messages() do print(message.recent) end";
    Script::new(look).on(server).stdout("true\n").run();
    Script::new(look).on(server).stdout("true\n").run();
    Script::new("$LOGIN:select 'INBOX'").on(server).run();
    Script::new(look).on(server).stdout("false\n").run();
});

on_both!(a_broken_message_is_what_can_be_made_of_it, |server| {
    let mut observer = server.observe();
    for raw in [
        &b"no header at all"[..],
        b"Subject: caf\xe9\r\nFrom: \r\nDate: soon\r\nTo: undisclosed-recipients:;\r\n\r\n\xe9\xff",
        b"Subject: =?x-unknown?Q?abc?= =?UTF-8?B?!!!?=\r\nFrom: <<@>>\r\nMessage-ID: none\r\nContent-Type: multipart/mixed\r\n\r\nbody",
        b"Subject: \x1b[31mred\x07\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%\r\n",
    ] {
        observer.append_raw("INBOX", raw, "", "29-Feb-2020 23:59:58 +0000");
    }
    let output = Script::new(
        r#"
        for m in $LOGIN:mailbox("INBOX"):all():messages { "text" } do
          print(m.uid, ("%q"):format(m.subject), ("%q"):format(m.from.email), #m.to, m.date, m.message_id, #m.attachments)
          print(("%q"):format(m:text()), m:html(), m.headers["subject"] ~= nil)
          print(tostring(m))
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        1 | "" | "" | 0 | nil | nil | 0
        "" | nil | false
        message 1 of INBOX: 
        2 | "café" | "" | 0 | nil | nil | 0
        "éÿ" | nil | true
        message 2 of INBOX: café
        3 | "=?x-unknown?Q?abc?= " | "@" | 0 | nil | none | 0
        "body" | nil | true
        message 3 of INBOX: =?x-unknown?Q?abc?= 
        4 | "\27[31mred\7" | "" | 0 | nil | nil | 0
        "" | nil | true
        message 4 of INBOX: \u{1b}[31mred\u{7}
        "#);
    }
});

on_both!(a_loop_over_several_batches_sees_each_message_once, |server| {
    // Twelve messages of half a MiB are two batches of bodies.
    let body = "0123456789abcde\r\n".repeat(32 * 1024);
    let mail: Vec<_> =
        (0..12).map(|n| Mail::new(&format!("big {n}")).body(&format!("number {n}\r\n{body}"))).collect();
    server.seed("INBOX", &mail);
    let output = Script::new(
        r#"
        local kept = {}
        local all = $LOGIN:mailbox("INBOX"):all()
        for message in all:messages { "text" } do
          local text = message:text()
          print(message.subject, text:match "number %d+", #text > 500000)
          kept[#kept + 1] = message
        end
        -- What was fetched ahead is dropped with the loop; a message that is kept asks again.
        print(kept[1].subject, kept[1]:text():match "number %d+", kept[12]:text():match "number %d+")
        -- A loop in a loop, and one that is left early.
        for outer in all:messages { "text" } do
          for inner in all:messages { "raw" } do print(outer.uid, inner.uid, #inner:raw() == inner.size) break end
          if outer.uid == 2 then break end
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    let each: Vec<_> = (0..12).map(|n| format!("big {n}\tnumber {n}\ttrue\n")).collect();
    let each = each.concat();
    assert_eq!(output.stdout, format!("{each}big 0\tnumber 0\tnumber 11\n1\t1\ttrue\n2\t1\ttrue\n"));
});

on_both!(a_loop_goes_through_mailboxes_in_its_order_and_may_be_left, |server| {
    let big = "0123456789abcde\r\n".repeat(64 * 1024);
    let mail = |names: [&str; 3], hour: u8| -> Vec<_> {
        let at = |n: usize| format!("01-Mar-2024 1{n}:{hour:02}:00 +0000");
        names.iter().enumerate().map(|(n, name)| Mail::new(name).date(&at(n)).body(&big)).collect()
    };
    server.seed("INBOX", &mail(["a", "c", "e"], 0)).seed("Box", &mail(["b", "d", "f"], 30));
    let output = Script::new(
        r#"
        local account = $LOGIN
        local inbox, box = account:mailbox "INBOX", account:mailbox "Box"
        local both = inbox:all() + box:all()
        local seen = {}
        for message in both:sort("received"):messages { "raw" } do
          -- Other business on the same connection, while the next messages are on their way.
          account:noop()
          seen[#seen + 1] = message.mailbox .. message.uid .. message.subject .. tostring(#message:raw() == message.size)
        end
        print(table.concat(seen, " "))
        for message in both:messages { "raw", "headers", "attachments" } do
          print(message.headers.subject, #message.attachments)
          break
        end
        print(box:status().messages)
        account:logout()
        local kept
        for message in both:messages { "headers", "attachments" } do
          kept = message
          account:logout()
        end
        print(kept.headers["message-id"], #kept.attachments, #kept:raw() == kept.size)
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    assert_eq!(
        output.stdout,
        "INBOX1atrue Box1btrue INBOX2ctrue Box2dtrue INBOX3etrue Box3ftrue\na\t0\n3\n<f@example.org>\t0\ttrue\n"
    );
});

on_both!(a_message_that_is_gone_is_an_error_and_not_in_a_loop, |server| {
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new)).seed("Box", &[]);
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local all = inbox:all()
        local kept = {}
        for message in all:messages() do kept[message.subject] = message end
        inbox:search({ subject = "b" }):move "Box"
        for message in all:messages() do print(message.subject) end
        print(kept.b.subject, kept.b.size)
        for _, call in ipairs { function() return kept.b:text() end, function() return kept.b.attachments end, function() return kept.b.headers end } do
          local ok, err = pcall(call)
          print(ok, err.kind, err.message, err.hint, err.mailbox)
          err:ignore()
        end
        local ok, err = pcall(function() return kept.a:part "7.1" end)
        print(ok, err.kind, err.message, err.hint)
        err:ignore()
        local ok, err = pcall(all.messages, all, { "txt" })
        print(ok, err.message)
        err:ignore()
        "#,
    )
    .on(server)
    .options(&["-q"])
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        a
        c
        b | 137
        false | refused | message 2 is no longer in the mailbox | another program moved or removed it meanwhile | INBOX
        false | refused | message 2 is no longer in the mailbox | another program moved or removed it meanwhile | INBOX
        false | refused | message 2 is no longer in the mailbox | another program moved or removed it meanwhile | INBOX
        false | script | the message has no part `7.1` | `msg.attachments` has the numbers
        false | `messages` wants a list of "text", "html", "raw", "headers", "attachments" but got "txt"
        "#);
    }
});

on_every!(promise_10_reading_never_changes_a_message, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    Script::new(
        r#"
        local account = $LOGIN
        local inbox = account:select "INBOX"
        for message in inbox:all():messages { "text", "html", "raw", "headers", "attachments" } do
          message:text() message:html() message:raw() message:part "1"
          local _ = message.headers, message.attachments
        end
        for message in inbox:all():messages() do
          message:text() message:html() message:raw() message:part "1"
          local _ = message.headers, message.attachments
        end
        account:fetch(inbox:all(), { "BODY[]", "BODY[TEXT]", "BODY[HEADER]", "BODY[1]", "BODY[1.MIME]", "BODY[]<0.5>", "ENVELOPE", "BODYSTRUCTURE" })
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout("")
    .stderr("")
    .run();
});

on_both!(fetch_gives_items_as_the_server_has_them, |server| {
    server.observe().append_raw("INBOX", WHOLE.as_bytes(), "\\Seen", "29-Feb-2020 23:59:58 +0000");
    let output = Script::new(
        r#"
        local account = $LOGIN
        account:examine "INBOX"
        local items = { "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE", "BODY[2]", "BODY[HEADER.FIELDS (Message-ID X-None)]" }
        local item = account:fetch(account:search { seen = true }, items)[1]
        print(item.INTERNALDATE, item["BODY[2]"])
        local envelope = item.ENVELOPE
        print(envelope.subject, envelope.date, envelope.message_id, envelope.in_reply_to, envelope.from[1].name, envelope.from[1].email)
        local function show(part, indent)
          print(indent .. tostring(part.part), part.content_type, part.encoding, part.disposition, part.name)
          for _, child in ipairs(part.parts) do show(child, indent .. "  ") end
        end
        show(item.BODYSTRUCTURE, "")
        for name in pairs(item) do if name:find "HEADER" then print(name, (item[name]:gsub("%s+", " "))) end end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @"
        29-Feb-2020 23:59:58 +0000 | JVBERi0xLjU=
        Grüße aus Wien | Tue, 5 Mar 2024 09:08:07 +0100 (CET) | <one@example.de> | <zero@example.org> | Jürgen Müller | Juergen@Example.DE
         | multipart/mixed |  | nil | nil
          1 | multipart/alternative |  | nil | nil
            1.1 | text/plain | quoted-printable | nil | nil
            1.2 | text/html | base64 | nil | nil
          2 | application/pdf | base64 | attachment | Rechnung ä.pdf
          3 | image/png | 7bit | attachment | ../../etc/passwd
        BODY[HEADER.FIELDS (Message-ID X-None)] | Message-ID: <one@example.de>
        ");
    }
});

#[test]
fn a_handle_says_what_it_is() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        print(account, inbox, inbox:all(), secret.env "X")
        for message in inbox:all():messages() do print(message, message.from) end
        "#,
    )
    .on(&server)
    .stdout(
        "account $USER@127.0.0.1\tmailbox INBOX of $USER@127.0.0.1\t1 message of INBOX\tsecret: <hidden>\n\
         message 1 of INBOX: a\tsomeone@example.org\n",
    )
    .stderr("")
    .run();
}
