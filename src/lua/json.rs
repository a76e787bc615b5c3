use mlua::{Lua, Table, Value};
use serde_json::{Map, Number};

use super::bind::{function, put};
use super::literal::from_lua;
use super::strict::strict;
use crate::engine::Literal;
use crate::error::{Error, Result};

/// Installs the table `json`: `encode`, `decode` and the value `null`.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let json = lua.create_table()?;
    put(
        lua,
        Some(("json", &json)),
        "encode",
        function(lua, "json.encode", |_, args| {
            let value = args.value();
            let encoded = serde_json::to_string(&encode(&value)?);
            encoded.map_err(|error| Error::script(format!("`json.encode` failed: {error}"), ""))
        })?,
    )?;
    put(
        lua,
        Some(("json", &json)),
        "decode",
        function(lua, "json.decode", |lua, args| {
            let text = args.text("JSON as a string")?;
            let value: serde_json::Value = serde_json::from_str(&text)
                .map_err(|error| Error::script(format!("`json.decode` got what is not JSON: {error}"), ""))?;
            let broken = |error: mlua::Error| Error::script(error.to_string(), "");
            let value = decode(lua, value).map_err(broken)?;
            if let Value::Table(table) = &value {
                strict(lua, table).map_err(broken)?;
            }
            Ok(value)
        })?,
    )?;
    put(lua, Some(("json", &json)), "null", Value::NULL)?;
    put(lua, None, "json", json)
}

fn encode(value: &Value) -> Result<serde_json::Value> {
    if value.is_null() {
        return Ok(serde_json::Value::Null);
    }
    encode_literal(&from_lua(value)?)
}

fn encode_literal(literal: &Literal) -> Result<serde_json::Value> {
    Ok(match literal {
        Literal::Boolean(value) => (*value).into(),
        Literal::Integer(number) => (*number).into(),
        Literal::Number(number) => match Number::from_f64(*number) {
            Some(number) => number.into(),
            None => return Err(Error::script(format!("JSON has no number {number}"), "")),
        },
        Literal::Text(text) => text.clone().into(),
        Literal::Table(list, fields) if fields.is_empty() => {
            list.iter().map(encode_literal).collect::<Result<Vec<_>>>()?.into()
        }
        Literal::Table(list, fields) if list.is_empty() => {
            let mut object = Map::new();
            for (name, value) in fields {
                object.insert(name.clone(), encode_literal(value)?);
            }
            object.into()
        }
        Literal::Table(..) => {
            return Err(Error::script(
                "a table with both a list and names in it can't be JSON",
                "use one or the other",
            ));
        }
        Literal::Other("nil" | "lightuserdata") => serde_json::Value::Null,
        Literal::Pattern(_) => return Err(Error::script("a pattern can't be JSON", "")),
        Literal::Function(_) => return Err(Error::script("a function can't be JSON", "")),
        Literal::Other(kind) => return Err(Error::script(format!("a {kind} can't be JSON"), "")),
    })
}

fn decode(lua: &Lua, value: serde_json::Value) -> mlua::Result<Value> {
    Ok(match value {
        serde_json::Value::Null => Value::NULL,
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(list) => {
            let table: Table = lua.create_table_with_capacity(list.len(), 0)?;
            for value in list {
                table.raw_push(decode(lua, value)?)?;
            }
            Value::Table(table)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, value) in fields {
                table.raw_set(name, decode(lua, value)?)?;
            }
            Value::Table(table)
        }
    })
}
