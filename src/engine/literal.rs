use super::query::Pattern;

/// Plain data from a script: what a Lua table holds, without Lua.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, or beyond 64 bits.
    Number(f64),
    /// A string.
    Text(String),
    /// A table: its positional values, and its named ones in the order of their names.
    Table(Vec<Literal>, Vec<(String, Literal)>),
    /// What `regex`, `address` and `domain` make.
    Pattern(Pattern),
    /// A function, by its number among those of the same query.
    Function(usize),
    /// Anything else, by what Lua calls its type.
    Other(&'static str),
}

impl Literal {
    /// Gives what Lua calls the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Table(..) => "table",
            Self::Pattern(_) => "pattern",
            Self::Function(_) => "function",
            Self::Other(name) => name,
        }
    }
}
