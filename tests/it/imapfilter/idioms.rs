//! What configurations do beside mail: functions, errors, other programs, the standard library, the command line.

use super::{case::Case, same};

#[test]
fn regular_expressions() {
    same(
        "print(regex_search('a(b)?(c)', 'xacx')) print(regex_search('z', 'a')) print(regex_search('a', 'a'))\n\
         print(regex_search('(?<y>a)(b)?', 'a')) print(select('#', regex_search('a(b)?', 'a')))\n\
         print(regex_search('^(?i)pcre: (\\\\w)$', 'PCRE: x')) print(regex_search('(\\\\d+)-(\\\\d+)', 'in 2020-11 x'))\n\
         print(select('#', regex_search('(', 'a'))) print(regex_search('end$', 'the end\\n'))\n\
         print(regex_search('(?<=a)b', 'ab')) print(regex_search('[[:alpha:]]+', '12abc'))",
    );
}

#[test]
fn other_programs() {
    same(
        "print(pipe_to('cat >/dev/null; exit 3', 'x')) print(pipe_from('echo hi; exit 2')) print(pipe_from('true'))\n\
         print(pipe_from('printf %s secret')) print(io.popen('echo popen'):read('*a')) print(os.execute('exit 0'))",
    );
}

#[test]
fn what_was_found_before_a_program_is_what_there_was_then() {
    // The messages of a set are counted after the program has marked another one.
    for run in ["os.execute(mark)", "io.popen(mark):close()", "pipe_from(mark)", "pipe_to(mark, 'x')"] {
        same(&format!(
            "local mark = [[\n\
               exec 3<>/dev/tcp/$HOST/$PORT\n\
               printf 'a LOGIN $USER $PASSWORD\\r\\nb SELECT INBOX\\r\\nc UID STORE 1 +FLAGS Marked\\r\\nd LOGOUT\\r\\n' >&3\n\
               cat <&3 >/dev/null\n\
             ]]\n\
             local file = io.open('mark.bash', 'w') file:write(mark) file:close() mark = 'bash mark.bash'\n\
             local before = account.INBOX:has_keyword('Marked')\n\
             {run}\n\
             print(#before, #account.INBOX:has_keyword('Marked'))"
        ));
    }
}

#[test]
fn passwords_from_standard_input() {
    // Both would ask on the terminal, where there is one.
    let source = "print(get_password()) print(get_password('PIN: '))\n\
                  local again = IMAP { server = account._account.server, port = $PORT, username = account._account.username }\n\
                  print(#again.INBOX:select_all()) print(get_password('Last: '))";
    Case::new(source).stdin("one\ntwo\n$PASSWORD\n").compare();
}

#[test]
fn errors_name_the_configurations_own_lines_and_settings() {
    for (source, told) in [
        (
            "IMAP { server = 'x', username = 'y', port = 70000 }\nlocal a = IMAP { server = 'x', username = 'y', password = 'z', port = 70000 }\nprint(#a.INBOX:is_seen())",
            "error: `port` is 70000: it must be a whole number from 1 to 65535\n --> $DIR/script.lua:6:1\n  |\n6 | print(#a.INBOX:is_seen())\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^\n",
        ),
        (
            "print(form_date(1/0))",
            "error: bad argument #2 to 'date' (number has no integer representation)\n --> $DIR/script.lua:4:1\n  |\n4 | print(form_date(1/0))\n  | ^^^^^^^^^^^^^^^^^^^^^\n",
        ),
        (
            "print(#account.INBOX:send_query(''))",
            "error: `` is no IMAP SEARCH program: it is empty\n --> $DIR/script.lua:4:1\n  |\n4 | print(#account.INBOX:send_query(''))\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  |\n  = hint: write it as RFC 3501 §6.4.4 has it, for example `OR SEEN FROM \"smith\"`\n",
        ),
        (
            "local a = IMAP { server = '$HOST', port = $PORT, username = 'y', password = 'z' }\nprint(#a.INBOX:is_seen())",
            "error: the server refused the login of `y`: Authentication failed.\n --> $DIR/script.lua:5:1\n  |\n5 | print(#a.INBOX:is_seen())\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^\n  |\n  = note: account y@127.0.0.1, command AUTHENTICATE\n  = hint: check `username` and `password`; many providers want an app password here\n",
        ),
        (
            "print(account.INBOX:append_message('x', {}, 5))",
            "error: string argument expected, got number\n --> $DIR/script.lua:4:1\n  |\n4 | print(account.INBOX:append_message('x', {}, 5))\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
        ),
    ] {
        let output = Case::new(source).ours().output;
        assert_eq!((output.status, output.stderr.as_str()), (Some(2), told));
    }
    let case = Case::new("print(pcall(form_date, 1/0))");
    assert_eq!(
        case.ours().output.stdout,
        "false\tbad argument #2 to 'date' (number has no integer representation)\n"
    );
}

