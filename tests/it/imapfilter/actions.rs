//! What is done to messages and mailboxes, and what the methods give back.

use super::{case::Case, same};

#[test]
fn moving() {
    same("print(account.INBOX:is_seen():move_messages(account['lists/dev']))");
    same("print(account.INBOX:contain_from('ann'):move_messages(account['Junk mail']))");
}

#[test]
fn moving_to_a_mailbox_that_is_made() {
    same("print(account.INBOX:is_seen():move_messages(account['new/one']))");
    same("options.create = true print(account.INBOX:is_seen():copy_messages(account['new two']))");
    same(
        "options.subscribe = true account.INBOX:is_seen():copy_messages(account['new three'])\n\
         account:create_mailbox('four')\n\
         for _, name in ipairs((account:list_subscribed())) do print(name) end",
    );
}

#[test]
fn copying() {
    same(
        "print(account.INBOX:is_seen():copy_messages(account['lists/dev']), #account['lists/dev']:select_all())",
    );
}

#[test]
fn deleting() {
    same("print(account.INBOX:is_seen():delete_messages(), #account.INBOX:select_all())");
}

#[test]
fn deleting_without_expunging() {
    same(
        "options.expunge = false print(account.INBOX:is_seen():delete_messages())\n\
         print(#account.INBOX:is_deleted(), #account.INBOX:select_all())",
    );
}

#[test]
fn options_that_are_all_of_the_configurations_own() {
    same(
        "options = { starttls = false, limit = 0, range = 1 / 0, timeout = 30 }\n\
         print(account.INBOX:is_seen():delete_messages(), #account.INBOX:is_deleted(), #account.INBOX:select_all())\n\
         print(account.INBOX:is_flagged():copy_messages(account['not there']), #account:list_all('lists'))",
    );
}

#[test]
fn marking() {
    for flag in ["answered", "draft", "flagged", "seen"] {
        same(&format!(
            "local I = account.INBOX print(I:is_seen():mark_{flag}(), #I:is_{flag}())\n\
             print(I:contain_from('example'):unmark_{flag}(), #I:is_{flag}())"
        ));
    }
}

#[test]
fn marking_as_deleted() {
    same("print(account.INBOX:is_answered():mark_deleted(), #account.INBOX:select_all())");
    same(
        "options.expunge = false print(account.INBOX:select_all():mark_deleted(), #account.INBOX:is_deleted())\n\
         print(account.INBOX:is_seen():unmark_deleted(), #account.INBOX:is_deleted())",
    );
}

#[test]
fn flags() {
    same(
        "local I = account.INBOX\n\
         print(I:is_seen():add_flags({ 'Todo', '\\\\Flagged' }), #I:has_keyword('Todo'))\n\
         print(I:is_flagged():remove_flags({ '\\\\Flagged', 'Work' }), #I:is_flagged())\n\
         print(I:is_seen():replace_flags({ 'Only' }), #I:has_keyword('Only'), #I:is_seen())",
    );
}

#[test]
fn the_older_forms() {
    same(
        "local I = account.INBOX\n\
         local seen = I:is_seen()\n\
         print(I:mark_flagged(seen), I:unmark_flagged(seen), I:add_flags({ 'A' }, seen), I:remove_flags({ 'A' }, seen))\n\
         print(I:replace_flags({ '\\\\Answered' }, seen))\n\
         print(I:copy_messages(account['lists/dev'], seen), I:move_messages(account['Junk mail'], seen))\n\
         print(I:delete_messages(I:contain_from('ann')))",
    );
}

#[test]
fn nothing_to_do() {
    same(
        "local I, to = account.INBOX, account['Junk mail']\n\
         print(Set {}:move_messages(to), Set {}:mark_seen(), Set {}:delete_messages())\n\
         print(I:move_messages(to, {}), I:mark_seen({}), I:delete_messages({}), I:copy_messages(to, {}))\n\
         local none = I:contain_from('nobody at all')\n\
         print(none:move_messages(to), none:add_flags({ 'x' }), I:move_messages(to, none))",
    );
}

