use jiff::{Span, ZonedDateTime};

/// Reads an age such as `90m`, `36h`, `30d`, `2w`, `6mo` or `1y`, and gives the instant that long before `now`:
/// days and longer by the calendar of its zone, the rest to the second.
///
/// `None` for what is no age, for none at all or one of the future, and for one that no calendar reaches.
pub fn long_ago(age: &str, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    let span: Span = age.parse().ok()?;
    if !span.is_positive() {
        return None;
    }
    now.checked_sub(span).ok()
}
