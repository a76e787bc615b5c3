//! What a script has around it: its arguments, JSON, time, programs, secrets, modules.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::{Server, Tls};

#[test]
fn arguments_are_in_arg_and_in_the_dots() {
    Script::new(
        r#"
        print(#arg, arg[0]:match "[^/]+$", arg[1], arg[2], arg[3], arg[4])
        print(select('#', ...), ...)
        for i, word in ipairs(arg) do io.write(i, "=", word, ";") end
        print()
        local ok, err = pcall(function() return arg.user end)
        print(ok, err.message, err.hint)
        err:ignore()
        "#,
    )
    .args(&["one", "-n", "--two", "ä b"])
    .stdout(
        "4\tscript.lua\tone\t-n\t--two\tä b\n4\tone\t-n\t--two\tä b\n1=one;2=-n;3=--two;4=ä b;\n\
         false\tthere is no `user` in this table\t`rawget(table, key)` asks without an error\n",
    )
    .stderr("")
    .run();
}

#[test]
fn json_goes_both_ways() {
    let output = Script::new(
        r#"
        local data = json.decode '{"a": [1, 2.5, "ä\\n", true, null], "b": {"c": {}}, "big": 9007199254740993}'
        print(data.a[1], data.a[2], data.a[3], data.a[4], data.a[5] == json.null, data.big, math.type(data.a[1]))
        print(json.encode(data.a), json.encode { b = 1, a = "\"\\\n" }, json.encode {}, json.encode "x", json.encode(json.null), json.encode(nil))
        print(#data.a, rawget(data.b, "d"))
        for _, call in ipairs {
          function() return data.missing end,
          function() return data.b.c.missing end,
          function() return json.decode "{" end,
          function() return json.decode "" end,
          function() return json.decode(5) end,
          function() return json.encode(print) end,
          function() return json.encode { 1, a = 2 } end,
          function() return json.encode(0 / 0) end,
          function() return json.encode { [{}] = 1 } end,
          function() local t = {} t[1] = t return json.encode(t) end,
          function() return json.decode(("["):rep(200)) end,
        } do
          local ok, err = pcall(call)
          print(ok, err.message, err.hint)
          err:ignore()
        end
        "#,
    )
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @r#"
    1 | 2.5 | ä
     | true | true | 9007199254740993 | integer
    [1,2.5,"ä\n",true,null] | {"a":"\"\\\n","b":1} | [] | "x" | null | null
    5 | nil
    false | there is no `missing` in this table | `rawget(table, key)` asks without an error
    false | there is no `missing` in this table | `rawget(table, key)` asks without an error
    false | `json.decode` got what is not JSON: EOF while parsing an object at line 1 column 1 | nil
    false | `json.decode` got what is not JSON: EOF while parsing a value at line 1 column 0 | nil
    false | `json.decode` wants JSON as a string but got 5 | nil
    false | a function can't be JSON | nil
    false | a table with both a list and names in it can't be JSON | use one or the other
    false | JSON has no number NaN | nil
    false | a table has a table as key | keys are names, or 1, 2, 3 in a list
    false | a table is nested too deep | does it contain itself?
    false | `json.decode` got what is not JSON: recursion limit exceeded at line 1 column 128 | nil
    "#);
}

#[test]
fn a_name_that_does_not_exist_is_an_error() {
    let output = Script::new(
        r#"
        local config = strict { host = "h", nested = { port = 1 }, list = { 1, 2 } }
        print(config.host, config.nested.port, #config.list, rawget(config, "x"))
        for _, call in ipairs {
          function() return config.hots end,
          function() return config.nested.prot end,
          function() return mailboxes end,
          function() return logn {} end,
          function() return debug.getinfo(1) end,
          function() return strict(5) end,
        } do
          local ok, err = pcall(call)
          print(ok, err.message, err.hint)
          err:ignore()
        end
        mailboxes = 5
        print(mailboxes, config.list[3], rawget(_G, "nothing"))
        "#,
    )
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @"
    h | 1 | 2 | nil
    false | there is no `hots` in this table | `rawget(table, key)` asks without an error
    false | there is no `prot` in this table | `rawget(table, key)` asks without an error
    false | there is no `mailboxes` here | a variable must have a value before it is read; `local` ones only exist below their line
    false | there is no `logn` here | did you mean `login`?
    false | there is no `debug` here | a variable must have a value before it is read; `local` ones only exist below their line
    false | `strict` wants a table but got 5 | nil
    5 | nil | nil
    ");
}

#[test]
fn a_secret_comes_from_where_the_script_says() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        local function try(secret)
          local account = login { host = "$HOST", port = $PORT, ca_file = "$CA", user = "$USER", password = secret }
          return account:status("INBOX").messages
        end
        local f = assert(io.open("$DIR/pw", "w"))
        f:write "$PASSWORD"
        f:close()
        run { "chmod", "600", "$DIR/pw" }
        print(try(secret.env "PW"), try(secret.command { "printf", "%s\nnotes below\n", "$PASSWORD" }), try(secret.file "$DIR/pw"))
        f = assert(io.open("$DIR/pw", "a"))
        f:write "\n"
        f:close()
        print(try(secret.file "$DIR/pw"), try(secret.file "~/pw"))
        "#,
    )
    .on(&server)
    .env("PW", "$PASSWORD")
    .changes_nothing()
    .stdout("1\t1\t1\n1\t1\n")
    .stderr("")
    .run();
}

#[test]
fn promise_25_a_secret_that_can_not_be_had_says_why_and_never_what() {
    let output = Script::new(
        r#"
        run { "sh", "-c", "printf hunter2 > open; chmod 644 open; printf hunter2 > group; chmod 640 group; : > empty; chmod 600 empty; printf 'hunter2\\377' > latin; chmod 600 latin" }
        for _, source in ipairs {
          secret.env "UNSET", secret.env "EMPTY", secret.file "$DIR/open", secret.file "$DIR/group", secret.file "$DIR/empty",
          secret.file "$DIR/missing", secret.file "$DIR/latin", secret.command { "false" }, secret.command { "/no/such/program" },
          secret.command { "true" }, secret.command { "cat", "$DIR/latin" }, "",
        } do
          local account = login { host = "127.0.0.1", port = 1, user = "me", password = source }
          local ok, err = pcall(account.noop, account)
          print(err.kind, err.message, err.hint)
          err:ignore()
        end
        for _, call in ipairs {
          function() secret.env() end, function() secret.file(5) end, function() secret.command {} end,
          function() secret.command "pass mail/work" end, function() secret.command { "pass", 5 } end, function() secret.vault "x" end,
        } do
          local ok, err = pcall(call)
          if type(err) == "string" then print(err) else print(err.message, err.hint) err:ignore() end
        end
        print(tostring(secret.env "HOME"), pcall(json.encode, secret.env "HOME"))
        "#,
    )
    .env("EMPTY", "")
    .status(8)
    .run();
    assert!(!output.to_string().contains("hunter2"), "{output}");
    insta::assert_snapshot!(output.table(), @r#"
    config | the environment variable `UNSET` is not set | set it before the run
    config | `secret.env` gave an empty password | check where it comes from
    config | the secret file `$DIR/open` can be read by others (mode 644) | `chmod 600 $DIR/open`
    config | the secret file `$DIR/group` can be read by others (mode 640) | `chmod 600 $DIR/group`
    config | `secret.file` gave an empty password | check where it comes from
    config | the secret file `$DIR/missing` can't be read: No such file or directory (os error 2) | check `secret.file`
    config | the secret file `$DIR/latin` is not UTF-8 | check `secret.file`
    config | the program `false` of `secret.command` ended with exit status: 1 | run it by hand to see why
    config | the program `/no/such/program` of `secret.command` can't be run: No such file or directory (os error 2) | check its name and PATH
    config | `secret.command` gave an empty password | check where it comes from
    config | the program `cat` of `secret.command` printed what is not UTF-8 | run it by hand
    config | the script or the accounts file gave an empty password | check where it comes from
    `secret.env` wants the name of an environment variable but got nothing | nil
    `secret.file` wants the path of a file but got 5 | nil
    `secret.command` got an empty list | `{ "pass", "mail/work" }`
    `secret.command` wants a list: a program and its arguments but got "pass mail/work" | nil
    `secret.command` wants a list of strings | `{ "pass", "mail/work" }`
    $DIR/script.lua:15: attempt to call a nil value (field 'vault')
    secret: <hidden> | false | a userdata can't be JSON
    "#);
}

#[test]
fn a_prompt_needs_a_terminal() {
    let source = "login { host = '127.0.0.1', user = 'me', password = secret.prompt 'PIN: ' }:noop()";
    let output = Script::new(source)
        .program("setsid")
        .options(&[env!("CARGO_BIN_EXE_imapscript")])
        .stdin("hunter2\n")
        .status(3)
        .stdout("")
        .run();
    insta::assert_snapshot!(output.stderr, @"
    error: no password could be asked for: there is no terminal
     --> $DIR/script.lua:1:1
      |
    1 | login { host = '127.0.0.1', user = 'me', password = secret.prompt 'PIN: ' }:noop()
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: account me@127.0.0.1
      = hint: `secret.prompt` needs a terminal; `secret.command` or `secret.file` do not
    ");
}

#[test]
fn programs_run_without_a_shell() {
    let output = Script::new(
        r#"
        local done = run { "printf", "%s|", "$HOME", "; rm -rf x", "a b", "`id`", 5 }
        print(done.ok, done.code, done.stdout, done.stderr)
        done = run { "cat", stdin = "line\0two\n" }
        print(done.stdout == "line\0two\n")
        done = run { "sh", "-c", "echo out; echo err >&2; exit 3" }
        print(done.ok, done.code, done.stdout, done.stderr)
        done = run { "sh", "-c", "kill -9 $$" }
        print(done.ok, done.code)
        done = run { "head", "-c", "1", stdin = ("x"):rep(1000000) }
        print(#done.stdout, done.ok)
        done = run { "cat", stdin = ("x"):rep(1000000) }
        print(#done.stdout)
        print(#run({ "cat" }).stdout)
        for _, order in ipairs { {}, { "/no/such/program" }, { "echo", {} }, { "echo", input = "x" }, { "cat", stdin = 5 }, "echo hi" } do
          local ok, err = pcall(run, order)
          print(ok, err.message, err.hint)
          err:ignore()
        end
        "#,
    )
    .stdin("not for the program")
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @r#"
    true | 0 | $HOME|; rm -rf x|a b|`id`|5| | 
    true
    false | 3 | out
     | err

    false | nil
    1 | true
    1000000
    0
    false | `run` got no program | `run { "program", "argument", stdin = "text" }`
    false | the program `/no/such/program` can't be run: No such file or directory (os error 2) | check its name and PATH
    false | `run` wants its arguments as strings | `run { "program", "argument", stdin = "text" }`
    false | `run` has no option `input` | `run { "program", "argument", stdin = "text" }`
    false | `run` wants `stdin` as a string | `run { "program", "argument", stdin = "text" }`
    false | `run` wants a table: a program and its arguments but got "echo hi" | nil
    "#);
}

#[test]
fn time_passes_and_is_told() {
    let output = Script::new(
        r#"
        sleep(0)
        sleep(0.01)
        print(ago "1d" < os.date "!%Y-%m-%d", #ago "6mo", ago "1y" < ago "2w", ago "90m" <= os.date "!%Y-%m-%d")
        for _, call in ipairs {
          function() sleep(-1) end, function() sleep "1" end, function() sleep() end, function() sleep(0 / 0) end,
          function() ago "soon" end, function() ago(5) end, function() ago "-3d" end, function() ago "99999999y" end,
          function() sleep(0, 1) end,
        } do
          local ok, err = pcall(call)
          print(ok, err.message, err.hint)
          err:ignore()
        end
        "#,
    )
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @r#"
    true | 10 | true | true
    false | `sleep` wants a number of seconds but got -1 | nil
    false | `sleep` wants a number of seconds but got "1" | nil
    false | `sleep` wants a number of seconds but got nothing | nil
    false | `sleep` wants a number of seconds but got a number | nil
    false | `ago` wants an age such as "30d" but got "soon" | nil
    false | `ago` wants an age such as "30d" but got 5 | nil
    false | `ago` wants an age such as "30d" but got "-3d" | nil
    false | `ago` wants an age such as "30d" but got "99999999y" | nil
    false | `sleep` got an integer too many | nil
    "#);
}

#[test]
fn what_is_logged_goes_to_standard_error_made_visible() {
    Script::new(
        r#"
        log.info "one\ntwo \27[31mred"
        log.warn(5)
        log.error(setmetatable({}, { __tostring = function() return "itself" end }))
        print "out"
        "#,
    )
    .stdout("out\n")
    .stderr("info: one\\ntwo \\u{1b}[31mred\nwarn: 5\nerror: itself\n")
    .run();
}

#[test]
fn modules_come_from_the_scripts_directory() {
    Script::new(
        r#"
        run { "sh", "-c", "mkdir sub other; echo 'return { name = \"mine\" }' > mine.lua; echo 'return \"init\"' > sub/init.lua; echo 'return \"deep\"' > sub/deep.lua" }
        print(require("mine").name, (require "sub"), (require "sub.deep"), require "mine" == require "mine")
        local ok, err = pcall(require, "missing")
        print(ok, err:match "^[^\n]+")
        "#,
    )
    .stdout("mine\tinit\tdeep\ttrue\nfalse\tmodule 'missing' not found:\n")
    .stderr("")
    .run();
}

#[test]
fn a_module_may_use_an_account() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    Script::new(
        r#"
        local f = assert(io.open("$DIR/mine.lua", "w"))
        f:write [[
          local account = $LOGIN
          return { account = account, found = account:mailbox("INBOX"):search { subject = "a" } }
        ]]
        f:close()
        local mine = require "mine"
        print(#mine.found)
        local sorted = { "b", "a" }
        table.sort(sorted, function(x, y)
          mine.account:noop()
          return #mine.account:mailbox("INBOX"):search { subject = x } > 0 and x < y
        end)
        print(table.concat(sorted, " "))
        print((("a b"):gsub("%a", function(c) return #mine.account:mailbox("INBOX"):search { subject = c } end)))
        local next_message = coroutine.wrap(function()
          for message in mine.account:mailbox("INBOX"):all():messages() do coroutine.yield(message.subject) end
        end)
        print(next_message(), next_message())
        "#,
    )
    .on(&server)
    .stdout("1\na b\n1 1\na\tb\n")
    .stderr("")
    .run();
}

on_both!(a_secret_is_read_once_in_a_run, |server| {
    let output = Script::new(
        r#"
        local account = login {
          host = "$HOST", port = $PORT, tls = "$TLS", user = "$USER", CA
          password = secret.command { "sh", "-c", "echo x >> $DIR/asked; echo $PASSWORD" },
        }
        account:noop()
        account:logout()
        account:noop()
        print(io.open("$DIR/asked"):read "a")
        "#
        .replace("CA", if server.ca_file.is_some() { "ca_file = \"$CA\"," } else { "" })
        .as_str(),
    )
    .on(server)
    .run();
    assert_eq!(output.stdout, "x\n\n");
});
