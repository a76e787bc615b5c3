//! Says what is wrong with how a case ended.
//!
//! The promise: once the script has run again, all mail is where one clean run puts it. Or a report names the message
//! as in doubt or held, and it is in both places; where the target was rebuilt, so that nothing there can be told from
//! what is like it, it may be held in the source alone. It is never lost.

use super::{
    action::{self, Action},
    case::Case,
    fault::{self, Fault},
};
use crate::{
    output::Output,
    snapshot::{Seen, Snapshot},
};
use regex::Regex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// One run of a case.
pub(crate) struct Ran {
    pub(crate) output: Output,
    /// What went wrong in it.
    pub(crate) fault: Option<Fault>,
    /// Whether it was told that the server did what can be ordered twice.
    pub(crate) told: bool,
    /// What was in the account after it.
    pub(crate) after: Snapshot,
}

/// How a case ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All mail is where it should be.
    Exact,
    /// What is not is named, and in both places.
    InDoubt,
    Wrong(String),
}

/// Judges the runs of a case, the last of which nothing disturbed.
pub(crate) fn judge(case: Case, runs: &[Ran]) -> Verdict {
    let mut verdict = Verdict::Exact;
    for count in 1..=runs.len() {
        match judge_last(case, &runs[..count], count == runs.len()) {
            wrong @ Verdict::Wrong(_) => return wrong,
            last => verdict = last,
        }
    }
    verdict
}

/// Judges the last of some runs by what came of all of them.
fn judge_last(case: Case, runs: &[Ran], undisturbed: bool) -> Verdict {
    let Some(last) = runs.last() else { return Verdict::Exact };
    let status = last.output.status;
    let wrong = |what: &str| Verdict::Wrong(format!("run {} {what}", runs.len()));
    if ["panicked", "a defect of imapscript"].iter().any(|sign| last.output.stderr.contains(sign)) {
        return wrong("met a defect of the program");
    }
    let named = named(case, runs);
    let sane = if undisturbed {
        status == Some(0) || status == case.clean.status || status == Some(8) && !named.is_empty()
    } else if last.fault.is_some_and(Fault::kills) {
        matches!(status, None | Some(0 | 4 | 5 | 6 | 8))
    } else {
        matches!(status, Some(0 | 4 | 5 | 6 | 8))
    };
    if !sane {
        return wrong(&format!("ends with {status:?}"));
    }
    if !undisturbed && status != Some(0) {
        return Verdict::Exact;
    }
    let expected = expected(case, runs);
    if expected.contains(&last.after) {
        return Verdict::Exact;
    }
    let rebuilt = case.fault.rebuilt() == Some(fault::Place::Target);
    match difference(&expected[0], &last.after, &named, rebuilt) {
        Some(what) => wrong(&format!("says that all is done, but {what}")),
        None => Verdict::InDoubt,
    }
}

/// What may be in the account after some runs, the last of which says that all is done. An action that adds messages
/// is ordered anew by each run after one that did all of it; nobody knows whether one has that was ended when it had
/// just been told.
fn expected<'a>(case: Case<'a>, runs: &[Ran]) -> &'a [Snapshot] {
    let after = &case.clean.after;
    if case.clean.setting.action.adds_by().is_none() {
        return &after[..1];
    }
    let (done, cut): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.output.status == Some(0));
    let least = done.len().max(1);
    let most = least + cut.iter().filter(|run| run.told).count();
    &after[least - 1..most.min(after.len())]
}

/// How often each message, by its digest, is named as in doubt or held.
fn named(case: Case, runs: &[Ran]) -> BTreeMap<String, usize> {
    static UIDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)(?:in doubt|held).*?\(UID ([0-9:,]+)").unwrap());
    let seed: Vec<Seen> = action::found(case.clean.setting.action)
        .iter()
        .map(|mail| Seen::new(&mail.raw(), 0, "", ""))
        .collect();
    let mut uids = BTreeSet::new();
    let mut named = BTreeMap::new();
    for Ran { output, .. } in runs {
        let text = format!("{}{}", output.stdout, output.stderr);
        for found in UIDS.captures_iter(&text) {
            uids.extend(found[1].split(',').flat_map(range));
        }
        if case.clean.setting.action == Action::Append && text.contains("may or may not be in") {
            named.insert(seed[1].digest.clone(), 1);
        }
    }
    if case.fault.rebuilt() == Some(fault::Place::Source) {
        // Both what they meant and what they mean.
        let count = seed.len();
        uids.extend(uids.clone().iter().filter(|uid| **uid <= count).map(|uid| count + 1 - uid));
    }
    for message in uids.iter().filter_map(|uid| seed.get(uid - 1)) {
        *named.entry(message.digest.clone()).or_default() += 1;
    }
    named
}

fn range(text: &str) -> std::ops::RangeInclusive<usize> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    first.parse().unwrap()..=last.parse().unwrap()
}

/// What of the difference to what is expected no report explains.
fn difference(
    expected: &Snapshot,
    after: &Snapshot,
    named: &BTreeMap<String, usize>,
    rebuilt: bool,
) -> Option<String> {
    let all = expected.mailboxes.values().chain(after.mailboxes.values()).flatten();
    let digests: BTreeMap<&str, &str> =
        all.map(|seen| (seen.digest.as_str(), seen.subject.as_str())).collect();
    digests.into_iter().find_map(|(digest, subject)| {
        let (wanted, found) = (places(expected, digest), places(after, digest));
        if wanted == found {
            return None;
        }
        let unmarked = |places: &[Place]| places.iter().filter(|(_, _, marked)| !marked).count();
        let in_target = |places: &[Place]| places.iter().filter(|(mailbox, ..)| *mailbox != "INBOX").count();
        let named = named.get(digest).copied().unwrap_or_default();
        let what = if rebuilt && named > 0 && unmarked(&found) > 0 && found.len() <= wanted.len() {
            return None;
        } else if found.len() < wanted.len() {
            "LOST"
        } else if unmarked(&found) < unmarked(&wanted) {
            "LOST soon: only marked copies are left"
        } else if named == 0 && found.len() > wanted.len() {
            "DOUBLED, and no report names it"
        } else if named == 0 {
            "not where it should be, and no report names it"
        } else if found.len() - wanted.len() > named {
            "DOUBLED more often than reports name it"
        } else if in_target(&found) < in_target(&wanted) {
            "named, but not in both places"
        } else {
            return None;
        };
        Some(format!("`{subject}` ({}) is {what}", &digest[..4]))
    })
}

/// A message's mailbox, all that is to be seen of it, and whether it is marked `\Deleted`.
type Place<'a> = (&'a str, &'a Seen, bool);

/// Where messages of a digest are.
fn places<'a>(snapshot: &'a Snapshot, digest: &str) -> Vec<Place<'a>> {
    let each =
        snapshot.mailboxes.iter().flat_map(|(name, messages)| messages.iter().map(move |seen| (name, seen)));
    let marked = |seen: &Seen| seen.flags.iter().any(|flag| flag == "\\Deleted");
    let each = each.filter(|(_, seen)| seen.digest == digest);
    each.map(|(name, seen)| (name.as_str(), seen, marked(seen))).collect()
}
