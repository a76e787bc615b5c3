//! A script as a tree: what the parser gives, without tokens and spaces.

use std::rc::Rc;

use full_moon::ast::{
    self, Call, Expression, FunctionArgs, FunctionBody, Index, LastStmt, Parameter, Prefix, Stmt, Suffix, Var,
};
use full_moon::node::Node as _;
use full_moon::tokenizer::{Position, TokenReference};

/// Statements in their order.
pub(super) type Block = Vec<Statement>;

/// A name where it is declared.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: String,
    /// Its byte in the script, which tells declarations of one name apart.
    pub(super) at: usize,
}

/// What a script does.
#[derive(Debug)]
pub(super) enum Statement {
    Local(Vec<Name>, Vec<Expr>),
    LocalFunction(Name, Rc<Function>),
    Assign(Vec<Expr>, Vec<Expr>),
    Call(Expr),
    Do(Block),
    /// `while`.
    While(Expr, Block),
    Repeat(Block, Expr),
    /// Conditions with their blocks, and the block of `else`.
    If(Vec<(Expr, Block)>, Block),
    /// Both loops: the names, what they run over, the block, and whether it is `for … in`.
    For(Vec<Name>, Vec<Expr>, Block, bool),
    Return(Vec<Expr>),
}

/// A function's parameters and block.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<Name>,
    pub(super) block: Block,
}

/// An expression and where it begins.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What can be written as a value.
#[derive(Debug)]
pub(super) enum Kind {
    /// A number, a string, `nil`, `true` or `false`, as it is written.
    Literal(String),
    Vararg,
    Function(Rc<Function>),
    Name(String),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    Method(Box<Expr>, String, Vec<Expr>),
    Table(Vec<Field>),
    Binary(String, Box<Expr>, Box<Expr>),
    Unary(String, Box<Expr>),
    Grouped(Box<Expr>),
}

/// One entry of a table that is written out.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: Key,
    pub(super) value: Expr,
    pub(super) line: usize,
}

/// What an entry is found by.
#[derive(Debug)]
pub(super) enum Key {
    Position,
    Name(String),
    Computed(Expr),
}

/// Takes a script apart that Lua has compiled already. `None` where the parser does not follow.
pub(super) fn parse(source: &str) -> Option<Block> {
    full_moon::parse(source).ok().map(|tree| block(tree.nodes()))
}

fn word(token: &TokenReference) -> String {
    token.token().to_string()
}

fn name(token: &TokenReference) -> Name {
    Name { text: word(token), at: token.token().start_position().bytes() }
}

fn line(token: &TokenReference) -> usize {
    token.token().start_position().line()
}

fn expr(line: usize, kind: Kind) -> Expr {
    Expr { line, kind }
}

fn list<'a>(all: impl IntoIterator<Item = &'a Expression>) -> Vec<Expr> {
    all.into_iter().map(expression).collect()
}

fn block(of: &ast::Block) -> Block {
    let mut statements: Block = of.stmts().filter_map(statement).collect();
    if let Some(LastStmt::Return(last)) = of.last_stmt() {
        statements.push(Statement::Return(list(last.returns())));
    }
    statements
}

fn statement(of: &Stmt) -> Option<Statement> {
    Some(match of {
        Stmt::Assignment(of) => {
            Statement::Assign(of.variables().iter().map(variable).collect(), list(of.expressions()))
        }
        Stmt::Do(of) => Statement::Do(block(of.block())),
        Stmt::FunctionCall(of) => Statement::Call(suffixed(of.prefix(), of.suffixes())),
        Stmt::FunctionDeclaration(of) => {
            let mut function = function(of.body());
            let mut names = of.name().names().iter();
            let first = names.next()?;
            let mut target = expr(line(first), Kind::Name(word(first)));
            for next in names.chain(of.name().method_name()) {
                let key = expr(line(next), Kind::Literal(format!("\"{}\"", word(next))));
                target = expr(target.line, Kind::Index(Box::new(target), Box::new(key)));
            }
            if let Some(method) = of.name().method_name() {
                let at = method.token().start_position().bytes();
                function.parameters.insert(0, Name { text: "self".to_owned(), at });
            }
            let value = expr(target.line, Kind::Function(Rc::new(function)));
            Statement::Assign(vec![target], vec![value])
        }
        Stmt::GenericFor(of) => Statement::For(
            of.names().iter().map(name).collect(),
            list(of.expressions()),
            block(of.block()),
            true,
        ),
        Stmt::If(of) => {
            let mut ways = vec![(expression(of.condition()), block(of.block()))];
            let others = of.else_if().into_iter().flatten();
            ways.extend(others.map(|other| (expression(other.condition()), block(other.block()))));
            Statement::If(ways, of.else_block().map(block).unwrap_or_default())
        }
        Stmt::LocalAssignment(of) => {
            Statement::Local(of.names().iter().map(name).collect(), list(of.expressions()))
        }
        Stmt::LocalFunction(of) => Statement::LocalFunction(name(of.name()), Rc::new(function(of.body()))),
        Stmt::NumericFor(of) => {
            let values = [Some(of.start()), Some(of.end()), of.step()];
            let values = list(values.into_iter().flatten());
            Statement::For(vec![name(of.index_variable())], values, block(of.block()), false)
        }
        Stmt::Repeat(of) => Statement::Repeat(block(of.block()), expression(of.until())),
        Stmt::While(of) => Statement::While(expression(of.condition()), block(of.block())),
        // `goto` and its labels.
        _ => return None,
    })
}

