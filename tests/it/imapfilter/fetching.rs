//! Parts of messages.

use super::same;

#[test]
fn parts_of_a_message() {
    same(
        "local m = account.INBOX[2]\n\
         print(m:fetch_message()) print(m:fetch_header()) print(m:fetch_body())\n\
         print(m:fetch_field('subject')) print(m:fetch_field('X-SPAM')) print(m:fetch_field('List-Id'))\n\
         print(('%q'):format(m:fetch_field('nope')))\n\
         print(('%q'):format(m:fetch_fields({ 'from', 'nope', 'x-spam' })))\n\
         print(m:fetch_part('1'), m:fetch_date(), m:fetch_size())",
    );
}

#[test]
fn flags_of_a_message() {
    same(
        "for uid = 1, 7 do\n\
           local flags = {}\n\
           for _, flag in ipairs(account.INBOX[uid]:fetch_flags()) do\n\
             if flag ~= '\\\\Recent' then flags[#flags + 1] = flag end\n\
           end\n\
           table.sort(flags)\n\
           print(uid, table.concat(flags, ' '))\n\
         end",
    );
}

#[test]
fn the_structure_of_a_message() {
    same(
        "for _, uid in ipairs { 1, 5, 6 } do\n\
           local lines = {}\n\
           for part, info in pairs(account.INBOX[uid]:fetch_structure()) do\n\
             lines[#lines + 1] = table.concat({ part, info.type, tostring(info.size), tostring(info.name) }, ' ')\n\
           end\n\
           table.sort(lines)\n\
           print(uid, table.concat(lines, '; '))\n\
         end\n\
         print(account.INBOX[5]:fetch_part('1'), account.INBOX[5]:fetch_part('2'))",
    );
}

#[test]
fn a_message_that_is_gone() {
    same(
        "local m = account.INBOX[99]\n\
         print(m:fetch_message(), m:fetch_header(), m:fetch_body(), ('%q'):format(m:fetch_field('subject')))\n\
         print(m:fetch_flags(), m:fetch_date(), m:fetch_size(), m:fetch_structure(), ('%q'):format(m:fetch_part('1')))\n\
         print(('%q'):format(m:fetch_fields({ 'from', 'nope' })), select('#', m:fetch_flags()), select('#', m:fetch_body()))",
    );
}

#[test]
fn several_messages_at_once() {
    same(
        "local I, seen = account.INBOX, account.INBOX:is_seen()\n\
         for uid, text in pairs(I:fetch_fields({ 'subject' }, seen)) do print(uid == 2 and text) end\n\
         print(I:fetch_date(seen)[2], I:fetch_size(seen)[2], I:fetch_header(seen)[4] ~= nil, I:fetch_body(seen)[2])\n\
         print(type(I:fetch_flags(seen)[2]), type(I:fetch_structure(seen)[2]), I:fetch_message(seen)[4] ~= nil)",
    );
}

#[test]
fn going_through_messages() {
    same(
        "local results = account.INBOX:select_all()\n\
         local lines = {}\n\
         for _, mesg in ipairs(results) do\n\
           local mbox, uid = unpack(mesg)\n\
           local header = mbox[uid]:fetch_field('From')\n\
           lines[#lines + 1] = uid .. ' ' .. header\n\
         end\n\
         table.sort(lines)\n\
         print(table.concat(lines, '\\n'))",
    );
}

#[test]
fn piping_messages_to_a_program() {
    same(
        "local spam = Set {}\n\
         for _, mesg in ipairs(account.INBOX:select_all()) do\n\
           local mbox, uid = table.unpack(mesg)\n\
           if pipe_to('grep -q patch', mbox[uid]:fetch_message()) == 0 then table.insert(spam, mesg) end\n\
         end\n\
         print(#spam, spam:delete_messages())",
    );
}