#[test]
fn mailboxes() {
    same(
        "print(account:create_mailbox('new'), account:create_mailbox('new'))\n\
         print(account:subscribe_mailbox('new'), account:unsubscribe_mailbox('new'))\n\
         print(account:rename_mailbox('new', 'newer'), account:rename_mailbox('nope', 'x'))\n\
         print(account:delete_mailbox('newer'), account:delete_mailbox('newer'))\n\
         print(account:delete_mailbox('lists/dev'))\n\
         print(account:create_mailbox('deep/er/box'), account:create_mailbox('Entw\\195\\188rfe'))",
    );
}

#[test]
fn mailboxes_with_messages_are_deleted_whatever_becomes_of_other_messages() {
    for options in
        ["options.expunge = false", "options.close = true", "options.expunge = false options.close = true"]
    {
        same(&format!(
            "{options} print(#account['lists/dev']:is_seen())\n\
             print(account:delete_mailbox('lists/dev'), account:delete_mailbox('Junk mail'), account:delete_mailbox('no'))"
        ));
    }
}

#[test]
fn moving_and_copying_to_another_account() {
    let source = "other = IMAP { server = '$HOST', port = $PORT, username = 'x$USER', password = '$PASSWORD' }\n\
                  print(account.INBOX:is_seen():copy_messages(other['copied here']), #other['copied here']:select_all())\n\
                  local both = account.INBOX:is_flagged() + account['lists/dev']:select_all()\n\
                  print(both:move_messages(other.Moved), #account['lists/dev']:select_all())\n\
                  print(other.Moved:is_flagged():move_messages(account['Junk mail']))\n\
                  print(account['Junk mail']:copy_messages(other['copied here'], account['Junk mail']:select_all()))\n\
                  for _, name in ipairs { 'copied here', 'Moved' } do\n\
                    local lines = {}\n\
                    for _, message in ipairs(other[name]:select_all()) do\n\
                      local m = message[1][message[2]]\n\
                      local flags = m:fetch_flags()\n\
                      for at = #flags, 1, -1 do if flags[at] == '\\\\Recent' then table.remove(flags, at) end end\n\
                      table.sort(flags)\n\
                      lines[#lines + 1] = table.concat({ m:fetch_field('Subject'), m:fetch_size(), table.concat(flags, ' ') }, '; ')\n\
                    end\n\
                    table.sort(lines) print(name, table.concat(lines, '\\n'))\n\
                  end";
    same(source);
}

#[test]
fn appending() {
    same(
        "local to = account['Junk mail']\n\
         print(to:append_message('Message-ID: <a@b>\\r\\nSubject: x\\r\\n\\r\\nbody\\r\\n'))\n\
         print(to:append_message('Message-ID: <c@d>\\r\\n\\r\\nbody\\r\\n', { '\\\\Seen', 'Key' }, '01-Feb-2003 04:05:06 +0100'))\n\
         print(account['brand new']:append_message('Message-ID: <e@f>\\r\\n\\r\\nbody\\r\\n'))\n\
         local message = account.INBOX[2]\n\
         print(to:append_message(message:fetch_message(), { '\\\\Seen' }, message:fetch_date()))\n\
         print(#to:select_all(), #to:is_seen(), #to:arrived_on('01-Feb-2003'), #to:arrived_on('01-Jan-2020'))",
    );
}

#[test]
fn the_status_of_mailboxes() {
    same(
        "print(account.INBOX:check_status()) print(account.nope:check_status())\n\
         print(account['lists/dev']:check_status())\n\
         print(#account.INBOX:is_recent(), account.INBOX:check_status()) print(#account.INBOX:is_recent())",
    );
}

#[test]
fn a_dry_run() {
    Case::new(
        "print(account.INBOX:is_seen():move_messages(account['Junk mail']), account.INBOX:is_seen():mark_flagged())\n\
         print(account:create_mailbox('new'), account.INBOX:is_unseen():delete_messages())",
    )
    .args(&["-n"])
    .mail_only()
    .compare();
}
