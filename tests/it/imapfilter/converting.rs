//! Configurations that are written down as scripts.

use crate::harness::Script;

#[test]
fn a_configuration_is_written_down_as_a_script() {
    let source = r"
options.timeout = 60
work = IMAP { server = 'imap.example.org', username = 'me', password = 'x', ssl = 'auto' }
local home = IMAP { server = 'home.example.org', username = 'you', password = 'y' }
results = work.INBOX:is_unseen() * work.INBOX:contain_from('ci@') - work.INBOX:match_subject('^\\[x\\]')
results:move_messages(work['lists/ci']);
(work.INBOX:is_older(30) + work.INBOX:is_larger(1000000) + work.Junk:select_all()):delete_messages()
work.INBOX:mark_seen(work.INBOX:is_flagged())
work.INBOX:arrived_before('01-Feb-2007'):copy_messages(home.old)
for _, message in ipairs(work.INBOX:is_seen()) do print(message) end
";
    Script::command(&["imapfilter"])
        .script(source)
        .args(&["--convert", "$DIR/script.lua"])
        .stdout(
            r#"allow "purge"
local work = login { host = "imap.example.org", user = "me", password = secret.prompt "Password: " }
local account2 = login { host = "home.example.org", tls = "starttls", user = "you", password = secret.prompt "Password: " }
work:mailbox("INBOX"):search({ seen = false, from = "ci@", except = { { subject = regex("^\\[x\\]") } } }):move(work:mailbox("lists/ci"))
;(work:mailbox("INBOX"):search({ any = { { older_than = "30d" }, { larger_than = 1000000 } } }) + work:mailbox("Junk"):all()):purge()
work:mailbox("INBOX"):search({ flagged = true }):mark("seen")
work:mailbox("INBOX"):search({ before = "2007-02-01" }):copy(account2:mailbox("old"))
-- $DIR/script.lua:10: goes through messages itself: write a loop over `selection:messages()`
"#,
        )
        .run();
}

#[test]
fn what_is_used_again_is_searched_once_and_before_anything_changes() {
    let source = r"
work = IMAP { server = 'imap.example.org', username = 'me', password = 'x', ssl = 'auto' }
results = work.INBOX:is_unseen() * work.INBOX:contain_from('ci@')
results:mark_seen()
results:move_messages(work['lists/ci'])
old = work.INBOX:is_older(30)
keep = work.INBOX:is_flagged()
work.INBOX:is_seen():mark_answered()
rest = old - keep
rest:delete_messages()
both = work.INBOX:is_new() + work.Junk:select_all()
both:add_flags { 'a' }
both:contain_subject('x'):copy_messages(work.Archive)
old:mark_seen()
old:move_messages(work.Archive)
more = keep - old
more:mark_seen();
(keep - results):mark_draft()
results:mark_seen()
print(#more)
none = work.INBOX:is_seen() * work.Junk:is_seen();
(work.INBOX:is_recent() + none - work.INBOX:select_all()):mark_seen()
";
    let output = Script::command(&["imapfilter"])
        .script(source)
        .args(&["--convert", "$DIR/script.lua"])
        .stdout(
            r#"allow "purge"
local work = login { host = "imap.example.org", user = "me", password = secret.prompt "Password: " }
local results1 = work:mailbox("INBOX"):search({ seen = false, from = "ci@" })
results1:mark("seen")
results1:move(work:mailbox("lists/ci"))
local results2 = work:mailbox("INBOX"):search({ older_than = "30d" })
local results3 = work:mailbox("INBOX"):search({ flagged = true })
local results4 = results3 - results2
work:mailbox("INBOX"):search({ seen = true }):mark("answered")
;(results2 - results3):purge()
local results5 = (work:mailbox("INBOX"):search({ recent = true, seen = false }) + work:mailbox("Junk"):all())
results5:mark("a")
results5:filter({ subject = "x" }):copy(work:mailbox("Archive"))
results2:mark("seen")
results2:move(work:mailbox("Archive"))
results4:mark("seen")
-- $DIR/script.lua:18: combines messages with some that were moved away before
results3:mark("draft")
-- $DIR/script.lua:19: finds none of these messages any more: mark("seen")
-- $DIR/script.lua:20: counts messages: `#selection` does so
work:mailbox("INBOX"):search({ recent = true, except = { { any = { { seen = true }, { seen = false } } } } }):mark("seen")
"#,
        )
        .stderr("0\n")
        .run();
    Script::command(&["check"]).script(&output.stdout).args(&["$DIR/script.lua"]).run();
}
