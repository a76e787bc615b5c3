//! `imapscript check`: what can be known of a script without running it.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::harness::Script;

/// Checks a script, and gives what is shown for it.
fn checked(source: &str, status: i32) -> String {
    let output = Script::command(&["check"]).script(source).args(&["$DIR/script.lua"]).status(status).run();
    assert_eq!(output.stdout, "", "{output}");
    output.stderr
}

/// Checks a script that must be in order.
fn fine(source: &str) {
    assert_eq!(checked(source, 0), "", "{source}");
}

/// What every piece of a script can speak of here, in one line.
const GIVEN: &str = "local account = login { host = 'h', user = 'u', password = 'p' } local work, home, other = account, account, account \
                     local inbox = account:mailbox 'INBOX' local found = inbox:all() local function unknown(...) return ... end ";

#[test]
fn what_is_wrong_is_shown_with_its_place() {
    let output = checked(
        "local inbox = login { host = 'h', user = 'u', password = 'p' }:mailbox 'INBOX'\n\
         rules(inbox) {\n\
           { 'noise', where = { form = 'ci', older_than = 7 }, move = 'CI' },\n\
         }\n\
         prnt(inbox:serach { seen = true })\n",
        1,
    );
    insta::assert_snapshot!(output, @r#"
    error: a query has no key `form`
     --> $DIR/script.lua:3:1
      |
    3 | { 'noise', where = { form = 'ci', older_than = 7 }, move = 'CI' },
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `from`?
    error: `older_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is 7
     --> $DIR/script.lua:3:1
      |
    3 | { 'noise', where = { form = 'ci', older_than = 7 }, move = 'CI' },
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    error: there is no `prnt` here
     --> $DIR/script.lua:5:1
      |
    5 | prnt(inbox:serach { seen = true })
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `print`?
    error: a mailbox has no `serach`
     --> $DIR/script.lua:5:1
      |
    5 | prnt(inbox:serach { seen = true })
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `search`?
    error: 4 things to put right
    "#);
}

/// Scripts with one mistake each, and what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    // Names.
    ("prnt 'x'", "there is no `prnt` here"),
    ("local x = 5\nprint(y)", "there is no `y` here"),
    ("do local x = 5 end print(x)", "there is no `x` here"),
    ("debug.traceback()", "there is no `debug` here"),
    ("json.encdoe(5)", "`json` has no `encdoe`"),
    ("print(('x'):uper())", "`string` has no `uper`"),
    ("for message in found:messages() do print(message.subject:macth 'x') end", "`string` has no `macth`"),
    // What values have.
    ("inbox:serach { seen = true }", "a mailbox has no `serach`"),
    ("account:mailbx 'INBOX'", "an account has no `mailbx`"),
    ("found:mvoe 'X'", "a selection has no `mvoe`"),
    ("print(found:trash().cuont)", "a report has no `cuont`"),
    ("for message in found:messages() do print(message.form) end", "a message has no `form`"),
    ("for message in found:messages() do print(message.from.mail) end", "an address has no `mail`"),
    (
        "for message in found:messages() do for _, to in ipairs(message.to) do print(to.x) end end",
        "an address has no `x`",
    ),
    ("found:filter(function(message) return message.flaged end)", "a message has no `flaged`"),
    ("inbox:search { function(message) return message.flaged end }", "a message has no `flaged`"),
    ("account.select('X')", "`select` was called without its object"),
    // Queries.
    ("inbox:search { form = 'x' }", "a query has no key `form`"),
    ("inbox:search {}", "an empty query would match every message"),
    ("inbox:search { seen = 'yes' }", "`seen` must be `true` or `false` but is \"yes\""),
    ("inbox:search { older_than = 30 }", "`older_than` must be an age such as"),
    ("inbox:search { before = '2024-02-30' }", "`before` must be a day"),
    ("inbox:search { before = unknown(), larger_than = {} }", "`larger_than` must be"),
    ("inbox:search { seen = unknown() .. 'x' }", "`seen` must be `true` or `false`"),
    ("inbox:search { any = { { seen = true }, { sene = true } } }", "a query has no key `sene`"),
    ("inbox:search { any = {} }", "an empty list under `any` can't be meant"),
    ("inbox:search { except = { flaged = true } }", "a query has no key `flaged`"),
    ("inbox:search { raw = '(' }", "`raw`"),
    ("inbox:search { header = { ['a b'] = 'x' } }", "`a b` is no name of a header field"),
    ("inbox:search { subject = address 'a@b.example' }", "`subject` has no addresses in it"),
    ("inbox:search { subject = regex '((' }", "`((` is no regular expression"),
    ("local query = { sene = true }\ninbox:search(query)", "a query has no key `sene`"),
    ("local function tidy(box) return box:search { sene = true } end", "a query has no key `sene`"),
    ("found:filter { seen = 1 }", "`seen` must be `true` or `false` but is 1"),
    // Rules.
    ("rules(inbox) {\n{ 'one', where = { frm = 'x' }, move = 'A' } }", "a query has no key `frm`"),
    ("rules(inbox) { { 'one', where = { from = 'x' }, mvoe = 'A' } }", "rule `one`: a rule has no `mvoe`"),
    ("rules(inbox) { { 'one', where = { from = 'x' }, move = 5 } }", "rule `one`: `move` must be a name"),
    ("rules(inbox) { { 'one', move = 'A' } }", "rule `one`: it has no `where`"),
    ("rules(inbox) { { 'one', where = { from = 'x' } } }", "rule `one`: it does nothing"),
    ("rules(inbox) { { where = { from = 'x' }, move = 'A' } }", "a rule has no name"),
    (
        "rules(inbox) { { 'one', where = { from = 'x' }, move = 'A', trash = true } }",
        "rule `one`: both `move` and `trash`",
    ),
    (
        "rules(inbox) { { 'one', where = { from = 'x' }, mark = 'seen', limit = 5 } }",
        "rule `one`: it has a `limit` but removes nothing",
    ),
    (
        "local r = { 'one', where = { from = 'x' }, trash = true }\nrules(inbox) { r, r }",
        "there are two rules `one`",
    ),
    ("rules(inbox) { 'one', where = { from = 'x' } }", "`rules`"),
    (
        "rules(found) { { 'one', where = { from = 'x' }, trash = true } }",
        "`rules` wants a mailbox or a list of them but got",
    ),
    // Settings and arguments.
    ("login { host = 'h', user = 'u', pasword = 'p' }", "`login` has no setting `pasword`"),
    ("login { host = 'h', user = 'u' }", "`login` wants a `password` but got nothing"),
    ("login { host = 'h', user = 'u', password = 'p', tls = 'ssl' }", "`login` wants `tls` as"),
    ("login { host = unknown(), user = 5, password = 'p' }", "`login` wants `user` as a string but got 5"),
    ("found:move('X', { limt = 5 })", "there is no option `limt`"),
    ("found:move(unknown(), { limit = 0 })", "a limit must be a positive whole number but is 0"),
    ("found:newest 'five'", "`newest` wants how many messages but got \"five\""),
    ("found:sort 'sice'", "messages can't be sorted by `sice`"),
    ("found:messages { 'txt' }", "`messages` wants a list of"),
    ("account:create(5)", "`create` wants a mailbox name but got 5"),
    ("account:rename('a', 'b', 'c')", "`rename` got a string too many"),
    ("inbox:append('x', { flgs = 'seen' })", "`append` has no option `flgs`"),
    ("run { 'cat', stdin = 5 }", "`run` wants `stdin` as a string"),
    ("sleep 'long'", "`sleep` wants a number of seconds but got \"long\""),
    ("ago 'soon'", "`ago` wants an age such as \"30d\""),
    ("found:purge()", "this run may not purge"),
    ("rules(inbox) { { 'one', where = { from = 'x' }, purge = true } }", "this run may not purge"),
    // Lua's own.
    ("print(", "unexpected symbol near <eof>"),
    ("if true then", "'end' expected near <eof>"),
    ("goto nowhere", "no visible label 'nowhere'"),
    ("local x <const> = 5 x = 6", "attempt to assign to const variable 'x'"),
];

#[test]
fn each_mistake_is_found_in_its_line() {
    for (source, wanted) in MISTAKES {
        println!("{source}");
        let shown = checked(&format!("{GIVEN}\n{source}"), 1);
        let first = shown.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && first.contains(wanted), "{source}\n{shown}");
        let line = 2 + source.matches('\n').count();
        let places = [format!("script.lua:{line}:"), "script.lua:2:".to_owned()];
        assert!(places.iter().any(|place| shown.contains(place)), "{source}\n{shown}");
        assert!(shown.ends_with("error: 1 thing to put right\n"), "only one: {source}\n{shown}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let shown = checked(
        &format!(
            "{GIVEN}\ninbox:search {{ sene = true, form = 'x', older_than = 5 }}\nprnt 'x'\nfound:mvoe 'X'\n\
             rules(inbox) {{ {{ 'a', where = {{ frm = 'x' }}, mvoe = 'y' }}, {{ 'b', where = {{ seen = 5 }} }} }}"
        ),
        1,
    );
    let found: Vec<_> = shown.lines().filter(|line| line.starts_with("error: ")).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    error: a query has no key `sene`
    error: a query has no key `form`
    error: `older_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is 5
    error: there is no `prnt` here
    error: a selection has no `mvoe`
    error: a query has no key `frm`
    error: rule `a`: a rule has no `mvoe`
    error: `seen` must be `true` or `false` but is 5
    error: rule `b`: it does nothing
    error: 9 things to put right
    "#);
}

#[test]
fn what_only_a_run_can_know_is_no_mistake() {
    for source in [
        "for name, value in pairs(unknown()) do print(name.x, value:serach {}, value.y.z) end",
        "local query = {}\nquery.sene = true\nprint(query)",
        "local query = { seen = true }\nif unknown() then query.older_than = '5d' end\ninbox:search(query)",
        "local object = {}\nfunction object:search(t) return t end\nobject:search { sene = true }\nlocal o = unknown()\no:search { sene = true }",
        "for _, day in ipairs { 'a', 'b' } do inbox:search { before = day, from = { day, unknown() } } end",
        "inbox:search { [unknown()] = 5 }",
        "local found = unknown()\nfound:whatever()",
        "x = 5\nprint(x)\n_G.y = 6\nprint(y)\nfunction z() end\nz()",
        "local unpack = table.unpack or unpack\nprint(unpack {})",
        "function string.trim(s) return s end\nprint(string.trim 'x', ('x'):trim())",
        "dofile 'other.lua'\nwhatever()",
        "setmetatable(_G, nil)\nprint(whatever)",
        "local list = {}\nfor i = 1, 5 do list[i] = { 'rule ' .. i, where = { from = 'x' }, move = 'y' } end\nrules(inbox)(list)",
        "rules(inbox) { { 'one', where = { from = 'x' }, move = unknown(), trash = unknown() } }",
        "rules(inbox) { { 'one', where = { from = 'x' }, move = 'y', trash = false }, unknown() }",
        "rules { inbox, home:mailbox 'Other' } { { 'one', where = { from = 'x' }, move = other:mailbox 'y' } }",
        "allow 'purge'\nfound:purge()\nfound:mark 'deleted'",
        "allow(unknown())\nfound:purge()",
        "local ok, err = pcall(account.select, account, 'Missing')\nif not ok then err:ignore() print(err.kind) end",
        "for message in found:messages { 'text' } do print(message.headers['x-foo'], message.headers.subject, #message.to) end",
        "for _, mailbox in ipairs(account:list '*') do print(mailbox.name, mailbox.anything) end",
        "local both = found + inbox:search { seen = true }\nboth:move 'X'",
        "login { host = 'h', user = 'u', password = unknown(), port = math.tointeger(unknown()), auth = unknown(), tls = unknown() }",
        "run { 'cat', unknown(), stdin = unknown(), reads = unknown() }",
        "inbox:append(unknown(), { flags = { 'seen', unknown() }, date = unknown() })",
        "#!/usr/bin/env imapscript\nprint 'x'",
        "goto done\nprint 'x'\n::done::",
        "local x <close> = nil\nprint(x, 0x1p4, 1 // 2, 3 & 4, ~5)",
        "print(... , select('#', ...), arg[1], arg[0], rawget(arg, 'x'))",
        "print([[long\nstring]], [==[another]==])",
    ] {
        let given = if source.starts_with('#') { "" } else { GIVEN };
        fine(&format!("{given}{source}"));
    }
}

#[test]
fn every_key_of_a_query_may_have_a_value_that_only_a_run_knows() {
    let mut source = GIVEN.to_owned();
    for key in imapscript::engine::query::KEYS {
        writeln!(source, "inbox:search {{ {key} = unknown() }}").unwrap();
        writeln!(source, "inbox:search {{ {key} = unknown(), seen = true, from = {{ unknown() }} }}")
            .unwrap();
    }
    fine(&source);
}

/// The fields that a class of the type files has.
fn fields(class: &str) -> Vec<String> {
    let text: String = imapscript::lua::types::FILES.iter().map(|(_, text)| *text).collect();
    let begin = text.find(&format!("---@class {class}\n")).unwrap();
    let lines = text[begin..].lines().skip(1).take_while(|line| line.starts_with("---@field "));
    lines.map(|line| line.split([' ', '?']).nth(1).unwrap().to_owned()).collect()
}

#[test]
fn every_setting_may_have_a_value_that_only_a_run_knows() {
    let mut source = GIVEN.to_owned();
    for key in fields("LoginSettings") {
        let given = ["host", "user", "password"].map(|name| if name == key { "x = nil" } else { name });
        let given: Vec<_> =
            given.iter().filter(|name| **name != "x = nil").map(|name| format!("{name} = '1', ")).collect();
        writeln!(source, "login {{ {}{key} = unknown() }}", given.concat()).unwrap();
    }
    let oauth: Vec<_> = fields("OAuth2Settings").iter().map(|key| format!("{key} = unknown()")).collect();
    writeln!(source, "login {{ host = unknown(), user = unknown(), oauth2 = {{ {} }} }}", oauth.join(", "))
        .unwrap();
    fine(&source);
}

#[test]
fn the_examples_are_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scripts: Vec<_> =
        fs::read_dir(root.join("scripts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() > 10);
    let scripts: Vec<_> = scripts.iter().map(|path| path.to_str().unwrap()).collect();
    Script::command(&["check"]).args(&scripts).stdout("").stderr("").run();
}

#[test]
fn what_the_documentation_shows_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    pages.extend(fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for piece in text.split("```lua\n").skip(1) {
            let piece = piece.split("```").next().unwrap();
            fine(&format!("allow 'purge' {GIVEN} do {piece} end"));
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
}

#[test]
fn nothing_is_run_and_nobody_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = Script::command(&["check"])
        .script(&format!(
            "allow 'purge'\n\
             local account = login {{ host = '127.0.0.1', port = {port}, tls = 'none', user = 'u',\n\
               password = secret.command {{ 'touch', '$DIR/asked' }} }}\n\
             local found = account:select('INBOX'):search {{ seen = true }}\n\
             found:move 'Box' found:export '$DIR/out' found:save '$DIR' found:purge {{ archive = '$DIR/mbox' }}\n\
             account:create 'x' account:list() account:mailbox('x'):restore '$DIR/script.lua'\n\
             run {{ 'touch', '$DIR/run' }} sleep(1e9) os.execute 'touch $DIR/executed' print 'printed'\n\
             io.open('$DIR/opened', 'w'):close()\n\
             while true do end\n"
        ))
        .args(&["$DIR/script.lua"]);
    let home = tempfile::tempdir().unwrap();
    output.home(home.path()).stdout("").stderr("").run();
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["script.lua"]);
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn strings_that_grow_without_end_are_let_go() {
    let mut source = format!("local a0 = \"{}\"\n", "x".repeat(200));
    for number in 1..60 {
        writeln!(source, "local a{number} = a{0} .. a{0}", number - 1).unwrap();
    }
    source.push_str("print(a59)");
    fine(&source);
}

#[test]
fn a_script_may_be_as_deep_as_it_is_long() {
    for source in [
        format!("local x = 1{}\nprnt(x)", " + 1".repeat(60_000)),
        format!("local x = {{}}\nprnt(x{})", ".a".repeat(60_000)),
        format!("local x = {{}}\nx{} prnt(x)", ":a()".repeat(60_000)),
    ] {
        let shown = checked(&source, 1);
        assert!(shown.starts_with("error: there is no `prnt` here\n"), "{}", &shown[..200]);
    }
    let shown = checked(&format!("print(1{})", " + 1".repeat(100_000)), 1);
    assert!(shown.contains("script.lua` is too long to be checked"), "{shown}");
}

#[test]
fn modules_of_the_script_are_checked_too() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("mine")).unwrap();
    fs::write(
        home.path().join("mine/tools.lua"),
        "shared = 5\nreturn { tidy = function(box) box:search { sene = true } end }\n",
    )
    .unwrap();
    fs::write(home.path().join("broken.lua"), "return (\n").unwrap();
    let run = |source: &str| {
        Script::command(&["check"])
            .script(source)
            .args(&["$DIR/script.lua"])
            .home(home.path())
            .status(1)
            .run()
    };
    let output = run("local tools = require 'mine.tools'\nprint(shared, tools, shard)\n");
    insta::assert_snapshot!(output.stderr, @"
    error: there is no `shard` here
     --> $DIR/script.lua:2:1
      |
    2 | print(shared, tools, shard)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `shared`?
    error: a query has no key `sene`
     --> $DIR/mine/tools.lua:2:1
      |
    2 | return { tidy = function(box) box:search { sene = true } end }
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `seen`?
    error: 2 things to put right
    ");
    let output = run("require 'broken'\n");
    assert!(output.stderr.contains("broken.lua:2"), "{output}");
}

#[test]
fn a_script_comes_from_standard_input_or_not_at_all() {
    let output = Script::command(&["check", "-"]).stdin("prnt 'x'\n").status(1).stdout("").run();
    assert!(output.stderr.contains("there is no `prnt` here\n --> stdin:1:1"), "{output}");
    Script::command(&["check", "-"]).stdin("print 'x'\n").stdout("").stderr("").run();
    Script::command(&["check", "/no/such.lua"]).status(1).stdout("").stderr_contains("can't be read").run();
    Script::command(&["check"]).status(2).stdout("").run();
}
