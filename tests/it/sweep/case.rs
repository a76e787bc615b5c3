//! One case: a run in which something goes wrong, and the same again in which nothing does.

use super::{
    action::{Action, Rung},
    fault::{Fault, Kind, Place, Step},
    gate::Pace,
    judge::{Ran, Verdict, judge},
    stage::{Host, Stage},
};
use crate::{output::Output, snapshot::Snapshot};
use std::fmt;
use tempfile::TempDir;

/// The time-out in seconds of runs that are to be waited for.
pub(super) const PATIENCE: u32 = 50;

/// What is done, where, and in which order a flight passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) host: Host,
    pub(crate) rung: Rung,
    pub(crate) action: Action,
    pub(crate) pace: Pace,
}

/// What runs without a fault come to.
pub(crate) struct Clean {
    pub(crate) setting: Setting,
    /// The steps of the first.
    pub(crate) steps: Vec<Step>,
    /// Its exit code.
    pub(crate) status: Option<i32>,
    /// What is in the account after each of three.
    pub(crate) after: Vec<Snapshot>,
}

/// A fault at a step of a setting, and perhaps another one in the run after it.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) clean: &'a Clean,
    pub(crate) at: usize,
    pub(crate) fault: Fault,
    /// A run that settles what was cut may be cut as well, at a step that it may not come to.
    pub(crate) relapse: Option<(usize, Fault)>,
}

impl Clean {
    /// Runs a setting's script without a fault.
    pub(crate) fn record(setting: Setting) -> Self {
        let (stage, home) = setting.begin();
        let first = run(setting, &stage, &home, None, PATIENCE);
        let steps = stage.gate.steps();
        let mut clean = Self { setting, steps, status: first.status, after: vec![stage.snapshot()] };
        let expected = if setting.rung == Rung::Neither { [Some(0), Some(8)] } else { [Some(0), Some(0)] };
        assert!(expected.contains(&first.status), "{setting}: {first}");
        for _ in 0..2 {
            let output = run(setting, &stage, &home, None, PATIENCE);
            assert_eq!(output.status, Some(0), "{setting}: {output}");
            clean.after.push(stage.snapshot());
        }
        if setting.action.adds_by().is_none() {
            assert!(
                clean.after.iter().all(|after| after == &clean.after[0]),
                "{setting}: a second run did more"
            );
        }
        clean
    }

    /// All that can go wrong in it, in one run. What comes before the first change is alike on all rungs and at each
    /// pace, and a cut after a step there is one before the next.
    pub(crate) fn cases(&self) -> Vec<Case<'_>> {
        let Setting { rung, pace, .. } = self.setting;
        let first_change = self.first_change();
        let once = rung == Rung::Move && pace == Pace::Flight;
        let counts = |at: usize, fault: Fault| {
            let alone = !fault.strikes_after() && !fault.rebuilds_later();
            at + 1 >= first_change || fault == Fault::Drip || once && alone
        };
        let fits = |at: usize, fault: Fault, kind: Kind| {
            fault.fits(at, kind) && counts(at, fault) && self.setting.allows(fault)
        };
        let fits = &fits;
        let faults = |(at, step): (usize, &Step)| {
            let kind = step.kind;
            Fault::ALL.into_iter().filter(move |fault| fits(at, *fault, kind)).map(move |fault| (at, fault))
        };
        let all = self.steps.iter().enumerate().flat_map(faults);
        all.map(|(at, fault)| Case { clean: self, at, fault, relapse: None }).collect()
    }

    /// The step at which the first command leaves that changes mail.
    pub(crate) fn first_change(&self) -> usize {
        self.steps.iter().position(Step::changes).unwrap_or(self.steps.len())
    }
}

impl Setting {
    pub(super) fn stage(self) -> Stage {
        Stage::new(self.host, self.rung, self.action, self.pace)
    }

    /// Gives the stage, and the home of all runs, where there is a run already if one is to be taken back.
    fn begin(self) -> (Stage, TempDir) {
        let (stage, home) = (self.stage(), TempDir::new().unwrap());
        if self.action == Action::Undo {
            let output = stage.script(&self.action.script()).home(home.path()).spawn().finish();
            assert!(matches!(output.status, Some(0 | 8)), "{self}: {output}");
            stage.gate.drain();
        }
        if self.action == Action::Apply {
            let plan = stage.command(&["plan", "-o", "plan.json", "script.lua"]);
            let output = plan.script(&self.action.script()).home(home.path()).spawn().finish();
            assert_eq!(output.status, Some(0), "{self}: {output}");
            stage.gate.drain();
        }
        (stage, home)
    }

