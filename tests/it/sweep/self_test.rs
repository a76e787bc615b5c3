//! The gate does what it says, and the judge finds what is wrong.

use super::{
    action::{Action, Rung, source, target},
    case::{Case, Clean, Setting},
    fault::{Fault, Kind, Step},
    gate::Pace,
    judge::{Ran, Verdict, judge},
    stage::{Host, Stage},
};
use crate::{
    mail::Mail,
    observer::Observer,
    output::Output,
    snapshot::{Seen, Snapshot},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Says all this to a server through a gate at which something goes wrong, and gives what the server says until the
/// connection ends.
fn converse(stage: &Stage, plan: (usize, Fault), words: &str) -> String {
    stage.gate.arm(Some(plan));
    let mut stream = TcpStream::connect(stage.gate.address).unwrap();
    let login = format!("a LOGIN {} pass\r\n", stage.server.user);
    stream.write_all((login + words).as_bytes()).unwrap();
    let mut answer = vec![];
    // An end by reset is an end too.
    stream.read_to_end(&mut answer).ok();
    drop(stream);
    stage.gate.drain();
    String::from_utf8(answer).unwrap()
}

fn stage(pace: Pace) -> Stage {
    Stage::new(Host::Sandbox, Rung::Move, Action::Move, pace)
}

const WORDS: &str = "b CREATE one\r\nc APPEND one {3+}\r\nx\r\n\r\nd LOGOUT\r\n";

fn mailboxes(stage: &Stage) -> Vec<String> {
    let snapshot = stage.snapshot();
    snapshot.mailboxes.into_iter().map(|(name, messages)| format!("{name} {}", messages.len())).collect()
}

#[test]
fn every_line_literal_and_response_is_a_step() {
    let shown = |pace| {
        let stage = stage(pace);
        converse(&stage, (99, Fault::CutBefore), WORDS);
        let word = |step: &Step| {
            let who = if step.kind.is_of_client() { "C" } else { "S" };
            format!("{who} {}", step.text.split(' ').take(2).collect::<Vec<_>>().join(" "))
        };
        stage.gate.steps().iter().map(word).collect::<Vec<_>>().join(", ")
    };
    insta::assert_snapshot!(shown(Pace::Flight), @"S * OK, C a LOGIN, C b CREATE, C c APPEND, C (3 bytes), C , C d LOGOUT, S a OK, S b OK, S c OK, S * BYE, S d OK");
    insta::assert_snapshot!(shown(Pace::Single), @"S * OK, C a LOGIN, S a OK, C b CREATE, S b OK, C c APPEND, C (3 bytes), C , S c OK, C d LOGOUT, S * BYE, S d OK");
}

#[test]
fn what_is_cut_before_is_not_done_and_what_is_cut_after_is() {
    // The step of CREATE: after the greeting and LOGIN, and what answers it.
    for (pace, at) in [(Pace::Flight, 2), (Pace::Single, 3)] {
        for (fault, count) in [(Fault::CutBefore, 3), (Fault::Stall, 3), (Fault::CutAfter, 4)] {
            let stage = stage(pace);
            if fault == Fault::Stall {
                // Its end is the client's.
                stage.gate.arm(Some((at, fault)));
                let mut stream = TcpStream::connect(stage.gate.address).unwrap();
                write!(stream, "a LOGIN {} pass\r\n{WORDS}", stage.server.user).unwrap();
                while !stage.gate.has_struck() {
                    std::thread::yield_now();
                }
                drop(stream);
                stage.gate.drain();
            } else {
                let answer = converse(&stage, (at, fault), WORDS);
                assert!(!answer.contains("Created"), "{fault} {pace:?}: {answer}");
                assert_eq!(answer.contains("Welcome"), pace == Pace::Single, "{fault} {pace:?}: {answer}");
            }
            assert_eq!(mailboxes(&stage).len(), count, "{fault} {pace:?}");
        }
    }
}

#[test]
fn a_swallowed_ok_is_missing_and_nothing_else_is() {
    let stage = stage(Pace::Flight);
    let at = 8;
    let answer = converse(&stage, (at, Fault::Swallow), WORDS);
    let tags: Vec<_> = answer.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(tags, ["*", "a", "c", "*", "d"], "{answer}");
    assert!(mailboxes(&stage).contains(&"one 1".to_owned()));
}

#[test]
fn a_refused_command_never_passes() {
    for (fault, word) in [(Fault::No, "NO"), (Fault::Bad, "BAD")] {
        let stage = stage(Pace::Flight);
        // APPEND, with its literal.
        let answer = converse(&stage, (3, fault), WORDS);
        assert!(answer.contains(&format!("\nc {word} the gate refuses it\r\n")), "{answer}");
        assert!(mailboxes(&stage).contains(&"one 0".to_owned()));
    }
}

#[test]
fn a_mailbox_is_rebuilt_while_the_run_goes_on() {
    let stage = stage(Pace::Single);
    let words = "b STATUS INBOX (UIDVALIDITY)\r\nc STATUS INBOX (UIDVALIDITY)\r\nd LOGOUT\r\n";
    let answer = converse(&stage, (6, Fault::RebuildSource), words);
    let mut validities = answer.split("UIDVALIDITY ").skip(1).map(|rest| rest.split(')').next().unwrap());
    assert_ne!(validities.next(), validities.next(), "{answer}");
}

#[test]
fn single_bytes_arrive_whole() {
    let stage = stage(Pace::Flight);
    converse(&stage, (0, Fault::Drip), WORDS);
    assert!(mailboxes(&stage).contains(&"one 1".to_owned()));
}

#[test]
fn the_second_run_is_not_disturbed() {
    let stage = stage(Pace::Flight);
    converse(&stage, (1, Fault::CutBefore), WORDS);
    stage.gate.arm(None);
    let mut observer = Observer::login(stage.gate.address, &stage.server.user, "pass");
    assert_eq!(observer.messages("INBOX").len(), source().len());
}

fn seen(mail: &Mail) -> Seen {
    let raw = mail.raw();
    Seen::new(&raw, raw.len() as u64, &mail.flags.join(" "), &mail.date)
}

/// An account with the source's messages of these numbers left, and those moved to the target.
fn account(left: &[usize], moved: &[usize]) -> Snapshot {
    let of = |numbers: &[usize]| numbers.iter().map(|number| seen(&source()[*number])).collect::<Vec<_>>();
    let mut snapshot = Snapshot::default();
    snapshot.mailboxes.insert("INBOX".into(), of(left));
    snapshot.mailboxes.insert("Box".into(), target().iter().map(seen).chain(of(moved)).collect());
    snapshot.mailboxes.values_mut().for_each(|messages| messages.sort());
    snapshot
}

fn output(status: i32, stdout: &str) -> Output {
    Output { stdout: stdout.into(), stderr: String::new(), status: Some(status) }
}

/// What the judge says of a move that was cut and ran again.
fn verdict(after: &Snapshot, first: &Output, second: &Output) -> String {
    let setting = Setting { host: Host::Sandbox, rung: Rung::Move, action: Action::Move, pace: Pace::Flight };
    let steps = vec![Step { kind: Kind::Command, text: String::new() }];
    let clean = Clean { setting, steps, status: Some(0), after: vec![account(&[0, 2], &[1, 3, 4, 5, 6])] };
    let fault = Fault::CutBefore;
    let case = Case { clean: &clean, at: 0, fault, relapse: None };
    let ran = |output: &Output, fault, after: &Snapshot| {
        let Output { stdout, stderr, status } = output;
        let output = Output { stdout: stdout.clone(), stderr: stderr.clone(), status: *status };
        Ran { output, fault, told: false, after: after.clone() }
    };
    let before = account(&[0, 1, 2, 3, 4, 5, 6], &[]);
    match judge(case, &[ran(first, Some(fault), &before), ran(second, None, after)]) {
        Verdict::Wrong(complaint) => complaint,
        good => format!("{good:?}"),
    }
}

#[test]
fn the_judge_finds_what_is_lost_doubled_or_misplaced() {
    let (cut, done) = (output(8, ""), output(0, ""));
    let good = account(&[0, 2], &[1, 3, 4, 5, 6]);
    let of = |after: &Snapshot| verdict(after, &cut, &done);
    assert_eq!(of(&good), "Exact");
    assert!(of(&account(&[0, 2], &[1, 3, 4, 5])).contains("LOST"));
    // One of two that are alike.
    assert!(of(&account(&[0, 2], &[1, 4, 5, 6])).contains("LOST"));
    // The one that was marked by somebody else.
    assert!(of(&account(&[2], &[1, 3, 4, 5, 6])).contains("LOST"));
    assert!(of(&account(&[0, 2], &[1, 3, 4, 5, 6, 6])).contains("DOUBLED, and no report names it"));
    assert!(of(&account(&[0, 2, 6], &[1, 3, 4, 5, 6])).contains("DOUBLED, and no report names it"));
    assert!(of(&account(&[0, 2, 6], &[1, 3, 4, 5])).contains("not where it should be"));
    let mut marked = good.clone();
    marked.mailboxes.get_mut("Box").unwrap()[1].flags = vec!["\\Deleted".into()];
    assert!(of(&marked).contains("only marked copies are left"), "{}", of(&marked));
}

#[test]
fn the_judge_believes_reports_that_name_the_message() {
    let cut = output(8, "me@host: moved 0 messages\n  IN DOUBT 1 message (UID 7): who knows\n");
    let done = output(0, "");
    assert_eq!(verdict(&account(&[0, 2, 6], &[1, 3, 4, 5, 6]), &cut, &done), "InDoubt");
    assert!(verdict(&account(&[0, 2, 6], &[1, 3, 4, 5]), &cut, &done).contains("not in both places"));
    assert!(verdict(&account(&[0, 2, 6, 6], &[1, 3, 4, 5, 6]), &cut, &done).contains("more often"));
    assert!(verdict(&account(&[0, 2, 5], &[1, 3, 4, 5, 6]), &cut, &done).contains("no report names it"));
    assert!(verdict(&account(&[0, 2], &[1, 3, 4, 5]), &cut, &done).contains("LOST"));
}

#[test]
fn the_judge_looks_at_exit_codes() {
    let good = account(&[0, 2], &[1, 3, 4, 5, 6]);
    let done = output(0, "");
    assert!(verdict(&good, &output(0, ""), &done).contains("run 1 says that all is done, but"));
    assert!(verdict(&good, &output(101, ""), &done).contains("run 1 ends with Some(101)"));
    assert!(verdict(&good, &output(5, ""), &output(6, "")).contains("run 2 ends with Some(6)"));
    let panicked = Output { stderr: "thread 'main' panicked at".into(), ..output(5, "") };
    assert!(verdict(&good, &panicked, &done).contains("a defect"));
    assert_eq!(verdict(&good, &output(5, ""), &done), "Exact");
}
