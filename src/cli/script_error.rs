use std::fs;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::excerpt::excerpt;
use super::report::err;
use crate::error::visible;
use crate::lua::{Failure, Script};

/// Shows why a script failed: the message, the line it came from, and what to do.
pub(super) fn show(failure: &Failure, script: &Script) {
    let message = visible(&failure.message);
    let source = failure.places.first().and_then(|place| {
        let text = if place.file == script.name {
            String::from_utf8_lossy(&script.source).into_owned()
        } else {
            fs::read_to_string(&place.file).ok()?
        };
        let line = text.lines().nth(place.line.checked_sub(1)?)?;
        Some((place, excerpt(line)))
    });
    let mut group = Group::with_title(Level::ERROR.primary_title(message.as_str()));
    if let Some((place, line)) = &source {
        let start = line.len() - line.trim_start().len();
        let end = line.trim_end().len().max(start);
        let snippet = Snippet::source(line.as_str()).path(place.file.as_str()).line_start(place.line);
        group = group.element(snippet.annotation(AnnotationKind::Primary.span(start..end)));
    } else if let Some(place) = failure.places.first() {
        // A script that ends too early fails after its last line.
        group = group.element(Level::NOTE.message(format!("in {}:{}", visible(&place.file), place.line)));
    }
    let mut callers: Vec<_> =
        failure.places.iter().skip(1).map(|place| format!("{}:{}", place.file, place.line)).collect();
    callers.truncate(5);
    if !callers.is_empty() {
        group = group.element(Level::NOTE.message(format!("called from {}", callers.join(", "))));
    }
    if !failure.context.is_empty() {
        let context: Vec<_> =
            failure.context.iter().map(|(name, value)| format!("{name} {}", visible(value))).collect();
        group = group.element(Level::NOTE.message(context.join(", ")));
    }
    if let Some(hint) = &failure.hint {
        group = group.element(Level::HELP.with_name("hint").message(visible(hint)));
    }
    let renderer = if anstream::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    err(renderer.render(&[group]));
}