#[test]
fn passwords_from_programs() {
    same(
        "local status, password = pipe_from('printf pass')\n\
         local again = IMAP { server = account._account.server, port = $PORT,\n\
           username = account._account.username, password = password }\n\
         print(status, #again.INBOX:select_all())",
    );
}

#[test]
fn dates() {
    same("print(sleep(0)) print(form_date(0), form_date(14), form_date(400))");
}

#[test]
fn recovering() {
    same(
        "print(recover(function() return 1, 2 end)) print(recover(function() error('boo', 0) end, 0))\n\
         local n = 0 print(recover(function() n = n + 1 if n < 2 then error('x') end return 'ok' end, 3))",
    );
}

#[test]
fn errors() {
    for source in [
        "error('boo')",
        "error({})",
        "x = = 3",
        "local t = nil print(t.x)",
        "account.INBOX:contain_from()",
        "account.INBOX:contain_from(5)",
        "account.INBOX:is_larger('5')",
        "account.INBOX:is_seen('x')",
        "IMAP { username = 'x' }",
        "IMAP { server = 'x' }",
        "IMAP {}",
        "account.INBOX:select_all():copy_messages()",
        "account.INBOX:select_all():copy_messages('x')",
        "account.INBOX:select_all():add_flags('x')",
        "account.INBOX:is_seen():nope()",
        "sleep('x')",
        "local x = account.INBOX:is_seen() + nil",
        "os.exit(7)",
        "os.exit(true)",
        "os.exit(false)",
        "os.exit()",
        "print 'a' os.exit(3) print 'b'",
    ] {
        same(source);
    }
}

#[test]
fn protected_errors() {
    same(
        "print(pcall(error, 'x')) print(pcall(function() error('x', 0) end)) print(select('#', pcall(function() return 1, nil end)))\n\
         local ok, message = pcall(function() return account.INBOX:contain_from() end) print(ok, type(message))\n\
         print(xpcall(function() error('y', 0) end, function(m) return 'handled ' .. m end))\n\
         local ok, result = pcall(function() return account.INBOX:is_seen() end) print(ok, #result)",
    );
}

#[test]
fn a_wrong_password() {
    let account = "IMAP { server = '$HOST', port = $PORT, username = 'someone', password = 'wrong' }";
    same(&format!("print 'a' print(#({account}).INBOX:is_seen()) print 'b'"));
    same(&format!("local ok = pcall(function() return #({account}).INBOX:is_seen() end) print(ok)"));
    same(&format!("unused = {account} print 'c'"));
    same("print(#IMAP({ server = '$HOST', port = 1, username = 'x', password = 'y' }).INBOX:is_seen())");
    same(
        "local x = IMAP { server = '$HOST', port = '1', username = 'x', password = 'y' } print(#x.INBOX:is_seen())",
    );
}

#[test]
fn older_lua() {
    same(
        "print(unpack({ 1, 2 }), loadstring('return 5')(), table.unpack { 3 })\n\
         print(bit32.band(6, 3), bit32.bor(1, 4), bit32.lshift(1, 4), bit32.bxor(5, 1), bit32.rshift(16, 2))",
    );
}

#[test]
fn the_standard_library() {
    same(
        "print(type(debug.getinfo), type(debug.traceback), type(io.open), type(os.getenv), type(dofile), type(package.path))\n\
         local f = io.open('part.lua', 'w') f:write('shared = 5 return \"part\"') f:close()\n\
         print(dofile('part.lua'), shared, loadfile('part.lua')(), (require('part')))\n\
         package.path = os.getenv('HOME') .. '/sub/?.lua;' .. package.path\n\
         os.execute('mkdir -p sub') f = io.open('sub/deeper.lua', 'w') f:write('return { 1, 2 }') f:close()\n\
         print(#require('deeper'), os.getenv('HOME') ~= nil, debug.getinfo(1).currentline)\n\
         print(arg, ...)",
    );
}

