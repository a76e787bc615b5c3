use mlua::{AnyUserData, Function, Table, Value};

use super::args::{Args, a_type};
use super::judging::lost;
use super::mailbox::MailboxValue;
use super::rule::RuleValue;
use crate::error::{Error, Result};

/// Reads a mailbox, or a list of them.
pub(super) fn mailboxes(value: &Value) -> Result<Vec<MailboxValue>> {
    let bad = |value: &Value| {
        let what = format!("`rules` wants a mailbox or a list of them but got {}", a_type(value));
        Error::script(what, "`rules(account:mailbox \"INBOX\") { … }`")
    };
    let one = |value: &Value| match value.as_userdata().map(AnyUserData::borrow::<MailboxValue>) {
        Some(Ok(mailbox)) => Ok(mailbox.clone()),
        _ => Err(bad(value)),
    };
    match value {
        Value::Table(list) => {
            let each = list.sequence_values::<Value>().map(|value| one(&value.map_err(lost)?));
            let all = each.collect::<Result<Vec<_>>>()?;
            if all.is_empty() || list.raw_len() != all.len() { Err(bad(&Value::Nil)) } else { Ok(all) }
        }
        value => Ok(vec![one(value)?]),
    }
}

/// Reads the rules. The functions of their queries are added to `asked`.
pub(super) fn read_rules(
    args: &mut Args,
    now: &jiff::ZonedDateTime,
    asked: &mut Vec<Function>,
) -> Result<Vec<RuleValue>> {
    let list = args.table("a list of rules")?;
    let mut rules: Vec<RuleValue> = Vec::new();
    for pair in list.pairs::<Value, Value>() {
        match pair.map_err(lost)? {
            (Value::Integer(_), Value::Table(_)) => {}
            (Value::Integer(_), value) => {
                let what = format!("`rules` wants a list of tables, and has {} in it", a_type(&value));
                return Err(Error::script(
                    what,
                    "each rule is a table: `{ \"name\", where = { … }, move = \"…\" }`",
                ));
            }
            _ => {
                let hint = "each rule is a table in a list: `rules(inbox) { { \"name\", where = … } }`";
                return Err(Error::script("`rules` got one table with names, not a list of rules", hint));
            }
        }
    }
    let count = list.pairs::<Value, Value>().count();
    for table in list.sequence_values::<Table>() {
        let rule = RuleValue::read(&table.map_err(lost)?, asked, now)?;
        if rules.iter().any(|other| other.rule.name == rule.rule.name) {
            let what = format!("there are two rules `{}`", crate::error::visible(&rule.rule.name));
            return Err(Error::script(what, "reports tell rules by their names"));
        }
        rules.push(rule);
    }
    if rules.is_empty() || rules.len() != count {
        let hint = "a variable that is nil leaves a hole in the list, and what comes after it would be lost";
        return Err(Error::script("the list of rules is empty or has a nil in it", hint));
    }
    Ok(rules)
}
