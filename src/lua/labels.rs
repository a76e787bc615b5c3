//! The arguments of `label` and `unlabel`.

use mlua::Value;

use super::args::Args;
use crate::engine::label;
use crate::error::{Error, Result};
use crate::mail::Label;

/// Reads labels: strings, and lists of them.
pub(super) fn read(args: &mut Args) -> Result<Vec<Label>> {
    let mut all = Vec::new();
    while !args.is_nil() {
        match args.value() {
            Value::Table(list) => {
                for value in list.sequence_values::<Value>() {
                    let value = value.map_err(|error| Error::script(error.to_string(), ""))?;
                    all.push(one(args, &value)?);
                }
            }
            value => all.push(one(args, &value)?),
        }
    }
    if all.is_empty() {
        let hint = "name them: `label(\"Work\")`, `label(\"Bills\", \"\\\\Starred\")`";
        return Err(Error::script("no labels were given", hint));
    }
    Ok(all)
}

fn one(args: &Args, value: &Value) -> Result<Label> {
    let text = value.as_string().and_then(|text| text.to_str().ok().map(|text| text.to_owned()));
    label(&text.ok_or_else(|| args.wrong("a label such as \"Work\"", value))?)
}