#[test]
fn globals_of_the_configurations_own() {
    let source = "function create_mailbox(name) return 'mine ' .. name end\n\
                  function sleep() return 'slept' end\n\
                  debug = false ipairs_ = ipairs\n";
    let rest = "print(create_mailbox('x'), sleep(), debug, #account.INBOX:is_seen(), #(account.INBOX:is_seen() + account.INBOX:is_flagged()))\n\
                print(account.INBOX:is_seen():move_messages(account['Junk mail']), account.INBOX[1]:fetch_field('subject'))";
    same(&format!("{source}{rest}"));
    // Here, even what imapfilter itself needs may be gone.
    let harsh = "string.upper = nil table.unpack = nil type = nil tostring = nil next = nil pairs = nil error = nil\n";
    let ran = Case::new(&format!("{source}{harsh}{rest}")).ours();
    assert_eq!(ran.output.stdout, "mine x\tslept\tfalse\t2\t3\ntrue\tSubject: Hello\n", "{}", ran.output);
}

#[test]
fn internals() {
    same(
        "print(account._account.username == account._string:match('^[^@]+'), account._type, account.INBOX._type, account.INBOX._mailbox)\n\
         print(account.INBOX._account == account, account['lists/dev']._mailbox, account.INBOX == account['INBOX'])\n\
         print(type(Mailbox.is_seen), type(Set.is_seen), type(Account), type(Message), type(IMAP))\n\
         function Mailbox.of_ann(self) return self:contain_from('ann') end\n\
         print(account.INBOX[3]._uid, account.INBOX[3]._mailbox == account.INBOX, type(_check_required), type(_check_optional))",
    );
}

#[test]
fn what_configurations_reach_into() {
    same(
        "local I = account.INBOX\n\
         print(#I:_send_query({ 'SEEN' }), #I:_send_query('SEEN'), #_extract_messages(I, I:is_seen()))\n\
         local mailbox, yes = next(_extract_mailboxes(I:select_all())) print(mailbox == I, yes)\n\
         print(I:_fetch_fields({ 'Subject' }, { 1 })[1], type(I:_fetch_header({ 1 })[1]), type(I:_fetch_flags({ 1 })[1]))\n\
         print(I:_check_connection(), I:_cached_select(), account:_check_connection())\n\
         print(I:_flag_messages('add', { '\\\\Flagged' }, { 1 }), I:_copy_messages(account['Junk mail'], { 1 }))",
    );
}

#[test]
fn lists_are_changed_like_tables() {
    same(
        "local set = account.INBOX:is_seen()\n\
         table.insert(set, { account.INBOX, 1 })\n\
         print(#set, #(set + account.INBOX:is_flagged()))\n\
         table.sort(set, function(a, b) return a[2] > b[2] end)\n\
         print(set[1][2], table.remove(set)[2], #set)\n\
         set[#set + 1] = { account.INBOX, 7 }\n\
         set:mark_flagged()",
    );
}

#[test]
fn names_beyond_ascii() {
    same(
        "local name = 'Entw\\195\\188rfe & mehr'\n\
         print(account:create_mailbox(name), account.INBOX:is_seen():copy_messages(account[name]), #account[name]:select_all())\n\
         options.charset = 'UTF-8' print(#account[name]:is_seen())\n\
         options.namespace = false print(#account[name]:is_seen(), #account.INBOX:is_seen(), #account['lists/dev']:is_seen())",
    );
}

#[test]
fn a_configuration_from_standard_input() {
    Case::bare("").only_args(&["-c", "-"]).stdin("print('from stdin', ...)").compare();
    Case::bare("").only_args(&["-e", "print('one line')"]).compare();
    Case::bare("").only_args(&["-c", "/nonexistent/config.lua"]).compare();
    Case::bare("").only_args(&[]).compare();
}

#[test]
fn the_default_configuration() {
    let make = "mkdir -p \"$HOME/.imapfilter\" \"$HOME/other\"; echo \"print('default')\" >\"$HOME/.imapfilter/config.lua\"; \
                echo \"print('other')\" >\"$HOME/other/config.lua\"";
    Case::bare("").only_args(&[]).shell(make).compare();
    Case::bare("").only_args(&[]).shell(make).env("IMAPFILTER_HOME", "$DIR/other").compare();
}

#[test]
fn an_interactive_run() {
    Case::new("x = 5").args(&["-i"]).stdin("print(x + 1)\ny = 2\nprint(y)\n").mail_only().compare();
}