fn function(of: &FunctionBody) -> Function {
    let parameters = of.parameters().iter().filter_map(|parameter| match parameter {
        Parameter::Name(of) => Some(name(of)),
        _ => None,
    });
    Function { parameters: parameters.collect(), block: block(of.block()) }
}

fn variable(of: &Var) -> Expr {
    match of {
        Var::Name(of) => expr(line(of), Kind::Name(word(of))),
        Var::Expression(of) => suffixed(of.prefix(), of.suffixes()),
        _ => expr(0, Kind::Vararg),
    }
}

fn expression(of: &Expression) -> Expr {
    // Each line is told by the first sign itself: to ask a whole for where it begins would go all the way down again.
    let (line, kind) = match of {
        Expression::BinaryOperator { lhs, binop, rhs } => {
            let left = expression(lhs);
            let kind = Kind::Binary(word(binop.token()), Box::new(left), Box::new(expression(rhs)));
            (line(binop.token()), kind)
        }
        Expression::Parentheses { contained, expression: inner } => {
            (line(contained.tokens().0), Kind::Grouped(Box::new(expression(inner))))
        }
        Expression::UnaryOperator { unop, expression: inner } => {
            (line(unop.token()), Kind::Unary(word(unop.token()), Box::new(expression(inner))))
        }
        Expression::Function(of) => (line(of.function_token()), Kind::Function(Rc::new(function(of.body())))),
        Expression::FunctionCall(of) => return suffixed(of.prefix(), of.suffixes()),
        Expression::TableConstructor(of) => (line(of.braces().tokens().0), Kind::Table(fields(of))),
        Expression::Number(token) | Expression::String(token) => (line(token), Kind::Literal(word(token))),
        Expression::Symbol(token) if word(token) != "..." => (line(token), Kind::Literal(word(token))),
        Expression::Var(of) => return variable(of),
        _ => (0, Kind::Vararg),
    };
    expr(line, kind)
}

fn suffixed<'a>(prefix: &Prefix, suffixes: impl Iterator<Item = &'a Suffix>) -> Expr {
    let mut whole = match prefix {
        Prefix::Name(of) => expr(line(of), Kind::Name(word(of))),
        Prefix::Expression(of) => expression(of),
        _ => expr(0, Kind::Vararg),
    };
    for suffix in suffixes {
        // A chain of calls over several lines is found at the line of each.
        let at = suffix.start_position().map_or(whole.line, Position::line);
        let before = Box::new(whole);
        whole = match suffix {
            Suffix::Index(Index::Dot { name, .. }) => {
                let key = expr(line(name), Kind::Literal(format!("\"{}\"", word(name))));
                expr(at, Kind::Index(before, Box::new(key)))
            }
            Suffix::Index(Index::Brackets { expression: key, .. }) => {
                expr(at, Kind::Index(before, Box::new(expression(key))))
            }
            Suffix::Call(Call::AnonymousCall(given)) => expr(at, Kind::Call(before, arguments(given))),
            Suffix::Call(Call::MethodCall(call)) => {
                expr(at, Kind::Method(before, word(call.name()), arguments(call.args())))
            }
            _ => *before,
        };
    }
    whole
}

fn arguments(of: &FunctionArgs) -> Vec<Expr> {
    match of {
        FunctionArgs::Parentheses { arguments, .. } => list(arguments),
        FunctionArgs::String(token) => vec![expr(line(token), Kind::Literal(word(token)))],
        FunctionArgs::TableConstructor(of) => {
            vec![expr(line(of.braces().tokens().0), Kind::Table(fields(of)))]
        }
        _ => Vec::new(),
    }
}

fn fields(of: &ast::TableConstructor) -> Vec<Field> {
    let field = |of: &ast::Field| {
        let line = of.start_position().map_or(0, Position::line);
        Some(match of {
            ast::Field::ExpressionKey { key, value, .. } => {
                Field { key: Key::Computed(expression(key)), value: expression(value), line }
            }
            ast::Field::NameKey { key, value, .. } => {
                Field { key: Key::Name(word(key)), value: expression(value), line }
            }
            ast::Field::NoKey(value) => Field { key: Key::Position, value: expression(value), line },
            _ => return None,
        })
    };
    of.fields().iter().filter_map(field).collect()
}
