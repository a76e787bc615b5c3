//! `parallel`: functions that go on while others wait for their servers.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::scripted::{Scripted, ScriptedServer};
use crate::server::Server;

/// Tells in which order things happened.
const NOTE: &str = r#"
    local notes = {}
    local function note(text) notes[#notes + 1] = text end
    local function tell() print(table.concat(notes, " ")) end
"#;

/// Logs in to the servers whose ports are the script's arguments.
const LOGINS: &str = r#"
    local accounts = {}
    for number, port in ipairs(arg) do
        accounts[number] =
            login { host = "127.0.0.1", port = math.tointeger(port), tls = "none", user = "u", password = "p" }
    end
    local function each(f)
        local jobs = {}
        for number, account in ipairs(accounts) do jobs[number] = function() return f(account) end end
        return jobs
    end
"#;

fn ports(servers: &[ScriptedServer]) -> Vec<String> {
    servers.iter().map(|server| server.address.port().to_string()).collect()
}

#[track_caller]
fn says(source: &str, stdout: &str) {
    Script::new(&format!("{NOTE}{source}")).stdout(stdout).stderr("").run();
}

#[test]
fn each_goes_on_while_others_wait() {
    says(
        r#"
        local over = false
        local results = parallel {
            function() note "a begins" repeat sleep(0.01) until over note "a ends" return 1, 2 end,
            function() note "b begins" sleep(0.05) note "b ends" over = true return "two" end,
            function() note "c" end,
        }
        tell()
        print(results[1], results[2], results[3], #results)
        "#,
        "a begins b begins c b ends a ends\n1\ttwo\tnil\t2\n",
    );
}

#[test]
fn no_more_are_under_way_than_the_script_wants() {
    says(
        r#"
        local now, most, jobs = 0, 0, { at_once = 3 }
        for number = 1, 10 do
            jobs[number] = function()
                now = now + 1
                most = math.max(most, now)
                sleep(0.01)
                now = now - 1
                return number
            end
        end
        print(table.concat(parallel(jobs), " "), most)
        print(#parallel {})
        "#,
        "1 2 3 4 5 6 7 8 9 10\t3\n0\n",
    );
}

// Each server is silent until the other one was asked: one after the other, they would wait for ever.
#[test]
fn servers_are_asked_at_the_same_time() {
    let servers = [(); 2].map(|()| {
        Scripted::new().greet().serve_until("NOOP").pause().send("{tag} OK done\r\n").serve().start()
    });
    let script = Script::new(&format!(
        "{LOGINS}{}",
        "print(#parallel(each(function(account) account:noop() return 1 end)))"
    ));
    let running = script.args(&ports(&servers)).spawn();
    for server in &servers {
        server.wait_for("NOOP");
    }
    servers.iter().for_each(ScriptedServer::go_on);
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "2\n"), "{output}");
}

// What the end of the run does, it does in all accounts at once: each says goodbye before any was answered.
#[test]
fn accounts_are_logged_out_at_the_same_time() {
    let servers = [(); 2]
        .map(|()| Scripted::new().greet().serve_until("LOGOUT").pause().send("{tag} OK bye\r\n").start());
    let script =
        Script::new(&format!("{LOGINS}{}", "for _, account in ipairs(accounts) do account:noop() end"));
    let running = script.args(&ports(&servers)).spawn();
    for server in &servers {
        server.wait_for("LOGOUT");
    }
    servers.iter().for_each(ScriptedServer::go_on);
    let output = running.finish();
    assert_eq!(output.status, Some(0), "{output}");
}

on_both!(actions_rules_and_loops_in_tasks_do_what_they_do_outside, |server| {
    for mailbox in ["One", "Two", "Three"] {
        server.seed(mailbox, &[Mail::new("a").body("first"), Mail::new("b").body("second"), Mail::new("c")]);
    }
    server.seed("Old", &[]).seed("Trash", &[]);
    Script::new(
        r#"
        local account = $LOGIN
        local done = parallel {
            function()
                local texts = {}
                for message in account:mailbox("One"):all():messages { "text" } do
                    texts[#texts + 1] = message.subject .. message:text():match "%a*"
                end
                account:mailbox("One"):search({ subject = "a" }):move "Old"
                return table.concat(texts, " ")
            end,
            function()
                return rules(account:mailbox "Two") {
                    { "b", where = { body = function(text) return text:find "second" end }, move = "Old" },
                    { "rest", where = { subject = "a" }, mark = "flagged" },
                }.b.matched
            end,
            function()
                -- Where Lua can't put a task to sleep, it waits.
                local size = {}
                for message in account:mailbox("Three"):all():messages() do size[#size + 1] = message end
                table.sort(size, function(a, b) return #a:text() < #b:text() end)
                local inner = coroutine.wrap(function() coroutine.yield(size[1].subject .. #size[3]:text()) end)
                return inner()
            end,
        }
        print(table.unpack(done))
        "#,
    )
    .on(server)
    .options(&["-q"])
    .stdout("afirst bsecond cHello\t1\ta7\n")
    .mailbox("One", &["b", "c"])
    .mailbox("Two", &["a", "c"])
    .mailbox("Old", &["a", "b"])
    .run();
});

// A function that judges messages may not act. What another task does meanwhile is not its doing.
#[test]
fn tasks_act_while_others_judge() {
    let server = Server::sandbox();
    server.seed("One", &[Mail::new("a"), Mail::new("b")]).seed("Two", &[Mail::new("c")]).seed("Old", &[]);
    Script::new(
        r#"
        local account = $LOGIN
        local found = parallel {
            function() return #account:mailbox("One"):search { function(message) return message:text() end } end,
            function() return #account:mailbox("Two"):all():move("Old").moved end,
        }
        print(table.unpack(found))
        "#,
    )
    .on(&server)
    .options(&["-q"])
    .stdout("2\t1\n")
    .run();
}

#[test]
fn a_failure_keeps_nobody_else_from_ending_and_names_its_line() {
    let refusing =
        |text: &str| Scripted::new().greet().serve().on("NOOP", format!("{{tag}} NO {text}\r\n")).start();
    let servers = [refusing("not today"), refusing("never")];
    let source = r#"
        parallel {
            function() accounts[1]:noop() end,
            function()
                accounts[2]:noop()
            end,
            function() sleep(0.2) print "done" end,
        }
        print "not reached"
    "#;
    Script::new(&format!("{LOGINS}{source}"))
        .args(&ports(&servers))
        .status(6)
        .stdout("done\n")
        .stderr_contains("--> $DIR/script.lua:")
        .stderr_contains("function() accounts[1]:noop() end,")
        .stderr_contains("NO not today")
        .stderr_contains("NO never")
        .run();
}

#[test]
fn the_worst_failure_ends_the_script_and_the_others_are_told() {
    let refusing = Scripted::new().greet().serve().on("NOOP", "{tag} NO not today\r\n").start();
    let unwilling =
        Scripted::new().greet().serve().on("LOGIN", "{tag} NO [AUTHENTICATIONFAILED] go away\r\n").start();
    let source = r#"
        parallel {
            function() accounts[1]:noop() end,
            function() accounts[2]:noop() end,
            function() error "mine" end,
        }
    "#;
    let output =
        Script::new(&format!("{LOGINS}{source}")).args(&ports(&[refusing, unwilling])).status(4).run();
    let heads: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(heads[0].contains("go away"), "{output}");
    assert!(heads[1..].iter().any(|line| line.contains("not today")), "{output}");
    assert!(heads[1..].iter().any(|line| line.ends_with(": mine")), "{output}");
    assert!(!output.stderr.contains("caught by the script"), "{output}");
}

#[test]
fn a_script_can_catch_what_failed() {
    says(
        r#"
        local ok, thrown = pcall(parallel, { function() error "mine" end, function() note "other" end })
        tell()
        print(ok, (thrown:gsub("^.*: ", "")))
        "#,
        "other\nfalse\tmine\n",
    );
}

#[test]
fn a_script_that_ends_itself_in_a_task_ends_what_it_began() {
    let server = Server::sandbox();
    server.seed("One", &[Mail::new("a")]).seed("Old", &[]);
    Script::new(
        r#"
        local account = $LOGIN
        local found = account:mailbox("One"):all()
        parallel {
            function() found:move "Old" print "not reached" end,
            function() os.exit(3) end,
            function() print "not begun" end,
        }
        print "not reached"
        "#,
    )
    .on(&server)
    .status(3)
    .stdout("$USER@127.0.0.1: moved 1 message from One to Old\n")
    .mailbox("Old", &["a"])
    .run();
}

#[test]
fn an_interrupt_ends_all_tasks() {
    let server = Scripted::new().greet().serve_until("NOOP").stall().start();
    let source =
        format!("{LOGINS}parallel {{ function() accounts[1]:noop() end, function() sleep(60) end }}");
    let running = Script::new(&source).args(&ports(std::slice::from_ref(&server))).spawn();
    server.wait_for("NOOP");
    running.signal("INT");
    let output = running.finish();
    assert_eq!(output.status, Some(130), "{output}");
    assert_eq!(output.stderr.matches("interrupted").count(), 1, "{output}");
}

#[test]
fn what_is_no_list_of_functions_is_refused_before_any_is_called() {
    for (argument, error) in [
        ("1", "`parallel` wants a list of functions but got 1"),
        ("{ print, 7 }", "`parallel` wants functions, but number 2 is an integer"),
        ("{ print, at_onc = 2 }", "`parallel` got `at_onc` among its functions"),
        ("{ print, at_once = 0 }", "`at_once` must be a positive whole number"),
    ] {
        let output = Script::new(&format!("parallel({argument})")).status(1).stdout("").run();
        assert!(output.stderr.starts_with(&format!("error: {error}\n")), "{output}");
    }
}
