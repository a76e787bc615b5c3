//! Where messages are copied or moved to: a name in their account, or a mailbox of any account.

use mlua::Value;

use super::args::Args;
use super::limit::number;
use super::mailbox::MailboxValue;
use crate::engine::apply::{Across, Action};
use crate::error::{Error, Result, visible};

/// Reads the arguments of `move` and `copy`: the action, and the limit of its own that a move may have.
pub(super) fn read(args: &mut Args, moves: bool) -> Result<(Action, Option<usize>)> {
    let value = args.value();
    let Options { accept_rewritten, limit } = Options::read(args, moves)?;
    let mailbox = value.as_userdata().and_then(|data| data.borrow::<MailboxValue>().ok());
    let Some(mailbox) = mailbox else {
        let spec = args.mailbox_from(&value)?;
        if accept_rewritten {
            let hint = "name the mailbox of the other account: `other:mailbox \"Archive\"`";
            return Err(Error::script("`accept_rewritten` is for messages that go to another account", hint));
        }
        return Ok((if moves { Action::Move(spec) } else { Action::Copy(spec) }, limit));
    };
    let account = mailbox.account().clone();
    let across = Across { account, spec: mailbox.spec().clone(), accept_rewritten };
    let action = if moves { Action::MoveAcross(across) } else { Action::CopyAcross(across) };
    Ok((action, limit))
}

/// What may be said of a move or a copy.
#[derive(Default)]
struct Options {
    accept_rewritten: bool,
    limit: Option<usize>,
}

impl Options {
    fn read(args: &mut Args, moves: bool) -> Result<Self> {
        let mut this = Self::default();
        if args.is_nil() {
            return Ok(this);
        }
        let options = args.table(if moves {
            "options such as `{ limit = 2000 }`"
        } else {
            "options such as `{ accept_rewritten = true }`"
        })?;
        for pair in options.pairs::<Value, Value>() {
            let (key, value) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
            match (key.as_string().map(mlua::LuaString::to_string_lossy).as_deref(), value) {
                (Some("accept_rewritten"), Value::Boolean(on)) => this.accept_rewritten = on,
                (Some("accept_rewritten"), value) => {
                    return Err(args.wrong("`accept_rewritten` as `true` or `false`", &value));
                }
                (Some("limit"), value) if moves => this.limit = Some(number(&value)?),
                (name, _) => {
                    let name = name.map_or_else(|| key.type_name().to_owned(), visible);
                    let there = if moves {
                        "there are `limit` and `accept_rewritten`"
                    } else {
                        "there is `accept_rewritten`"
                    };
                    return Err(Error::script(format!("there is no option `{name}`"), there));
                }
            }
        }
        Ok(this)
    }
}
