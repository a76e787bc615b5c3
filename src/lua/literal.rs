use mlua::{Function, Value};

use super::pattern::PatternValue;
use crate::engine::Literal;
use crate::error::{Error, Result};

/// How deep tables may nest before they are taken to contain themselves.
const DEPTH: usize = 50;

/// Makes plain data of a Lua value. Named values come in the order of their names, so that the same script
/// always asks a server the same thing.
pub(super) fn from_lua(value: &Value) -> Result<Literal> {
    convert(value, None, 0)
}

/// Makes the same of a value that may have functions in it. They are added to `functions`; a literal names each
/// by its number there, from 0.
pub(super) fn with_functions(value: &Value, functions: &mut Vec<Function>) -> Result<Literal> {
    convert(value, Some(functions), 0)
}

fn convert(value: &Value, mut functions: Option<&mut Vec<Function>>, depth: usize) -> Result<Literal> {
    if depth == DEPTH {
        return Err(Error::script("a table is nested too deep", "does it contain itself?"));
    }
    Ok(match value {
        Value::Boolean(value) => Literal::Boolean(*value),
        Value::Integer(number) => Literal::Integer(*number),
        Value::Number(number) => Literal::Number(*number),
        Value::String(text) => Literal::Text(text.to_str().map(|text| text.to_owned()).map_err(|_| {
            let what =
                format!("a string is not UTF-8: \"{}\"", crate::error::visible(&text.to_string_lossy()));
            Error::script(what, "save the script as UTF-8")
        })?),
        Value::Table(table) => {
            let mut list = Vec::new();
            let mut fields = Vec::new();
            for pair in table.pairs::<Value, Value>() {
                let (key, value) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
                match key {
                    Value::Integer(at) if at > 0 => {
                        list.push((at, convert(&value, functions.as_deref_mut(), depth + 1)?));
                    }
                    Value::String(name) => {
                        let value = convert(&value, functions.as_deref_mut(), depth + 1)?;
                        fields.push((name.to_string_lossy(), value));
                    }
                    key => {
                        let what = format!("a table has a {} as key", key.type_name());
                        return Err(Error::script(what, "keys are names, or 1, 2, 3 in a list"));
                    }
                }
            }
            list.sort_by_key(|(at, _)| *at);
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            // A list with a hole had a nil in it: a condition that is silently not there.
            if list.last().is_some_and(|(last, _)| usize::try_from(*last).ok() != Some(list.len())) {
                return Err(Error::script("a list has a nil in it", "check where its values come from"));
            }
            Literal::Table(list.into_iter().map(|(_, value)| value).collect(), fields)
        }
        Value::UserData(data) => match data.borrow::<PatternValue>() {
            Ok(pattern) => Literal::Pattern(pattern.0.clone()),
            Err(_) => Literal::Other("userdata"),
        },
        Value::Function(function) => match functions {
            Some(functions) => {
                functions.push(function.clone());
                Literal::Function(functions.len() - 1)
            }
            None => Literal::Other("function"),
        },
        value => Literal::Other(value.type_name()),
    })
}
