//! How a dry run is told: examples of the messages, and what it all comes to.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, Width};

use crate::engine::{Report, Sample, Verb, messages};
use crate::error::visible;

/// How wide the examples are at most, beside what they are indented by.
const WIDTH: u16 = 74;

/// Gives the lines of some messages of a report: when they came, from whom, and their subjects.
pub(super) fn samples(report: &Report) -> Vec<String> {
    if report.samples.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_truncation_indicator("…");
    for Sample { day, from, subject } in &report.samples {
        let mut row = Row::from(vec![visible(day), visible(from), visible(subject)]);
        row.max_height(1);
        table.add_row(row);
    }
    let constraints = [ColumnConstraint::ContentWidth, ColumnConstraint::UpperBoundary(Width::Fixed(28))];
    for (at, constraint) in constraints.into_iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_constraint(constraint);
        }
    }
    let mut lines: Vec<String> = table.lines().map(|line| format!("   {}", line.trim_end())).collect();
    let rest = report.done.len().saturating_sub(report.samples.len());
    if rest > 0 {
        lines.push(format!("    … and {rest} more"));
    }
    lines
}

/// What a dry run would do, all in all.
#[derive(Debug, Default)]
pub(super) struct Sum(Vec<(Verb, usize)>);

impl Sum {
    /// Adds what one action would do.
    pub(super) fn add(&mut self, report: &Report) {
        let count = match report.verb {
            Verb::Create
            | Verb::Delete
            | Verb::Rename
            | Verb::Subscribe
            | Verb::Unsubscribe
            | Verb::Append => 1,
            _ => report.done.len(),
        };
        match self.0.iter_mut().find(|(verb, _)| *verb == report.verb) {
            Some((_, sum)) => *sum += count,
            None => self.0.extend((count > 0).then_some((report.verb, count))),
        }
    }

    /// Says it in a line.
    pub(super) fn line(&self) -> String {
        let each = |(verb, count): &(Verb, usize)| {
            let what = match verb {
                Verb::Create | Verb::Delete | Verb::Rename | Verb::Subscribe | Verb::Unsubscribe => {
                    if *count == 1 { "1 mailbox".to_owned() } else { format!("{count} mailboxes") }
                }
                Verb::Save => format!("attachments of {}", messages(*count)),
                _ => messages(*count),
            };
            format!("{} {what}", verb.plain())
        };
        let all: Vec<String> = self.0.iter().map(each).collect();
        if all.is_empty() {
            return "nothing was changed, and nothing would be".to_owned();
        }
        format!("nothing was changed; this would {}", all.join(", "))
    }
}
