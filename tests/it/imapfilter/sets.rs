//! Sets: how they are combined, gone through and made.

use super::{case::Case, same};

#[test]
fn operators() {
    same(
        "local I = account.INBOX\n\
         local a, b, c = I:is_seen(), I:is_flagged(), I:contain_from('example.org')\n\
         print(#(a + b), #(a * b), #(a - b), #(a + b * c), #((a + b) * c), #(a - b - c), #(c - a + b))\n\
         print(#(I:is_unseen() * (I:is_larger(100) + I:contain_subject('x')) - I:match_subject('^H')))",
    );
}

#[test]
fn operators_across_mailboxes() {
    same(
        "local a = account.INBOX:select_all() + account['lists/dev']:select_all()\n\
         local b = account['lists/dev']:is_seen() + account.INBOX:is_seen()\n\
         print(#a, #b, #(a * b), #(a - b), #(b - a), #(a + b))",
    );
}

#[test]
fn going_through_them() {
    same(
        "local set = account.INBOX:is_seen()\n\
         local uids = {}\n\
         for at, message in ipairs(set) do\n\
           local mailbox, uid = table.unpack(message)\n\
           uids[#uids + 1] = uid\n\
           print(type(mailbox), mailbox == account.INBOX, mailbox._mailbox, mailbox._string == account._string .. '/INBOX')\n\
         end\n\
         table.sort(uids)\n\
         print(table.concat(uids, ' '))\n\
         print(#set, type(set[1]), set[99], next({}), next(set) ~= nil)",
    );
}

#[test]
fn next_sees_a_set_that_nobody_has_looked_at() {
    // imapfilter's sets have their methods among their keys.
    let case = Case::new(
        "local I = account.INBOX print((next(I:is_seen())), (next(I:is_draft() * I:is_seen())), rawlen(I:is_seen()))\n\
         for key in pairs(I:is_seen()) do print(key) end print(rawget(I:is_seen(), 1)[2])",
    );
    assert_eq!(case.ours().output.stdout, "1\tnil\t2\n1\n2\n2\n");
}

#[test]
fn made_by_hand() {
    same(
        "local set = Set {}\n\
         for _, message in ipairs(account.INBOX:select_all()) do\n\
           if message[2] % 2 == 0 then table.insert(set, message) end\n\
         end\n\
         print(#set, #set:is_seen(), #(set * account.INBOX:is_seen()))\n\
         local plain = { { account.INBOX, 1 }, { account.INBOX, 2 } }\n\
         print(#(account.INBOX:is_seen() + plain), #(account.INBOX:is_seen() * plain))\n\
         print(#Set { 'a', 'b' }, Set { 'x' }[1], #(Set {} + Set {}))\n\
         set:mark_flagged()",
    );
}

#[test]
fn what_was_found_stays_what_it_was() {
    same(
        "local I = account.INBOX\n\
         local unseen, all = I:is_unseen(), I:select_all()\n\
         local rest = all - unseen\n\
         unseen:mark_seen()\n\
         print(#unseen, #rest, #I:is_unseen())\n\
         rest:move_messages(account['Junk mail'])\n\
         print(#unseen, #rest, #I:select_all())",
    );
}

#[test]
fn added_to_in_a_loop() {
    same(
        "local results = Set {}\n\
         for _, name in ipairs { 'ann', 'bob', 'nobody', 'dev@' } do\n\
           results = results + account.INBOX:contain_from(name)\n\
         end\n\
         print(#results)\n\
         local first = nil\n\
         for _, name in ipairs { 'ann', 'bob' } do\n\
           local one = account.INBOX:contain_from(name)\n\
           first = first and first + one or one\n\
         end\n\
         print(#first)\n\
         first:delete_messages()",
    );
}

#[test]
fn filters_as_functions() {
    same(
        "local function filter(mailbox, size, subject)\n\
           return mailbox:is_unseen() + mailbox:is_larger(size) * mailbox:contain_subject(subject)\n\
         end\n\
         local results = filter(account.INBOX, 100, 'news')\n\
         print(#results)\n\
         results:add_flags({ 'Filtered', '\\\\Flagged' })",
    );
}
