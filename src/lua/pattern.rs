use mlua::{Lua, MetaMethod, UserDataMethods};

use super::bind::{field, function, put, register};
use crate::engine::query::Pattern;

/// A pattern for queries, as a script holds it.
#[derive(Clone, Debug)]
pub(super) struct PatternValue(pub(super) Pattern);

super::bind::handle!(PatternValue);

impl PatternValue {
    fn text(&self) -> String {
        match &self.0 {
            Pattern::Contains(text)
            | Pattern::Here(text)
            | Pattern::Address(text)
            | Pattern::Domain(text) => text.clone(),
            Pattern::Regex(regex) => regex.as_str().to_owned(),
            Pattern::Present | Pattern::OneOf(_) => String::new(),
        }
    }
}

/// Installs `regex`, `address` and `domain`, and registers what they give.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, |lua, to| {
        field(lua, to, "pattern", |_, this: &PatternValue| Ok(this.text()));
        to.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.text()));
        Ok(())
    })?;
    let regex = function(lua, "regex", |_, args| {
        let expression = args.text("an expression")?;
        let flags = if args.is_nil() { String::new() } else { args.text("flags such as \"i\"")? };
        Ok(PatternValue(Pattern::regex(&expression, &flags)?))
    })?;
    put(lua, None, "regex", regex)?;
    let address =
        function(lua, "address", |_, args| Ok(PatternValue(Pattern::address(&args.text("an address")?)?)))?;
    put(lua, None, "address", address)?;
    let domain =
        function(lua, "domain", |_, args| Ok(PatternValue(Pattern::domain(&args.text("a domain")?)?)))?;
    put(lua, None, "domain", domain)
}
