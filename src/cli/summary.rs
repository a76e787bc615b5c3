//! What rules did, all in all, for a person at a terminal.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::engine::{Remark, Report};
use crate::error::visible;

/// What each rule did, in the order in which they had something to do.
#[derive(Debug, Default)]
pub(super) struct Summary(Vec<(String, Vec<Sum>)>);

/// How many messages had it done to them, or what else became of them.
type Sum = (&'static str, usize);

impl Summary {
    /// Adds what an action of a rule did; those of no rule are not summed up.
    pub(super) fn add(&mut self, report: &Report) {
        let Some(rule) = &report.rule else { return };
        let among = |remarks: &[Remark]| remarks.iter().map(|remark| remark.uids.len()).sum::<usize>();
        let (failed, in_doubt) = (among(&report.failed), among(&report.in_doubt));
        let sums = [(report.verb.done(), report.done.len()), ("failed", failed), ("in doubt", in_doubt)];
        for (what, count) in sums.into_iter().filter(|(_, count)| *count > 0) {
            let at = self.0.iter().position(|(known, _)| known == rule).unwrap_or_else(|| {
                self.0.push((rule.clone(), Vec::new()));
                self.0.len() - 1
            });
            let Some((_, known)) = self.0.get_mut(at) else { continue };
            match known.iter_mut().find(|(known, _)| *known == what) {
                Some((_, sum)) => *sum += count,
                None => known.push((what, count)),
            }
        }
    }

    /// Gives a line for each rule. One rule alone has said it all before.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.0.len() < 2 {
            return Vec::new();
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (rule, sums) in &self.0 {
            let each: Vec<_> = sums.iter().map(|(what, count)| format!("{count} {what}")).collect();
            table.add_row([visible(rule), each.join(", ")]);
        }
        table.lines().map(|line| format!(" {}", line.trim_end())).collect()
    }
}
