//! Why rules take a message or do not: what `imapscript why MESSAGE-ID SCRIPT` tells.

use super::apply::Action;
use super::messages::{Loaded, Needs, load_bodies, load_headers};
use super::query::{Condition, Facts, Pattern, Query, Rest};
use super::rules::{Rule, RuleAction};
use super::search::{Match, Sifted, search};
use super::world::{Event, Run};
use crate::error::Result;
use crate::imap::Access;
use crate::mail::{Flag, Message, Uid, UidSet};

/// A rule, and the conditions that its query is made of.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The rule.
    pub rule: Rule,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// Tells of the message that the run is asked about, rule by rule, what each would do with it or what speaks against
/// that, if it is in the mailbox that was sifted for them.
pub fn explain(run: &Run, sifted: &Sifted, rules: &[Explained]) -> Result<()> {
    let Some(message_id) = &run.why else { return Ok(()) };
    let selection = &sifted.selection;
    // Marked `\Deleted` or not.
    let anyhow = Query::Any([true, false].map(|set| Query::Flag(Flag::Deleted, set)).to_vec());
    let named = Query::Header("message-id".to_owned(), Pattern::Contains(message_id.to_string()));
    let query = Query::All(vec![anyhow, named]);
    let access = selection.read_only.then_some(Access::Read);
    let found = search(&selection.account, selection.spec.clone(), access, query).wait()?.selection;
    let needs = Needs { header: true, structure: true, ..Needs::default() };
    let loaded = load_headers(&found, found.uids.clone(), &needs).wait()?;
    for message in
        loaded.into_iter().filter(|loaded| loaded.headers.message_id().as_deref() == Some(message_id))
    {
        let reads = rules.iter().flat_map(|rule| &rule.conditions).any(|it| it.query().needs().content);
        let content = if reads { load_bodies(&found, UidSet::from(message.uid)).wait()?.pop() } else { None };
        let content = content.map(|(_, raw)| Message::parse(raw));
        let subject = message.headers.subject().unwrap_or_default();
        let (uid, mailbox, account) = (message.uid, &selection.shown, selection.account.label());
        tell(run, format!("{account}: {mailbox} UID {uid} “{subject}”"));
        each_rule(run, sifted, rules, &message, content.as_ref());
    }
    Ok(())
}

fn tell(run: &Run, text: String) {
    run.world.tell(Event::Explained(text));
}

fn each_rule(run: &Run, sifted: &Sifted, rules: &[Explained], message: &Loaded, content: Option<&Message>) {
    let mut ended: Option<&str> = None;
    for (number, Explained { rule, conditions }) in rules.iter().enumerate() {
        let name = &rule.name;
        let said = match (ended, matched(sifted, number, message.uid)) {
            (Some(by), _) => format!("is not asked: `{by}` ends its way"),
            (None, Some(Match { rest: Rest::Open(_), .. })) => {
                "takes it if its functions say so: nothing else speaks against it".to_owned()
            }
            (None, Some(matched)) => {
                if rule.ends() {
                    ended = Some(name);
                }
                format!("takes it: {}", actions(rule, matched))
            }
            (None, None) => against(run, conditions, message, content),
        };
        tell(run, format!("  rule `{name}` {said}"));
    }
}

/// Finds a message's match with a rule.
fn matched(sifted: &Sifted, rule: usize, uid: Uid) -> Option<&Match> {
    let of = sifted.groups.iter().find(|(_, uids)| uids.contains(uid));
    of.and_then(|(matches, _)| matches.iter().find(|each| each.query == rule))
}

/// Says what speaks against a message.
fn against(run: &Run, conditions: &[Condition], message: &Loaded, content: Option<&Message>) -> String {
    let facts = Facts {
        uid: Some(message.uid),
        flags: Some(&message.flags),
        size: Some(message.size),
        date: message.date,
        headers: Some(&message.headers),
        structure: message.structure.as_ref(),
        content,
        labels: message.gmail.as_ref().and_then(|gmail| gmail.labels.as_deref()),
        told: &[],
    };
    let now = run.now();
    let reasons: Vec<_> = conditions.iter().filter_map(|it| it.against(&facts, &now)).collect();
    if !reasons.is_empty() {
        return format!("does not: {}", reasons.join("; "));
    }
    if message.flags.contains(&Flag::Deleted) {
        return "does not: it is marked \\Deleted, and the query does not speak of that".to_owned();
    }
    "does not: the server did not find it, and has the only word on bodies, `raw` and `gmail`".to_owned()
}

/// Says what a rule does.
fn actions(rule: &Rule, matched: &Match) -> String {
    let target = |number: &usize| match matched.filled.get(*number) {
        Some(Ok(name)) if !name.is_empty() => name.clone(),
        Some(Err(reason)) => reason.clone(),
        _ => "what a function says".to_owned(),
    };
    let words = |flags: &[Flag]| flags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let each = |action: &RuleAction| match action {
        RuleAction::Copy(number) => format!("copy to {}", target(number)),
        RuleAction::Move(number) => format!("move to {}", target(number)),
        RuleAction::CopyAcross(number, to) => format!("copy to {}: {}", to.account.label(), target(number)),
        RuleAction::MoveAcross(number, to) => format!("move to {}: {}", to.account.label(), target(number)),
        RuleAction::Archive(number) => format!("put into {} and purge", target(number)),
        RuleAction::Plain(Action::Mark(flags)) => format!("mark {}", words(flags)),
        RuleAction::Plain(Action::Unmark(flags)) => format!("unmark {}", words(flags)),
        RuleAction::Plain(Action::Trash) => "trash".to_owned(),
        RuleAction::Plain(Action::Purge) => "purge".to_owned(),
        RuleAction::Plain(Action::Label(_)) => "label".to_owned(),
        RuleAction::Plain(Action::Unlabel(_)) => "unlabel".to_owned(),
        // Rules have these with a target of their own.
        RuleAction::Plain(
            Action::Move(_)
            | Action::Copy(_)
            | Action::MoveAcross(_)
            | Action::CopyAcross(_)
            | Action::PurgeArchived(_),
        ) => "transfer".to_owned(),
    };
    let done: Vec<_> = rule.actions.iter().map(each).collect();
    if done.is_empty() { "what it does is not done on the server".to_owned() } else { done.join(", ") }
}
