//! For random rules, what `why` says of a message is what the rules do with it.

use super::{Case, Ground, letter::Facts, question::Clock};
use imapscript::{
    engine::{
        Asked, Event, Explained, NameSpec, Query, Run, World,
        apply::Action,
        explain,
        query::conditions,
        rules::{Rule, RuleAction, assign},
        sift,
    },
    mail::{Flag, UidSet},
};
use jiff::ZonedDateTime;
use proptest::prelude::*;
use std::{
    io,
    sync::{Arc, Mutex},
};

/// A world that writes down what is explained.
struct Listener(ZonedDateTime, Mutex<Vec<String>>);

impl World for Listener {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn prompt(&self, _: &str) -> io::Result<String> {
        Err(io::Error::other("nobody is here"))
    }

    fn now(&self) -> ZonedDateTime {
        self.0.clone()
    }

    fn tell(&self, event: Event) {
        if let Event::Explained(line) = event {
            self.1.lock().unwrap().push(line);
        }
    }
}

/// Makes rules of the questions: every second one ends its messages' way.
fn rules(case: &Case, clock: &Clock) -> Vec<Explained> {
    let now = clock.now.to_zoned_datetime(clock.zone.clone());
    let rule = |(number, literal)| {
        // Refused queries are no rules.
        let query = Query::read(&literal, &now).ok()?;
        let name = format!("r{number}");
        let actions = vec![RuleAction::Plain(Action::Mark(vec![Flag::Seen]))];
        let stop = number % 2 == 0;
        let rule = Rule { name, query, targets: Vec::new(), actions, stop, limit: None };
        Some(Explained { rule, conditions: conditions(&literal, &now).ok()? })
    };
    let literals = case.questions.iter().map(|question| question.literal(clock));
    literals.enumerate().filter_map(rule).collect()
}

impl Ground {
    /// Has the rules explained for each message, and compares.
    pub(super) fn check_why(&self, case: &Case) -> Result<(), TestCaseError> {
        let clock = self.clock(case);
        let mut facts: Vec<Facts> = case.letters.iter().map(|letter| letter.write(clock.now)).collect();
        for (number, facts) in facts.iter_mut().enumerate() {
            let field = format!("<why{number}@host.example>");
            facts.raw.splice(0..0, format!("Message-ID: {field}\r\n").into_bytes());
            facts.fields.insert(0, ("Message-ID".to_owned(), field, Vec::new()));
        }
        let mailbox = self.fill(&facts);
        let rules = rules(case, &clock);
        let asked = |each: &Explained| Asked { query: each.rule.query.clone(), templates: Vec::new() };
        let failed = |error: imapscript::error::Error| TestCaseError::fail(error.to_string());
        let asked: Vec<_> = rules.iter().map(asked).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let sifted = sift(&self.account, NameSpec::Script(mailbox), None, asked).wait().map_err(failed)?;
        let plain: Vec<Rule> = rules.iter().map(|each| each.rule.clone()).collect();
        for (number, (facts, uid)) in facts.iter().zip(1u32..).enumerate() {
            let now = clock.now.to_zoned_datetime(clock.zone.clone());
            let listener = Arc::new(Listener(now, Mutex::default()));
            let world = Arc::clone(&listener) as Arc<dyn World>;
            let why = Some(format!("why{number}@host.example").into());
            explain(&Run { why, world, ..self.run.clone() }, &sifted, &rules).map_err(failed)?;
            let told = listener.1.lock().unwrap().join("\n");
            let of = |set: &UidSet| set.iter().any(|it| it.get() == uid);
            let group = sifted.groups.iter().find(|(_, uids)| of(uids));
            let matches = group.map(|(matches, _)| matches.as_slice()).unwrap_or_default();
            // What the rules do.
            let taken = assign(&plain, matches).unwrap();
            let last = taken.iter().map(|(at, _)| *at).find(|at| plain[*at].ends());
            for (at, rule) in plain.iter().enumerate() {
                let begin = format!("  rule `{}` ", rule.name);
                let line = told.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_default();
                let question: usize = rule.name[1..].parse().unwrap();
                let question = &case.questions[question];
                let is_so = if last.is_some_and(|last| at > last) {
                    line.starts_with("is not asked: ")
                } else if taken.iter().any(|(taken, _)| *taken == at) {
                    line == "takes it: mark \\Seen" && question.finds(uid, facts, &clock)
                } else {
                    // What is only said by the server can't be shown.
                    let shown = !line.contains("the server did not find it") || question.asks_the_server();
                    line.starts_with("does not: ") && shown && !question.finds(uid, facts, &clock)
                };
                let raw = String::from_utf8_lossy(&facts.raw);
                prop_assert!(is_so, "{at} of\n{told}\n{:?}\n{raw}", rule.query);
            }
        }
        Ok(())
    }
}

#[test]
fn why_says_on_the_sandbox_what_rules_do() {
    Ground::sandbox(&[]).check_each(200, Ground::check_why);
}

#[test]
fn why_says_on_dovecot_what_rules_do() {
    Ground::dovecot().check_each(60, Ground::check_why);
}
