//! The sweep: whatever goes wrong at whatever step of an action, no mail is lost and none is doubled.
//!
//! A clean run of each action, on each server and by each of its ways to move a message, tells the steps that there
//! are. Then for each step and each fault: an account with a handful of messages, a run in which the fault strikes,
//! and the same run again without it, in the same home. `judge` has the promise that must hold then.
//!
//! `cargo test` runs a choice of the cases, the same each time. All of them run where `IMAPSCRIPT_SWEEP` is `full`,
//! as `tests/run --full` sets it.

mod action;
mod carrier;
mod case;
mod choice;
mod elsewhere;
mod fault;
mod gate;
mod judge;
mod peer;
mod self_test;
mod stage;

use action::{Action, Rung};
use case::{Case, Clean, Setting};
use fault::{Fault, Kind};
use gate::Pace;
use judge::Verdict;
use stage::Host;
use std::{
    collections::BTreeMap,
    env,
    io::{Write, stderr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};
use tempfile::TempDir;

/// How many cases run at once, and how many of those that mostly wait.
const THREADS: usize = 3;
const WAITING_THREADS: usize = 16;

#[test]
fn promise_14_moves_lose_and_double_nothing() {
    sweep(Action::Move);
}

#[test]
fn promise_14_copies_lose_and_double_nothing() {
    sweep(Action::Copy);
}

#[test]
fn promise_14_what_goes_to_trash_is_neither_lost_nor_doubled() {
    sweep(Action::Trash);
}

#[test]
fn promise_14_purges_remove_what_was_named_and_nothing_else() {
    sweep(Action::Purge);
}

#[test]
fn marks_lose_and_double_nothing() {
    sweep(Action::Mark);
}

#[test]
fn promise_14_appends_lose_and_double_nothing() {
    sweep(Action::Append);
}

#[test]
fn promise_14_rules_lose_and_double_nothing() {
    sweep(Action::Rules);
}

#[test]
fn moves_out_of_an_account_lose_and_double_nothing() {
    sweep(Action::MoveOut);
}

#[test]
fn moves_into_another_account_lose_and_double_nothing() {
    sweep(Action::MoveIn);
}

#[test]
fn copies_out_of_an_account_lose_and_double_nothing() {
    sweep(Action::CopyOut);
}

#[test]
fn copies_into_another_account_lose_and_double_nothing() {
    sweep(Action::CopyIn);
}

#[test]
fn promise_15_undo_loses_and_doubles_nothing() {
    sweep(Action::Undo);
}

#[test]
fn promise_19_applied_plans_lose_and_double_nothing() {
    sweep(Action::Apply);
}

#[test]
fn promise_14_deletions_remove_the_mailbox_that_was_named_and_nothing_else() {
    sweep(Action::Delete);
}

// What was in the target before is like what comes: where the server will not say where that begins, and then that the
// mailbox is there after all, neither an arrival may be proven by it, nor may it be acted on in the place of one.
#[test]
fn promise_19_what_was_there_before_is_not_taken_for_what_comes() {
    for rung in [Rung::Uidplus, Rung::Neither] {
        for action in [Action::Move, Action::Apply] {
            let asked = |text: &str| text.contains("STATUS \"Box\"");
            refuse(Setting { host: Host::Sandbox, rung, action, pace: Pace::Flight }, asked);
        }
    }
}

// The copies are there, the originals too, and held: when the plan is applied again, what later actions want is done to
// the copies.
#[test]
fn promise_19_a_plan_goes_on_with_the_copies_of_what_is_held() {
    for rung in [Rung::Uidplus, Rung::Neither] {
        let verbs = ["EXAMINE \"Box\"", "UID FETCH", "SELECT \"INBOX\"", "UID STORE", "UID EXPUNGE"];
        let removes = |text: &str| verbs.iter().any(|verb| text.contains(verb));
        refuse(Setting { host: Host::Sandbox, rung, action: Action::Apply, pace: Pace::Flight }, removes);
    }
}

// A copy that went on is not where one looks for it: that its original was not touched would be wrong, and have it moved
// a second time.
#[test]
fn promise_14_what_is_held_is_in_doubt_also_when_its_copy_went_on() {
    let setting =
        Setting { host: Host::Sandbox, rung: Rung::Uidplus, action: Action::Move, pace: Pace::Flight };
    let clean = Clean::record(setting);
    let marks = clean.steps.iter().position(|step| step.text.contains("UID STORE")).unwrap();
    let (stage, home) = (setting.stage(), TempDir::new().unwrap());
    let source = setting.action.script().replace("$LOGIN", "$KEYED");
    stage.gate.arm(Some((marks, Fault::No)));
    let held = stage.script(&source).home(home.path()).spawn().finish();
    assert_eq!(held.status, Some(8), "{held}");
    stage.gate.arm(None);
    let on = "$KEYED:mailbox(\"Box\"):search({ subject = \"take\", uid = \"3:99\" }):move(\"Kept\", { limit = 9 })";
    let moved = stage.script(on).home(home.path()).spawn().finish();
    let before = stage.snapshot();
    assert!(moved.stdout.contains("moved 5 messages"), "{moved}");
    assert_eq!(before.subjects("Kept").len(), 5, "{moved}");
    let settled = stage.command(&["settle"]).home(home.path()).spawn().finish();
    assert_eq!(settled.status, Some(8), "{settled}");
    assert!(
        settled.stdout.contains("IN DOUBT 5 messages (UID 2,4:7): one like it was in the target"),
        "{settled}"
    );
    assert_eq!(stage.snapshot(), before, "{settled}");
}

/// Runs the cases of a setting in which the server refuses one of some commands.
fn refuse(setting: Setting, is_refused: impl Fn(&str) -> bool) {
    let clean = Clean::record(setting);
    let steps = clean.steps.iter().enumerate();
    let refused = steps.filter(|(_, step)| step.kind == Kind::Command && is_refused(&step.text));
    let cases: Vec<Case> = refused
        .flat_map(|(at, _)| [Fault::No, Fault::Bad].map(|fault| (at, fault)))
        .map(|(at, fault)| Case { clean: &clean, at, fault, relapse: None })
        .collect();
    assert!(cases.len() >= 2, "{setting}: {}", cases.len());
    for verdict in each(&cases, THREADS, |case: &Case| case.run()) {
        if let Verdict::Wrong(complaint) = verdict {
            panic!("{complaint}");
        }
    }
}

fn sweep(action: Action) {
    let whole = env::var("IMAPSCRIPT_SWEEP").is_ok_and(|value| value == "full");
    let mut settings = vec![];
    for host in [Host::Sandbox, Host::Dovecot] {
        for rung in Rung::ALL {
            for pace in [Pace::Flight, Pace::Single] {
                settings.push(Setting { host, rung, action, pace });
            }
        }
    }
    let clean: Vec<Clean> = each(&settings, THREADS, |setting| Clean::record(*setting));
    let all: Vec<Case> = clean.iter().flat_map(Clean::cases).collect();
    let chosen = choice::choose(&all, whole);
    let (waiting, busy): (Vec<Case>, Vec<Case>) =
        chosen.into_iter().partition(|case| case.fault == Fault::Stall);
    let verdicts: Vec<(Case, Verdict)> = thread::scope(|scope| {
        let waiting = scope.spawn(|| each(&waiting, WAITING_THREADS, |case: &Case| (*case, case.run())));
        let mut all = each(&busy, THREADS, |case| (*case, case.run()));
        all.extend(waiting.join().unwrap());
        all
    });
    let mut in_doubt = 0;
    let mut wrong: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (case, verdict) in &verdicts {
        match verdict {
            Verdict::Exact => {}
            Verdict::InDoubt => {
                println!("in doubt: {case}");
                in_doubt += 1;
            }
            Verdict::Wrong(complaint) => {
                wrong.entry(format!("{}, {}", case.clean.setting, case.fault)).or_default().push(complaint);
            }
        }
    }
    let (ran, failed) = (verdicts.len(), wrong.values().map(Vec::len).sum::<usize>());
    // Past the capture of the test's output, which nobody sees while all is well.
    writeln!(stderr(), "sweep: {action}: {ran} cases, {in_doubt} of them in doubt and told, {failed} wrong")
        .ok();
    for (kind, complaints) in &wrong {
        println!("{} times {kind}\n\n{}\n\n", complaints.len(), complaints.join("\n\n"));
    }
    assert_eq!(failed, 0, "of {ran} cases");
}

/// Does something with each, on some threads, and gives the results in the same order.
fn each<T: Sync, R: Send>(items: &[T], threads: usize, job: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = job(item);
                    results.lock().unwrap().insert(at, result);
                }
            });
        }
    });
    results.into_inner().unwrap().into_values().collect()
}
