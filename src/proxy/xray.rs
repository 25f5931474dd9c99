//! What is remembered of the loop itself while someone looks at it: its last turns, and which phases each session has
//! passed.
//!
//! Nobody looks most of the time, and then there is nothing of this: a turn and a change of phase cost one look at an
//! empty box. It is bounded by so many turns, sessions and phases, whatever the traffic.

use super::context::Context;
use super::phase::Phase;
use crate::base::Time;
use crate::net::Net;
use std::collections::VecDeque;
use std::time::Duration;

/// Turns that are remembered.
const TURNS: usize = 240;

/// Sessions whose phases are: those in the first rows.
const SESSIONS: usize = 4096;

/// Phases of each, the last ones.
const PHASES: usize = 24;

/// A turn of the loop.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Which, counted from the first.
    pub number: u64,
    /// How long it waited for something to happen.
    pub waited: Duration,
    /// And worked after that. Of the present one it is not known yet.
    pub worked: Duration,
    /// Events that the wait brought.
    pub events: usize,
    /// Sessions that were driven.
    pub driven: usize,
    /// Sessions that have more to do than they were allowed.
    pub hungry: usize,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Xray {
    turns: VecDeque<Turn>,
    stories: Vec<VecDeque<(Phase, Time)>>,
}

impl Xray {
    /// A wait that brought so many events is over.
    fn begin(&mut self, number: u64, waited: Duration, worked: Duration, events: usize) {
        if let Some(last) = self.turns.back_mut() {
            last.worked = worked;
        }
        if self.turns.len() == TURNS {
            self.turns.pop_front();
        }
        self.turns.push_back(Turn { number, waited, worked: Duration::ZERO, events, driven: 0, hungry: 0 });
    }

    fn passed(&mut self, session: u32, phase: Phase, now: Time) {
        let row = session as usize;
        if row >= SESSIONS {
            return;
        }
        if self.stories.len() <= row {
            self.stories.resize_with(row + 1, VecDeque::new);
        }
        let story = &mut self.stories[row];
        if story.len() == PHASES {
            story.pop_front();
        }
        story.push_back((phase, now));
    }

    /// The turns that are over, the oldest first.
    pub fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().take(self.turns.len().saturating_sub(1))
    }

    /// The phases that the session of this row has passed, and when it entered each.
    pub fn story(&self, session: u32) -> impl Iterator<Item = (Phase, Time)> {
        self.stories.get(session as usize).into_iter().flatten().copied()
    }
}

impl<N: Net> Context<N> {
    /// A wait is over that began when the turn before had worked so long.
    #[inline]
    pub(super) fn saw_turn(&mut self, waited: Duration, worked: Duration, events: usize) {
        if let Some(xray) = &mut self.xray {
            xray.begin(self.stats.turns, waited, worked, events);
        }
    }

    /// So many sessions were driven in this turn, and so many are hungry.
    #[inline]
    pub(super) fn saw_drive(&mut self, driven: usize, hungry: usize) {
        if let Some(turn) = self.xray.as_mut().and_then(|xray| xray.turns.back_mut()) {
            (turn.driven, turn.hungry) = (driven, hungry);
        }
    }

    /// The session of this row has entered another phase.
    #[inline]
    pub(super) fn saw(&mut self, session: u32, phase: Phase) {
        if let Some(xray) = &mut self.xray {
            xray.passed(session, phase, self.now);
        }
    }

    /// The row is another session's now.
    #[inline]
    pub(super) fn saw_session(&mut self, session: u32) {
        if let Some(story) = self.xray.as_mut().and_then(|xray| xray.stories.get_mut(session as usize)) {
            story.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_turns_and_phases_are_remembered() {
        let mut xray = Xray::default();
        let millis = Duration::from_millis;
        (0..TURNS as u64 + 3).for_each(|number| xray.begin(number, millis(number), millis(number + 1), 2));
        let turns: Vec<&Turn> = xray.turns().collect();
        assert_eq!(turns.len(), TURNS - 1, "the last one is not over");
        assert_eq!((turns[0].number, turns[0].waited, turns[0].worked), (3, millis(3), millis(5)));
        (0..PHASES as u64 + 1).for_each(|at| xray.passed(7, Phase::Idle, Time(at)));
        xray.passed(SESSIONS as u32, Phase::Idle, Time(0));
        assert_eq!(xray.story(7).map(|(_, at)| at.0).collect::<Vec<_>>(), (1..=PHASES as u64).collect::<Vec<_>>());
        assert_eq!(xray.story(SESSIONS as u32).count() + xray.story(6).count(), 0);
    }
}
