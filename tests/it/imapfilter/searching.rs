//! The searching methods, of mailboxes, of sets, and with messages of the older form.

use super::same;
use std::fmt::Write;

/// Prints the numbers of what searches find, in the mailbox and among the messages that have been read.
#[track_caller]
fn found(searches: &[&str]) {
    let mut source = String::from(
        "local function show(what, set)\n\
           local list = {}\n\
           for _, message in ipairs(set) do list[#list + 1] = message[2] end\n\
           table.sort(list)\n\
           print(what, #set, table.concat(list, ' '))\n\
         end\n\
         local seen = account.INBOX:is_seen()\n",
    );
    for search in searches {
        writeln!(source, "show([[{search}]], account.INBOX:{search})").unwrap();
        writeln!(source, "show([[seen {search}]], seen:{search})").unwrap();
    }
    same(&source);
}

#[test]
fn flags() {
    found(&[
        "select_all()",
        "is_answered()",
        "is_unanswered()",
        "is_deleted()",
        "is_undeleted()",
        "is_draft()",
        "is_undraft()",
        "is_flagged()",
        "is_unflagged()",
        "is_seen()",
        "is_unseen()",
    ]);
}

#[test]
fn keywords_of_a_mailbox() {
    same(
        "local I = account.INBOX\n\
         print(#I:has_keyword('Work'), #I:has_unkeyword('Work'), #I:has_keyword('nope'), #I:has_flag('Work'))",
    );
}

#[test]
fn recent() {
    same(
        "local I = account.INBOX\n\
         print(#I:is_recent(), #I:is_new(), #I:is_old())\n\
         print(#account['lists/dev']:is_recent())\n\
         print(#I:is_recent(), #I:is_new(), #I:is_old())",
    );
}

#[test]
fn sizes() {
    found(&["is_larger(10000)", "is_smaller(10000)", "is_larger(0)", "is_smaller(0)"]);
}

#[test]
fn ages_and_days() {
    found(&[
        "is_older(1)",
        "is_newer(1)",
        "is_older(365)",
        "is_newer(20000)",
        "arrived_before('01-Jan-2021')",
        "arrived_on('01-Jan-2020')",
        "arrived_since('02-Apr-2023')",
        "sent_before('02-Apr-2023')",
        "sent_on('02-Apr-2023')",
        "sent_since('01-Mar-2024')",
        "arrived_since('1-Jan-2020')",
        "arrived_before(form_date(0))",
    ]);
}

#[test]
fn texts_in_header_fields() {
    found(&[
        "contain_from('ann')",
        "contain_from('ANN@EXAMPLE')",
        "contain_to('me@')",
        "contain_cc('carol')",
        "contain_bcc('dave')",
        "contain_subject('patch')",
        "contain_subject('[patch]')",
        "contain_subject('news for')",
        "contain_field('X-Spam', 'maybe')",
        "contain_field('list-id', 'news.example')",
        "contain_field('Nope', 'x')",
        "contain_from('')",
    ]);
}

#[test]
fn texts_in_bodies() {
    found(&[
        "contain_body('Hello world')",
        "contain_body('second LINE')",
        "contain_message('ann@example.org')",
        "contain_message('Hello')",
        "contain_header('Hello')",
    ]);
}

#[test]
fn a_character_set() {
    // The text is in Latin 1 here.
    same("options.charset = 'ISO-8859-1' print(#account.INBOX:contain_subject('Gr\\252\\223e'))");
    same("options.charset = 'UTF-8' print(#account.INBOX:contain_subject('Gr\\195\\188\\195\\159e'))");
}

