use mlua::{Lua, MetaMethod, Table, UserDataMethods};

use super::bind::{field, register};
use crate::mail::Address;

/// An address as a script sees it.
#[derive(Clone, Debug)]
pub(super) struct AddressValue(pub(super) Address);

super::bind::handle!(AddressValue);

/// Registers the type.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, |lua, to| {
        field(lua, to, "name", |_, this: &AddressValue| Ok(this.0.name.clone()));
        field(lua, to, "email", |_, this| Ok(this.0.email.clone()));
        field(lua, to, "domain", |_, this| Ok(this.0.domain.clone()));
        to.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
        Ok(())
    })
}

/// Makes a list of addresses.
pub(super) fn list(lua: &Lua, addresses: Vec<Address>) -> mlua::Result<Table> {
    lua.create_sequence_from(addresses.into_iter().map(AddressValue))
}
