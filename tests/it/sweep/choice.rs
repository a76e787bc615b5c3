//! Which cases run.

use super::{case::Case, fault::Fault, gate::Pace};

/// How many relapses each case gets where all run, and how far into the next run.
const RELAPSES: usize = 3;
const RELAPSE_STEPS: usize = 70;

/// Chooses cases, the same each time: all that there are, or of each server, rung and fault one, from all over the
/// run. The second run of some is cut as well.
pub(crate) fn choose<'a>(all: &[Case<'a>], whole: bool) -> Vec<Case<'a>> {
    let mut random = Random(1);
    let mut chosen = if whole { all.to_vec() } else { vec![] };
    let alike = |one: &Case, other: &Case| {
        let (one, other) = (one.clean.setting, other.clean.setting);
        (one.host, one.rung) == (other.host, other.rung)
    };
    for of_kind in all.chunk_by(alike) {
        let mut again: Vec<Case> = of_kind.iter().copied().filter(|case| may_relapse(case)).collect();
        if whole {
            again = again.iter().flat_map(|case| [*case; RELAPSES]).collect();
        } else {
            for fault in Fault::ALL {
                let fitting: Vec<_> = of_kind.iter().filter(|case| case.fault == fault).collect();
                chosen.extend(random.pick(&fitting).copied());
            }
            again = [random.pick(&again), random.pick(&again)].into_iter().flatten().copied().collect();
        }
        for case in &mut again {
            let fault = [Fault::KillBefore, Fault::CutBefore][random.below(2)];
            case.relapse = Some((random.below(RELAPSE_STEPS), fault));
        }
        chosen.extend(again);
    }
    chosen
}

/// Whether the run after it has something to settle.
fn may_relapse(case: &Case) -> bool {
    let late = case.at >= case.clean.first_change();
    late && case.clean.setting.pace == Pace::Flight
        && matches!(case.fault, Fault::KillBefore | Fault::CutBefore)
}

/// Numbers that look like chance (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| &from[self.below(from.len())])
    }
}