    /// Whether there is such a mailbox to rebuild, and a server that can.
    fn allows(self, fault: Fault) -> bool {
        let possible = match fault.rebuilt() {
            None => return true,
            Some(Place::Source) => {
                !matches!(self.action, Action::Append | Action::Undo | Action::Apply | Action::Delete)
            }
            Some(Place::Target) => !matches!(
                self.action,
                Action::Purge | Action::Mark | Action::Undo | Action::Apply | Action::Delete
            ),
        };
        possible && self.host == Host::Sandbox
    }
}

impl Case<'_> {
    /// Runs it, and gives how it ended.
    pub(crate) fn run(self) -> Verdict {
        // A slow machine may meet the time-out before it comes to the step.
        let timeouts: &[u32] = if self.fault == Fault::Stall { &[1, 5, PATIENCE] } else { &[PATIENCE] };
        let mut missed = String::new();
        for timeout in timeouts {
            match self.run_within(*timeout) {
                Ok(verdict) => return verdict,
                Err(output) => missed = format!("{self}\nthe step was not reached\n{output}"),
            }
        }
        Verdict::Wrong(missed)
    }

    /// Runs it with a time-out in seconds. Gives the output of the first run as an error where that did not come to
    /// the step.
    fn run_within(self, timeout: u32) -> Result<Verdict, Output> {
        let setting = self.clean.setting;
        let (stage, home) = setting.begin();
        let mut runs = vec![];
        let plans = [Some((self.at, self.fault)), self.relapse].into_iter().flatten();
        for plan in plans.map(Some).chain([None]) {
            let output = run(setting, &stage, &home, plan, timeout);
            if runs.is_empty() && !stage.gate.has_struck() {
                return Err(output);
            }
            let told = setting.action.adds_by().is_some_and(|verb| stage.gate.has_told(verb));
            runs.push(Ran { output, fault: plan.map(|(_, fault)| fault), told, after: stage.snapshot() });
            if let Some(place) =
                self.fault.rebuilt().filter(|_| runs.len() == 1 && self.fault.rebuilds_later())
            {
                stage.rebuild(place);
            }
        }
        Ok(match judge(self, &runs) {
            Verdict::Wrong(complaint) => {
                let told: Vec<_> =
                    runs.iter().map(|run| format!("{}\n{}", run.output, listing(&run.after))).collect();
                Verdict::Wrong(format!("{self}\n{complaint}\n{}", told.join("\n")))
            }
            good => good,
        })
    }
}

/// Runs a setting's script, with a fault if one is planned.
pub(super) fn run(
    setting: Setting,
    stage: &Stage,
    home: &TempDir,
    plan: Option<(usize, Fault)>,
    timeout: u32,
) -> Output {
    stage.gate.arm(plan);
    let fault = plan.map(|(_, fault)| fault);
    let timeout = if fault == Some(Fault::Stall) { timeout } else { PATIENCE };
    let script = match setting.action {
        Action::Undo => stage.command(&["undo"]),
        Action::Apply => stage.command(&["apply", "plan.json"]),
        action => stage.script(&action.script()),
    };
    let script = script.home(home.path()).options(&["--timeout", &timeout.to_string()]);
    let mut running = script.spawn();
    if fault.is_some_and(Fault::kills) {
        running.kill_when_asked(&stage.gate.kills);
        stage.gate.bury();
    }
    let output = running.finish();
    stage.gate.drain();
    output
}

/// What is in the mailboxes, a word a message, with a `!` for those marked `\Deleted`.
fn listing(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (name, messages) in &snapshot.mailboxes {
        let words = messages.iter().map(|message| {
            let marked = message.flags.iter().any(|flag| flag == "\\Deleted");
            let (digest, subject) = (&message.digest[..4], &message.subject);
            format!("{subject} {digest}{}", if marked { "!" } else { "" })
        });
        let words: Vec<_> = words.collect();
        if !words.is_empty() {
            text.extend([name, " [", &words.join(", "), "] "]);
        }
    }
    text
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { host, rung, action, pace } = self;
        write!(f, "{action} on {host:?}, rung {rung:?}, pace {pace:?}")
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Step { kind, text } = &self.clean.steps[self.at];
        let who = if kind.is_of_client() { "C" } else { "S" };
        write!(f, "{}: {} step {}, {who}: {text}", self.clean.setting, self.fault, self.at)?;
        match self.relapse {
            Some((at, fault)) => write!(f, "; and in the next run {fault} step {at}"),
            None => Ok(()),
        }
    }
}
