use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(250);

/// The longest.
const LONGEST: Duration = Duration::from_secs(300);

/// Gives how long to wait after so many failures in a row: each time about twice as long as before, up to five minutes.
/// No two wait equally long, so that not all come back at once when a server does.
pub(super) fn pause(failures: u32) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    let random = u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or_default();
    whole / 2 + whole.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{FIRST, LONGEST, pause};

    #[test]
    fn pauses_grow_to_five_minutes() {
        for failures in 1..100 {
            let most = FIRST.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST);
            let pause = pause(failures);
            assert!(most / 2 <= pause && pause <= most, "{failures}: {pause:?}");
        }
    }
}
