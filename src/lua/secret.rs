use std::path::PathBuf;

use mlua::{Lua, MetaMethod, UserData, UserDataMethods, Value};

use super::bind::{function, put};
use crate::engine::SecretSource;
use crate::error::Error;

/// Where a secret comes from, as a script holds it. The secret itself never enters Lua.
#[derive(Clone, Debug)]
pub(super) struct SecretValue(pub(super) SecretSource);

impl UserData for SecretValue {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, _, ()| Ok("secret: <hidden>"));
    }
}

/// Makes a source of the one text that names it.
type Named = (&'static str, &'static str, fn(String) -> SecretSource);

/// The functions that take no more than that.
const NAMED: [Named; 4] = [
    ("secret.env", "the name of an environment variable", SecretSource::Env),
    ("secret.file", "the path of a file", |path| SecretSource::File(PathBuf::from(path))),
    ("secret.keyring", "a name in the system keyring", SecretSource::Keyring),
    ("secret.credential", "the name of a credential of systemd", SecretSource::Credential),
];

/// Installs the table `secret`.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let secret = lua.create_table()?;
    for (whole, wanted, source) in NAMED {
        let name = whole.strip_prefix("secret.").unwrap_or(whole);
        let make = function(lua, whole, move |_, args| Ok(SecretValue(source(args.text(wanted)?))))?;
        put(lua, Some(("secret", &secret)), name, make)?;
    }
    put(
        lua,
        Some(("secret", &secret)),
        "prompt",
        function(lua, "secret.prompt", |_, args| {
            let text = if args.is_nil() { "Password: ".to_owned() } else { args.text("what to ask")? };
            Ok(SecretValue(SecretSource::Prompt(text)))
        })?,
    )?;
    put(
        lua,
        Some(("secret", &secret)),
        "command",
        function(lua, "secret.command", |_, args| {
            let words = args.table("a list: a program and its arguments")?;
            let words = words.sequence_values::<Value>().map(|word| match word {
                Ok(Value::String(word)) => Ok(word.to_string_lossy()),
                _ => Err(Error::script(
                    "`secret.command` wants a list of strings",
                    "`{ \"pass\", \"mail/work\" }`",
                )),
            });
            let words = words.collect::<Result<Vec<_>, _>>()?;
            if words.is_empty() {
                return Err(Error::script(
                    "`secret.command` got an empty list",
                    "`{ \"pass\", \"mail/work\" }`",
                ));
            }
            Ok(SecretValue(SecretSource::Command(words)))
        })?,
    )?;
    put(lua, None, "secret", secret)
}
