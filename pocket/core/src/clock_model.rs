//! A model of the clock: threads that are no threads take the steps of its
//! protocol in an order that a seed decides, so that every place where one of
//! them can be held up is tried, and a run that fails can be had again.
//!
//! A server waits for messages until its next timer, in five minutes. Callers,
//! which count, and strangers, which do not, leave it messages; it answers the
//! callers at once. So no caller may ever see time go by while it waits.

use super::*;

const CALLERS: usize = 3;
const STRANGERS: usize = 2;
const STEPS: usize = 400;
/// The server's next timer.
const TIMER: i64 = 300_000_000;
/// How long a caller waits for its answer at most.
const PATIENCE: i64 = 1_000_000_000;
/// What a caller does between two messages.
const PAUSE: i64 = 20_000;

/// How a message is left for the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ring {
    /// The bell's item is put in and the server woken in one step, as
    /// [`Clock::raise_after`] does.
    Whole,
    /// Who finds the bell marked does not ring; who marks it rings a step later.
    Torn,
}

/// What one of them does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// The server looks for messages; a caller or stranger has something to say.
    Ready,
    /// The message is there; the bell is not yet looked at.
    Left,
    /// The bell is marked, and not yet rung.
    Marked,
    /// About to wait, unless the signal was raised since.
    Waits { generation: u64, deadline: i64 },
    /// Waits in the clock under that number.
    Parked(u64),
}

struct Actor {
    counted: bool,
    at: At,
    /// When the message was left that it waits for the answer of.
    asked: Option<i64>,
    signal: Signal,
}

struct World {
    clock: Clock,
    ring: Ring,
    marked: bool,
    messages: Vec<usize>,
    actors: Vec<Actor>,
    random: u64,
}

/// Time went by while a caller waited for an answer that was on its way.
#[derive(Debug)]
struct Jumped {
    by: i64,
}

impl World {
    fn new(seed: u64, ring: Ring) -> Self {
        let clock = Clock::new(false);
        let actor = |counted| Actor {
            counted,
            at: At::Ready,
            asked: None,
            signal: Signal::new(),
        };
        let actors: Vec<_> = std::iter::repeat_with(|| actor(true))
            .take(1 + CALLERS)
            .chain(std::iter::repeat_with(|| actor(false)).take(STRANGERS))
            .collect();
        clock.state.lock().running = 1 + CALLERS;
        Self {
            clock,
            ring,
            marked: false,
            messages: Vec::new(),
            actors,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// A number below `limit`: xorshift, so that a seed gives the same run everywhere.
    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap_or(0) % limit
    }

    fn now(&self) -> i64 {
        self.clock.state.lock().now
    }

    /// Can it take a step? Who waits cannot, until it is woken.
    fn can_go(&self, who: usize) -> bool {
        match self.actors[who].at {
            At::Parked(id) => {
                let state = self.clock.state.lock();
                state.parked.get(&id).is_none_or(|p| p.woken.is_some())
            }
            _ => true,
        }
    }

    fn run(mut self) -> Result<usize, Jumped> {
        let mut answers = 0;
        for _ in 0..STEPS {
            let able: Vec<_> = (0..self.actors.len())
                .filter(|who| self.can_go(*who))
                .collect();
            assert!(!able.is_empty(), "all wait, and the clock moves for nobody");
            let who = able[self.below(able.len())];
            answers += usize::from(self.step(who)?);
        }
        Ok(answers)
    }

    /// One step; true when a caller has its answer.
    fn step(&mut self, who: usize) -> Result<bool, Jumped> {
        match self.actors[who].at {
            At::Ready if who == 0 => {
                self.serve();
                return Ok(false);
            }
            At::Ready => {
                self.actors[who].asked = Some(self.now());
                self.messages.push(who);
                self.actors[who].at = At::Left;
            }
            At::Left => self.look_at_the_bell(who),
            At::Marked => {
                self.clock.raise(&self.actors[0].signal);
                self.rung(who);
            }
            At::Waits {
                generation,
                deadline,
            } => return self.wait(who, generation, deadline),
            At::Parked(id) => {
                let parked = self.clock.state.lock().parked.remove(&id);
                return self.woken(who, parked.and_then(|parked| parked.woken));
            }
        }
        Ok(false)
    }

    /// Takes what there is, answers it, and waits for more.
    fn serve(&mut self) {
        let generation = self.actors[0].signal.generation();
        self.marked = false;
        for who in std::mem::take(&mut self.messages) {
            self.clock.raise(&self.actors[who].signal);
        }
        let deadline = self.now() + TIMER;
        self.actors[0].at = At::Waits {
            generation,
            deadline,
        };
    }

    fn look_at_the_bell(&mut self, who: usize) {
        match self.ring {
            Ring::Whole => {
                let marked = &mut self.marked;
                self.clock
                    .raise_after(&self.actors[0].signal, || *marked = true);
                self.rung(who);
            }
            Ring::Torn if self.marked => self.rung(who),
            Ring::Torn => {
                self.marked = true;
                self.actors[who].at = At::Marked;
            }
        }
    }

    /// The bell has rung, or somebody else's business is to ring it.
    fn rung(&mut self, who: usize) {
        self.actors[who].at = if self.actors[who].counted {
            // Raised at once, when the answer was faster.
            At::Waits {
                generation: self.actors[who].signal.generation(),
                deadline: self.now() + PATIENCE,
            }
        } else {
            At::Ready
        };
    }

    fn wait(&mut self, who: usize, generation: u64, deadline: i64) -> Result<bool, Jumped> {
        let answered =
            who != 0 && self.actors[who].asked.is_some() && !self.messages.contains(&who);
        let actor = &self.actors[who];
        if answered || actor.signal.generation() != generation {
            return self.woken(who, Some(Woken::Signal));
        }
        let mut state = self.clock.state.lock();
        let wait = Wait::on(&actor.signal, generation, Some(deadline));
        let (id, _) = park(&mut state, &wait, actor.counted, who as u64);
        self.clock.move_on(&mut state);
        drop(state);
        self.actors[who].at = At::Parked(id);
        Ok(false)
    }

    fn woken(&mut self, who: usize, why: Option<Woken>) -> Result<bool, Jumped> {
        let now = self.now();
        self.actors[who].at = At::Ready;
        if who == 0 {
            return Ok(false);
        }
        let Some(asked) = self.actors[who].asked.take() else {
            // Its pause is over.
            return Ok(false);
        };
        if now != asked || why != Some(Woken::Signal) {
            return Err(Jumped { by: now - asked });
        }
        self.actors[who].at = At::Waits {
            generation: self.actors[who].signal.generation(),
            deadline: now + PAUSE,
        };
        Ok(true)
    }
}

#[test]
fn no_order_of_steps_makes_the_clock_jump_over_an_answer() {
    let mut answers = 0;
    for seed in 0..3_000 {
        answers += World::new(seed, Ring::Whole)
            .run()
            .unwrap_or_else(|jumped| panic!("seed {seed}: {jumped:?}"));
    }
    assert!(
        answers > 30_000,
        "only {answers} answers: nothing was tried"
    );
}

#[test]
fn the_model_sees_a_bell_that_is_marked_before_it_is_rung() {
    let jumps: Vec<_> = (0..3_000)
        .filter_map(|seed| World::new(seed, Ring::Torn).run().err())
        .collect();
    assert!(
        jumps.iter().any(|jumped| jumped.by >= TIMER - PAUSE),
        "{} jumps, none of them of minutes",
        jumps.len()
    );
}
