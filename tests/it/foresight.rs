//! A dry run sees what the real run sees: each script is run dry, which changes nothing, and then for real, and what it
//! prints is the same. At its end it looks at everything.

use crate::harness::Script;
use crate::mail::Mail;
use crate::recipes::on_server;
use crate::sandbox_server::{on_both, on_every};
use crate::server::{Server, Tls};

/// Looks at everything that an account has.
pub(crate) const PROBE: &str = r#"
local function show(value) return type(value) == "table" and table.concat(value, ",") or tostring(value) end
for _, entry in ipairs(account:list()) do
  -- Of what only stands above others, each server keeps what it likes.
  if entry.selectable then
    print("MAILBOX", entry.name, entry.special_use)
    local mailbox = account:mailbox { raw = entry.raw }
    local status = account:status { raw = entry.raw }
    print(status.messages, status.unseen, #mailbox:all(), #mailbox:search { deleted = true })
    for message in (mailbox:all() + mailbox:search { deleted = true }):messages { "text" } do
      local flags = {}
      for _, flag in ipairs(message.flags) do if flag ~= "\\Recent" then flags[#flags + 1] = flag end end
      table.sort(flags)
      print(message.subject, message.from.email, message.received, message.size, show(flags), #message:text(),
        #message:raw(), #message.attachments, #message.headers)
    end
    for number, query in ipairs {
      { seen = true }, { flagged = false }, { keyword = "$Saved" }, { subject = "a" }, { body = "the" },
      { text = regex "[aeiou]{2}" }, { from = "example", body = "a" }, { any = { { body = "you" }, { seen = false } } },
      { except = { body = "you" } }, { older_than = "30d" }, { larger_than = "2KB" }, { list = true }, { raw = "BODY the" },
      { has_attachment = true }, { function(message) return message.size % 2 == 0 end },
    } do
      local found = mailbox:search(query)
      local subjects = {}
      for message in found:sort("subject"):messages() do subjects[#subjects + 1] = message.subject end
      print(number, #found, show(subjects))
    end
    for _, fetched in ipairs(account:fetch(mailbox:all():newest(2), { "RFC822.SIZE", "BODY[HEADER.FIELDS (SUBJECT)]", "ENVELOPE" })) do
      print(fetched["RFC822.SIZE"], fetched["BODY[HEADER.FIELDS (SUBJECT)]"], fetched.ENVELOPE.subject)
    end
  end
end
for _, entry in ipairs(account:lsub()) do print("SUBSCRIBED", entry.name) end
"#;

/// Runs a script dry and then for real. `status` is the exit code of both, but that nothing is held in a dry run.
#[track_caller]
pub(crate) fn compare<'a>(server: &'a Server, script: impl Fn() -> Script<'a>, status: i32) -> String {
    let dry = script().options(&["-n", "-q"]).status(status).changes_nothing().run();
    let real = script().options(&["-q"]).status(if server.can_remove() { status } else { 8 }).run();
    let differing = dry.stdout.lines().zip(real.stdout.lines()).find(|(foreseen, seen)| foreseen != seen);
    assert!(dry.stdout == real.stdout, "foreseen and seen: {differing:#?}\n{dry}{real}");
    // What the server says of a refusal is in its own words, and only a dry run says what it rests on.
    if server.can_remove() && status == 0 {
        let told = |stderr: &str| -> Vec<String> {
            let own =
                |line: &&str| !line.contains("as if nothing were planned") && !line.contains("refusal of");
            stderr.lines().filter(own).map(str::to_owned).collect()
        };
        assert_eq!(told(&dry.stderr), told(&real.stderr));
    }
    dry.stdout
}

#[track_caller]
fn foresees(server: &Server, source: &str, status: i32) -> String {
    // Of what would be appended, the server knows nothing.
    let probe =
        if source.contains(":append(") { PROBE.replace("{ raw = \"BODY the\" },", "") } else { PROBE.into() };
    compare(server, || Script::new(&format!("local account = $LOGIN\n{source}\n{probe}")).on(server), status)
}

/// Compares one of the scripts on the sample mail.
fn foresees_on_sample(server: &Server, source: &str, arguments: &[&str]) {
    server.seed_sample();
    // One of them calls its account otherwise.
    let source = format!("{}\n{PROBE}", source.replace("work", "account"));
    compare(server, || on_server(&source, server, arguments), 0);
}

fn fill(server: &Server) {
    server.seed(
        "INBOX",
        &[
            Mail::new("[build] 1").from("ci@example.org").date("05-Mar-2020 10:00:00 +0000"),
            Mail::new("[build] 2").from("ci@example.org").flag("\\Flagged").body("what you get"),
            Mail::new("[build] 3").from("ci@example.org").flag("\\Seen"),
            Mail::new("lunch").from("Bob <bob@example.net>").flag("\\Seen \\Answered"),
            Mail::new("Grüße").from("shop@example.com").body("You owe the 12 euros"),
            Mail::new("gone").flag("\\Deleted"),
        ],
    );
    server.seed("Old", &[Mail::new("old"), Mail::new("older").flag("\\Seen")]);
    server.seed("Old/Older", &[Mail::new("oldest").flag("$Saved")]);
    server.seed("Trash", &[]);
}

on_every!(moves_chain, |server| {
    fill(server);
    foresees(
        server,
        r#"
        allow "purge"
        local inbox, ci = account:mailbox "INBOX", account:mailbox "CI"
        local report = inbox:search({ subject = "[build]" }):move "CI"
        print(#report, report.moved and #report.moved, report.count, report.action)
        print(#inbox:search { subject = "[build]" }, #ci:search { subject = "[build]" }, #ci:search { flagged = true })
        ci:search({ body = "you get" }):mark("seen", "$Saved")
        ci:search({ seen = true }):copy "CI/Copies"
        print(account:status("CI").unseen, account:status("CI/Copies").messages)
        account:mailbox("CI/Copies"):search({ keyword = "$Saved" }):unmark("seen", "flagged")
        ci:search({ keyword = "$Saved" }):move "INBOX"
        print(inbox:search({ flagged = true }):newest(1).mailbox)
        ci:search({ seen = false }):trash()
        account:mailbox("@trash"):all():purge()
        inbox:search({ text = "owe" }):mark "flagged"
        print((pcall(function() account:mailbox("No such"):all() end)))
        "#,
        8,
    );
});

on_both!(mailboxes_are_made_renamed_and_deleted, |server| {
    fill(server);
    foresees(
        server,
        r#"
        account:create "New/Deep"
        account:rename("Old", "Past")
        account:mailbox("Past"):search({ seen = true }):move "New/Deep"
        print(#account:mailbox("Past/Older"):all(), (pcall(function() account:status "Old" end)))
        account:create "Old"
        account:mailbox("New/Deep"):all():copy "Old"
        account:mailbox("Old"):all():mark "flagged"
        account:rename("New/Deep", "New/Deeper")
        for _, pattern in ipairs { "*", "%", "New/%", "Past*" } do
          for _, mailbox in ipairs(account:list(pattern)) do print(pattern, mailbox.name) end
        end
        print((pcall(function() account:create "New/Deeper" end)), (pcall(function() account:delete "Old" end)))
        account:mailbox("Old"):all():move "Past"
        account:delete "Old"
        account:subscribe "Past"
        account:unsubscribe "Past"
        account:subscribe "New/Deeper"
        account:create "Archive"
        account:mailbox("Past"):search({ flagged = true }):move "@archive"
        "#,
        8,
    );
});

on_both!(appended_messages_are_there, |server| {
    fill(server);
    foresees(
        server,
        r#"
        local raw = "From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= two\r\nMIME-Version: 1.0\r\n" ..
          "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nwhat the you\r\n--b\r\n" ..
          "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n" ..
          "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
        local date = "2024-02-29T10:00:00+00:00"
        local new = account:mailbox("Made"):append(raw, { flags = { "flagged" }, date = date })
        account:mailbox("INBOX"):append("Subject: plain\r\n\r\nthe body\r\n", { date = date })
        print(#new, account:status("Made").messages, account:status("Made").unseen)
        for message in new:messages { "attachments" } do
          print(message.subject, message.received, message:text(), message:part "2", message.attachments[1].name)
        end
        local report = new:save "files"
        print(#report.saved, report.saved[1])
        new:mark "$Saved"
        print(#new:move("INBOX").moved)
        account:mailbox("INBOX"):search({ subject = "plain" }):move "Made"
        "#,
        0,
    );
});

on_both!(rules_after_rules, |server| {
    fill(server);
    foresees(
        server,
        r#"
        local inbox, ci = account:mailbox "INBOX", account:mailbox "CI"
        local function tell(done)
          for _, name in ipairs { "a", "b", "c" } do
            if done[name] then print(name, done[name].matched, #done[name].reports) end
          end
        end
        tell(rules(inbox) {
          { "a", where = { subject = "[build]" }, mark = "seen", copy = "Copies", move = "CI" },
          { "b", where = { from = "bob@" }, move = "People/${from.domain}" },
          { "c", where = { body = "owe" }, save = "nothing", mark = "flagged" },
        })
        tell(rules { inbox, ci } {
          { "a", where = { flagged = true, seen = true }, move = "INBOX" },
          { "b", where = { flagged = true }, call = function(selection) selection:mark "$Called" end, trash = true },
          { "c", where = { function(message) return message.subject:find "1" end }, unmark = "seen" },
        })
        tell(rules { inbox, ci } {
          { "a", where = { keyword = "$Called" }, stop = true },
          { "b", where = { seen = false, subject = "1" }, move = function(message) return message.mailbox .. "/x" end },
        })
        "#,
        0,
    );
});

on_both!(what_is_saved_and_exported_is_counted, |server| {
    server.seed_sample();
    foresees(
        server,
        r#"
        local inbox = account:mailbox "INBOX"
        local found = inbox:search { has_attachment = true }
        local report = found:save "attachments"
        print(#report, #report.saved, report.saved[1], report.saved[#report.saved])
        local again = found:save "attachments"
        print(#again, #again.saved, #again.skipped)
        print(#inbox:all():export "all.mbox", #found:pipe { "true" })
        for message in found:oldest(1):messages() do
          message:save "one.eml"
          print((pcall(function() message:save "one.eml" end)), (pcall(function() message:save "no/such.eml" end)))
          print(message:pipe({ "wc", "-c", reads = true }).stdout, run({ "echo", "x", reads = true }).stdout)
        end
        "#,
        8,
    );
});

macro_rules! scripts {
    ($($name:ident, $file:literal, [$($argument:expr),*];)*) => {$(
        on_both!($name, |server| {
            foresees_on_sample(server, include_str!(concat!("../../scripts/", $file, ".lua")), &[$($argument),*]);
        });
    )*};
}

scripts! {
    archive_by_year, "archive-by-year", ["INBOX"];
    big_attachments, "big-attachments", [];
    cleanup, "cleanup", [];
    duplicates, "duplicates", [];
    lists, "lists", [];
    mute_thread, "mute-thread", ["Sunday hike"];
    newsletters, "newsletters", [];
    retention, "retention", [];
    save_bills, "save-bills", [];
    senders, "senders", ["/dev/null", "/dev/null"];
    spam, "spam", ["sh", "-c", "! grep -q rye"];
    subject_tags, "subject-tags", [];
    top_senders, "top-senders", [];
}

#[test]
fn gmail_has_a_message_in_several_mailboxes() {
    let server = Server::gmail();
    server.seed("INBOX", &["one", "two", "three", "four", "five", "six"].map(Mail::new));
    server.seed("Work", &[Mail::new("work").flag("\\Seen")]);
    foresees(
        &server,
        r#"
        allow "purge"
        local inbox, all, work = account:mailbox "INBOX", account:mailbox "@all", account:mailbox "Work"
        local function count() print(#inbox:all(), #all:all(), #work:all(), account:status("@all").unseen) end
        count()
        inbox:search({ subject = "one" }):label("Work", "New/Label", "\\Starred")
        count()
        print(#account:mailbox("New/Label"):all(), #account:mailbox("@flagged"):all())
        inbox:search({ subject = "two" }):move "Work"
        count()
        inbox:search({ subject = "three" }):move "@archive"
        count()
        inbox:search({ subject = "four" }):copy "Work"
        work:search({ subject = "four" }):mark "seen"
        print(#inbox:search { seen = true }, #all:search { seen = true })
        all:search({ subject = "four" }):trash()
        count()
        inbox:search({ subject = "five" }):move "@junk"
        count()
        account:mailbox("@trash"):all():move "INBOX"
        work:search({ label = "\\Starred" }):unlabel("Work", "\\Starred")
        count()
        inbox:search({ subject = "six" }):trash()
        account:mailbox("@trash"):all():purge()
        local added = work:append("From: a@example.org\r\nSubject: added\r\n\r\nyou and the body\r\n",
          { flags = { "seen" }, date = "2024-02-29T10:00:00+00:00" })
        print(#added, #all:search { subject = "added" })
        added:move "INBOX"
        count()
        for message in all:all():messages() do
          local labels = message.labels
          table.sort(labels)
          print(message.subject, table.concat(labels, " "))
        end
        "#,
        0,
    );
}

/// Does things at random, but the same ones for the same seed.
const RANDOM: &str = r#"
local state = math.tointeger(arg[1])
local function any(list)
  state = (state * 1103515245 + 12345) % 2147483648
  return list[state // 65536 % #list + 1]
end
local names = { "INBOX", "Old", "Old/Older", "New", "Newer", "Deep/New", "Trash" }
-- What becomes of names that stand above others, and of special ones, is each server's own affair.
local plain = { "INBOX", "New", "Newer" }
local flags = { "seen", "flagged", "answered", "$Saved", "$Work" }
local function query()
  local value = any { true, false }
  return any {
    { seen = value }, { flagged = value }, { keyword = any { "$Saved", "$Work" } }, { subject = any { "o", "build", "g" } },
    { body = any { "you", "the", "what" } }, { from = "example" }, { any = { { answered = value }, { subject = "l" } } },
    { except = { seen = value } }, { text = regex "[eo]" }, { function(message) return #message.subject % 2 == 0 end },
  }
end
local function mailbox() return account:mailbox(any(names)) end
local acts = {
  function(found) return found:mark(any(flags)) end,
  function(found) return found:unmark(any(flags)) end,
  function(found) return found:move(any(names)) end,
  function(found) return found:copy(any(names)) end,
  function(found) return found:trash() end,
  function(found)
    local moved = found:move(any(names)).moved
    return moved and moved:mark(any(flags))
  end,
  function(found) return found:newest(2):copy(any(names)) end,
}
local verbs = {
  function() account:create(any(names)) end,
  function() account:delete(any(plain)) end,
  function() account:rename(any(plain), any(plain)) end,
  function()
    mailbox():append("From: new@example.org\r\nSubject: appended\r\n\r\nwhat you get\r\n",
      { flags = { any(flags) }, date = "2024-02-29T10:00:00+00:00" })
  end,
  function()
    rules(mailbox()) {
      { "one", where = query(), mark = any(flags), copy = any(names) },
      { "two", where = query(), move = any(names) },
      { "three", where = query(), unmark = any(flags), trash = true },
    }
  end,
}
for step = 1, 25 do
  local act, verb, from, where = any(acts), any(verbs), mailbox(), query()
  local ok, result = pcall(function()
    if any { 1, 2, 3 } == 1 then return verb() end
    local found = from:search(where)
    return #found, #found > 0 and #(act(found) or {})
  end)
  if not ok then
    result:ignore()
    log.error("refusal of " .. step .. ": " .. result.message)
  end
  print(step, from.name, ok, ok and result or not ok and result.kind)
end
"#;

fn foresees_at_random(server: &Server, seed: u32) {
    fill(server);
    let probe = PROBE.replace("{ raw = \"BODY the\" },", "");
    let source = format!("local account = $LOGIN\n{RANDOM}\n{probe}");
    compare(server, || Script::new(&source).on(server).args(&[&seed.to_string()]), 0);
}

#[test]
fn whatever_a_script_does_is_foreseen_on_the_sandbox() {
    (1..=60).for_each(|seed| foresees_at_random(&Server::sandbox(), seed));
}

#[test]
fn whatever_a_script_does_is_foreseen_on_dovecot() {
    (101..=120).for_each(|seed| foresees_at_random(&Server::dovecot(Tls::None), seed));
}
