use std::str::FromStr;

/// How often a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    Minutes(u32),
    Hours(u32),
    Day,
    Week,
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            "it is minutes that divide an hour, such as 15m, hours that divide a day, such as 6h, 1d or 1w"
                .to_owned()
        };
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(bad)?;
        let number: u32 = number.parse().map_err(|_| bad())?;
        match (number, unit) {
            (60, "m") => Ok(Self::Hours(1)),
            (1..=59, "m") if 60 % number == 0 => Ok(Self::Minutes(number)),
            (24, "h") | (1, "d") => Ok(Self::Day),
            (1..=23, "h") if 24 % number == 0 => Ok(Self::Hours(number)),
            (7, "d") | (1, "w") => Ok(Self::Week),
            _ => Err(bad()),
        }
    }
}

impl Interval {
    /// Gives it as systemd's `OnCalendar` has it.
    pub(super) fn calendar(self) -> String {
        match self {
            Self::Minutes(1) => "*:*".to_owned(),
            Self::Minutes(number) => format!("*:0/{number}"),
            Self::Hours(1) => "hourly".to_owned(),
            Self::Hours(number) => format!("0/{number}:00"),
            Self::Day => "daily".to_owned(),
            Self::Week => "weekly".to_owned(),
        }
    }

    /// Gives by how many seconds at most a run may be late, so that not all machines ask their servers at once.
    pub(super) fn jitter(self) -> u32 {
        match self {
            Self::Minutes(number) => number * 6,
            Self::Hours(_) => 6 * 60,
            Self::Day | Self::Week => 60 * 60,
        }
    }

    /// Gives it as the first five fields of a crontab's line. `seed` says when within the interval, for cron knows no
    /// jitter.
    pub(super) fn fields(self, seed: u32) -> String {
        let minute = seed % 60;
        match self {
            Self::Minutes(1) => "* * * * *".to_owned(),
            Self::Minutes(number) => format!("{}-59/{number} * * * *", minute % number),
            Self::Hours(1) => format!("{minute} * * * *"),
            Self::Hours(number) => format!("{minute} */{number} * * *"),
            Self::Day => format!("{minute} {} * * *", seed / 60 % 6),
            Self::Week => format!("{minute} {} * * 1", seed / 60 % 6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Interval;

    #[test]
    fn only_what_fits_into_the_clock_is_taken() {
        for (text, calendar, fields) in [
            ("1m", "*:*", "* * * * *"),
            ("15m", "*:0/15", "7-59/15 * * * *"),
            ("30m", "*:0/30", "7-59/30 * * * *"),
            ("60m", "hourly", "37 * * * *"),
            ("6h", "0/6:00", "37 */6 * * *"),
            ("24h", "daily", "37 2 * * *"),
            ("1d", "daily", "37 2 * * *"),
            ("1w", "weekly", "37 2 * * 1"),
        ] {
            let interval: Result<Interval, _> = text.parse();
            let told = interval.map(|interval| (interval.calendar(), interval.fields(2 * 60 + 37)));
            assert_eq!(told, Ok((calendar.to_owned(), fields.to_owned())), "{text}");
        }
        for text in ["", "m", "0m", "7m", "5h", "2d", "15", "-5m", "15 m", "1y", "ü", "4294967296m"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
