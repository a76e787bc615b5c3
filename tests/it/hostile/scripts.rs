//! Scripts that are broken, missing, or no scripts: nothing is even connected to.

use super::Case;
use crate::{harness::Script, output::Output, scripted::Scripted};
use std::process::Command;

#[track_caller]
fn fails(source: &str, stderr: &str) -> Output {
    let output = Script::new(source).status(1).stderr(stderr).run();
    assert_eq!(output.stdout, "", "{output}");
    output
}

#[test]
fn a_syntax_error() {
    fails(
        "local a = 1\nif a = 2 then\nend\n",
        "error: 'then' expected near '='\n --> $DIR/script.lua:2:1\n  |\n2 | if a = 2 then\n  | ^^^^^^^^^^^^^\n",
    );
    fails(
        "print(\"never ends\n",
        "error: unfinished string\n --> $DIR/script.lua:1:1\n  |\n1 | print(\"never ends\n  | ^^^^^^^^^^^^^^^^^\n",
    );
}

#[test]
fn a_syntax_error_at_the_end_of_the_file() {
    let output = Script::new("if true then\n").status(1).run();
    assert!(output.stderr.starts_with("error: 'end' expected"), "{output}");
    assert!(output.stderr.contains("near <eof>"), "{output}");
}

#[test]
fn a_syntax_error_means_that_nothing_ran() {
    let scripted = Scripted::new().greet().serve();
    let ended = Case::new(scripted).script("$LOGIN:noop()\nprint(1\n").run(1);
    assert!(ended.received.is_empty() && ended.output.stdout.is_empty(), "{}", ended.output);
}

#[test]
fn a_runtime_error_in_a_nested_function() {
    let source = "local function inner(t)\n  return t.x.y\nend\nlocal function outer(t)\n  local y = inner(t)\n  \
        return y\nend\nouter {}\n";
    fails(
        source,
        "error: attempt to index a nil value (field 'x')\n --> $DIR/script.lua:2:3\n  |\n2 |   return t.x.y\n  |   \
         ^^^^^^^^^^^^\n  |\n  = note: called from $DIR/script.lua:5, $DIR/script.lua:8\n",
    );
}

#[test]
fn errors_of_every_kind() {
    for (source, message) in [
        ("error 'boom'", "boom"),
        ("error()", "the script threw a nil"),
        ("error { code = 5 }", "the script threw a table"),
        ("error(42)", "42"),
        ("undefined_thing()", "there is no `undefined_thing` here"),
        ("local x = 'a' + 1", "attempt to add a 'string' with a 'number'"),
        ("coroutine.wrap(function() error 'inside' end)()", "inside"),
        ("require 'no_such_module'", "module 'no_such_module' not found:"),
        ("local function f() return 1 + f() end f()", "stack overflow"),
        ("('x'):rep(1 << 62)", "resulting string too large"),
        ("string.rep('x', -1):byte(1, 2):foo()", "attempt to index a nil value"),
    ] {
        let output = Script::new(source).status(1).run();
        let first = output.stderr.lines().next().unwrap();
        assert!(first.starts_with(&format!("error: {message}")), "{source}: {output}");
        assert!(!output.stderr.contains("panicked"), "{source}: {output}");
    }
}

#[test]
fn control_characters_in_an_error_reach_no_terminal() {
    let output = Script::new("error('\\27[31mred\\7\\0end', 0)").status(1).run();
    assert_eq!(output.stderr.lines().next(), Some("error: \\u{1b}[31mred\\u{7}\\u{0}end"), "{output}");
}

fn imapscript(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imapscript")).args(arguments).env_clear().output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_missing_file() {
    let (status, stderr) = imapscript(&["/no/such/script.lua"]);
    assert_eq!(status, Some(1));
    assert_eq!(
        stderr,
        "error: the script `/no/such/script.lua` can't be read: No such file or directory (os error 2)\n\
         hint: give the path of a Lua file, or `-` for standard input\n"
    );
}

#[test]
fn a_directory() {
    let (status, stderr) = imapscript(&["/tmp"]);
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("error: the script `/tmp` can't be read: Is a directory"), "{stderr}");
}

#[test]
fn no_script_at_all() {
    let (status, stderr) = imapscript(&[]);
    assert_eq!(status, Some(2));
    assert!(stderr.starts_with("error: "), "{stderr}");
}

#[test]
fn bytecode() {
    let compiled = "\x1bLuaT\x00\x19\n\r\n\x1a\n";
    fails(compiled, "error: this is Lua bytecode, which is not run\n |\n = hint: give the script's source\n");
}

#[test]
fn bytecode_by_another_way() {
    let source = r#"
        local dumped = string.dump(function() print "ran" end)
        print(load(dumped))
        print(load(dumped, "x", "b"))
        local file = assert(io.open("$DIR/dumped.lua", "wb"))
        file:write(dumped)
        file:close()
        print(loadfile("$DIR/dumped.lua"))
        print(loadfile("$DIR/dumped.lua", "b"))
        print(pcall(dofile, "$DIR/dumped.lua"))
        print(pcall(require, "dumped"))
    "#;
    let output = Script::new(source).run();
    assert!(!output.stdout.contains("ran"), "{output}");
    assert_eq!(output.stdout.matches("attempt to load a binary chunk").count(), 6, "{output}");
}

#[test]
fn text_that_is_no_lua() {
    for source in ["\u{feff}print(1)", "#!/usr/bin/env imapscript\nprint(1)", ""] {
        Script::new(source).stderr("").run();
    }
    for source in ["\x7fELF\x02\x01", "PK\x03\x04", "<html>", "\x00\x00\x00", "{\"json\": true}"] {
        let output = Script::new(source).status(1).run();
        assert!(output.stderr.starts_with("error: "), "{source:?}: {output}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!output.stderr.contains(control), "{source:?}: {:?}", output.stderr);
    }
}
