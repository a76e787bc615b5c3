use mlua::{Lua, MetaMethod, Table, UserData, UserDataFields, UserDataMethods};

use crate::mail::Address;

/// An address as a script sees it.
#[derive(Clone, Debug)]
pub(super) struct AddressValue(pub(super) Address);

impl UserData for AddressValue {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        fields.add_field_method_get("name", |_, this| Ok(this.0.name.clone()));
        fields.add_field_method_get("email", |_, this| Ok(this.0.email.clone()));
        fields.add_field_method_get("domain", |_, this| Ok(this.0.domain.clone()));
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
    }
}

/// Makes a list of addresses.
pub(super) fn list(lua: &Lua, addresses: Vec<Address>) -> mlua::Result<Table> {
    lua.create_sequence_from(addresses.into_iter().map(AddressValue))
}
