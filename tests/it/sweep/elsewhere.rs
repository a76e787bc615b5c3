//! What becomes of a cut move to another account where the next run does something else first.

use super::{
    action::{Action, Rung},
    case::{Clean, PATIENCE, Setting, run},
    fault::Fault,
    gate::Pace,
    stage::{Host, Stage},
};
use tempfile::TempDir;

/// An account whose messages are copied to another one, and whose program was killed before it removed them here.
fn killed_between(setting: Setting, home: &TempDir) -> Stage {
    let clean = Clean::record(setting);
    let stage = setting.stage();
    run(setting, &stage, home, Some((clean.first_change(), Fault::KillBefore)), PATIENCE);
    let both = stage.snapshot();
    assert_eq!(both.subjects("INBOX").len(), 7);
    assert_eq!(both.subjects("Box").len(), 7);
    stage
}

fn setting(host: Host) -> Setting {
    Setting { host, rung: Rung::Move, action: Action::MoveOut, pace: Pace::Single }
}

#[test]
fn copies_that_went_on_from_the_other_account_count_all_the_same() {
    for host in [Host::Sandbox, Host::Dovecot] {
        let home = TempDir::new().unwrap();
        let stage = killed_between(setting(host), &home);
        let on = "$OTHER:mailbox(\"Box\"):search({ subject = \"take\" }):move(\"Kept\", { limit = 9 })";
        let moved = stage.script(on).home(home.path()).spawn().finish();
        assert_eq!(moved.status, Some(0), "{moved}");
        let again = run(setting(host), &stage, &home, None, PATIENCE);
        assert_eq!(again.status, Some(0), "{again}");
        let after = stage.snapshot();
        assert_eq!(after.subjects("INBOX"), ["stays", "take foreign"], "{again}");
        assert_eq!(after.subjects("Box"), ["box foreign"], "{again}");
        let kept = ["take alike", "take alike", "take alike", "take alike", "take last", "take other"];
        assert_eq!(after.subjects("Kept"), kept, "{again}");
    }
}

#[test]
fn what_went_to_an_account_that_is_not_reached_is_held() {
    let home = TempDir::new().unwrap();
    let stage = killed_between(setting(Host::Sandbox), &home);
    let before = stage.snapshot();
    // This script has no password for the other account.
    let elsewhere = "print(#$LOGIN:mailbox(\"INBOX\"):search({ subject = \"take\" }):move(\"Box\"))";
    let held = stage.script(elsewhere).home(home.path()).spawn().finish();
    assert_eq!(stage.snapshot(), before, "{held}");
    assert!(held.stderr.contains("5 messages that went from INBOX to Box of another account"), "{held}");
    let again = run(setting(Host::Sandbox), &stage, &home, None, PATIENCE);
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(stage.snapshot().subjects("INBOX"), ["stays", "take foreign"], "{again}");
    assert_eq!(stage.snapshot().subjects("Box").len(), 7, "{again}");
}
