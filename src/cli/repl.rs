use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::rc::Rc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::interrupt::AtRest;
use super::options::Options;
use super::past_lines::PastLines;
use super::report::{err, out};
use super::run::told;
use super::surroundings::{Refusal, Surroundings};
use super::{exit, interrupt, places, script_error};
use crate::error::visible;
use crate::lua::{Answer, Repl};

/// Reads lines and does what they say, until there are no more.
pub(super) fn repl(options: &Options, dry_run: bool) -> ExitCode {
    told(talk(options, dry_run))
}

fn talk(options: &Options, dry_run: bool) -> Result<u8, Refusal> {
    let around = Surroundings::new(options, "repl".to_owned(), dry_run)?;
    let broken = |error: mlua::Error| (1, format!("Lua could not be started: {error}"), "");
    let session = Session { repl: Rc::new(Repl::new(&around.run).map_err(broken)?), around };
    let code =
        if std::io::stdin().is_terminal() { session.at_terminal(options)? } else { session.piped()? };
    session.repl.log_out();
    Ok(session.around.end(code))
}

/// How a line ended.
enum Ended {
    Well,
    /// With the exit code of what went wrong.
    Badly(u8),
    /// The line ends the session.
    Session(u8),
}

struct Session {
    repl: Rc<Repl>,
    around: Surroundings,
}

impl Session {
    /// Does what a line says, and shows what came of it. Each line is a run of its own: it gives back the locks, and can
    /// be undone by itself.
    fn line(&self, text: &str) -> Result<Ended, Refusal> {
        let before = self.around.reporter().count();
        let broken = |error: mlua::Error| (1, format!("Lua failed: {error}"), "");
        let answer = self.repl.answer(text).map_err(broken)?;
        let ended = match answer {
            Answer::Done { lines, reports } => {
                if !reports || self.around.reporter().count() == before {
                    for line in lines {
                        out(visible(&line));
                    }
                }
                Ended::Well
            }
            Answer::Failed(failure) => {
                if let Some(code) = failure.exit {
                    Ended::Session(code)
                } else {
                    script_error::show(&failure, &Repl::script(text));
                    self.around.reporter().note_script_failure(&failure);
                    Ended::Badly(exit::code(failure.class))
                }
            }
        };
        if self.around.run.is_interrupted() {
            self.repl.come_to_rest();
            self.around.run.context.interrupt.lower();
        }
        let code = match ended {
            Ended::Well => 0,
            Ended::Badly(code) | Ended::Session(code) => code,
        };
        if let Err(error) = self.around.run.state.end(code) {
            err(format_args!("warning: the end of this line could not be noted: {error}"));
        }
        Ok(ended)
    }

    /// Reads lines from a file or a program. A failure does not keep the next line from being read; the exit code is that
    /// of the first.
    fn piped(&self) -> Result<u8, Refusal> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| (1, format!("standard input can't be read: {error}"), ""))?;
        let text = String::from_utf8_lossy(&bytes);
        let (mut first, mut entry) = (0, String::new());
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if !entry.is_empty() {
                entry.push('\n');
            }
            entry.push_str(line);
            if entry.trim().is_empty() || (lines.peek().is_some() && self.repl.is_incomplete(&entry)) {
                continue;
            }
            match self.line(&std::mem::take(&mut entry))? {
                Ended::Well => {}
                Ended::Badly(code) => first = if first == 0 { code } else { first },
                Ended::Session(code) => return Ok(code),
            }
            if first == exit::INTERRUPTED {
                break;
            }
        }
        Ok(first)
    }

    fn at_terminal(&self, options: &Options) -> Result<u8, Refusal> {
        let at_rest = AtRest::new();
        interrupt::rest(&at_rest);
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
        let no_terminal =
            |error: ReadlineError| (exit::CONFIG, format!("the terminal can't be used: {error}"), "");
        let mut editor: Editor<Helping, MemHistory> =
            Editor::with_history(config, MemHistory::new()).map_err(no_terminal)?;
        editor.set_helper(Some(Helping { repl: Rc::clone(&self.repl) }));
        let directory = places::state_directory(options.place.state.as_deref(), None).ok();
        let mut past = PastLines::open(directory.as_deref());
        for line in past.lines() {
            let _ = editor.add_history_entry(line);
        }
        if !options.quiet {
            out("Lua, as in scripts. Tab completes, Ctrl-C gives a line up, Ctrl-D ends.");
        }
        loop {
            at_rest.set(true);
            let read = editor.readline("> ");
            at_rest.set(false);
            let line = match read {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(0),
                Err(error) => return Err(no_terminal(error)),
            };
            let _ = editor.add_history_entry(line.as_str());
            if let Err(error) = past.add(&line) {
                err(format_args!("warning: the line is not kept for another time: {error}"));
            }
            if let Ended::Session(code) = self.line(&line)? {
                return Ok(code);
            }
        }
    }
}

/// What helps with a line that is being written.
struct Helping {
    repl: Rc<Repl>,
}

impl Helper for Helping {}
impl Highlighter for Helping {}

impl Hinter for Helping {
    type Hint = String;
}

impl Completer for Helping {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.repl.complete(line.get(..at).unwrap_or_default()))
    }
}

impl Validator for Helping {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if self.repl.is_incomplete(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}