#[test]
fn patterns_on_header_fields() {
    found(&[
        "match_from('^Ann <ann@example\\\\.org>$')",
        "match_from('ann|bob')",
        "match_from('ANN')",
        "match_from('(?i)ANN')",
        "match_to('me@')",
        "match_cc('^carol')",
        "match_bcc('dave@example.org$')",
        "match_subject('^Hello$')",
        "match_subject('^Subject')",
        "match_subject('news\\\\r\\\\n for')",
        "match_subject('news.*you')",
        "match_subject('(?s)news.*you$')",
        "match_subject('=\\\\?utf-8\\\\?q\\\\?')",
        "match_subject('^new')",
        "match_subject('^\\\\[patch\\\\] \\\\w+$')",
        "match_subject('new(?! and)')",
        "match_subject('(.)\\\\1o')",
        "match_field('X-Spam', '^no')",
        "match_field('x-spam', 'maybe$')",
        "match_field('X-Spam', '(?m)^X-Spam')",
        "match_field('Nope', '^$')",
        "match_field('Nope', '^.?$')",
        "match_field('List-Id', '.')",
    ]);
}

#[test]
fn patterns_on_headers_and_bodies() {
    found(&[
        "match_header('^From')",
        "match_header('^To')",
        "match_header('(?m)^To')",
        "match_header('X-Spam: maybe')",
        "match_header('\\\\r\\\\n\\\\r\\\\n$')",
        "match_body('^Hello')",
        "match_body('world\\\\r\\\\nSecond')",
        "match_body('line$')",
        "match_body('line\\\\r$')",
        "match_body('(?m)^Second')",
        "match_body('See the file')",
        "match_message('^From')",
        "match_message('(?s)From.*Second line')",
        "match_message('Content-Type: application/pdf')",
    ]);
}

#[test]
fn what_only_pcre_has_in_patterns() {
    found(&[
        "match_from('\\\\p{Lu}\\\\p{Ll}+ <')",
        "match_from('[\\\\p{L}\\\\d]+@(?|(list)|(example))')",
        "match_from('[[:<:]]dev[[:>:]]')",
        "match_from('(ann)(?!.*(?1)x).*(?1)')",
        "match_from('(?(DEFINE)(?<word>\\\\w+))(?&word)@(?&word)\\\\.org')",
        "match_from('(?<angle><)?(?(<angle>)w|d)')",
        "match_from('(?(?=A)Ann|dev)')",
        "match_subject('^\\\\Q[patch]\\\\E \\\\X')",
        "match_subject('\\\\h++for')",
        "match_header('\\\\R{2}$')",
        "match_header('(?xm) ^ x-spam: \\\\s (*F) | ^X-Spam:')",
        "match_body('(?J)(?<a>Hello)|(?<a>file)')",
    ]);
}

#[test]
fn queries_in_imaps_own_words() {
    found(&[
        "send_query('ALL')",
        "send_query('SEEN')",
        "send_query('OR FROM \"ann\" FROM \"bob\"')",
        "send_query('NOT (OR SEEN FLAGGED)')",
        "send_query('UID 2:4 UNSEEN')",
        "send_query('SUBJECT \"patch\"')",
    ]);
}

#[test]
fn searches_among_given_messages() {
    same(
        "local I = account.INBOX\n\
         local seen = I:is_seen()\n\
         local other = account['lists/dev']:select_all()\n\
         print(#I:is_answered(seen), #I:contain_from('bob', seen), #I:match_from('bob', seen))\n\
         print(#I:contain_field('X-Spam', 'no', seen), #I:match_field('X-Spam', 'no', seen))\n\
         print(#I:is_larger(10, seen), #I:arrived_before('01-Jan-2021', seen), #I:send_query('ANSWERED', seen))\n\
         print(#I:select_all(seen), type(I:select_all(seen)), #I:match_body('Hello', seen), #I:is_older(2, seen + other))",
    );
}

#[test]
fn searches_among_messages_of_several_mailboxes() {
    same(
        "local both = account.INBOX:select_all() + account['lists/dev']:select_all()\n\
         print(#both, #both:is_seen(), #both:match_subject('^t'), #both:contain_subject('o'):is_unseen())",
    );
}

#[test]
fn a_mailbox_that_is_missing() {
    same("print(#account.nope:is_seen(), #account['no/pe']:match_from('x'), #account.INBOX:is_seen())");
}
