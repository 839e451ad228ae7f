//! Visits every state that can be reached, and shows the way to one that must not be.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

/// What may come next. An error says what was violated on the way there.
pub type Steps<State, Step> = Vec<(Step, Result<State, String>)>;

/// Something with finitely many states.
pub trait Model {
    /// All there is to know of an instant. Equal states have equal futures.
    type State: Debug + Eq + Hash;
    /// What leads from one to the next.
    type Step: Debug;

    /// Every state that may come next, each with what leads to it.
    fn next(&self, state: &Self::State) -> Steps<Self::State, Self::Step>;

    /// What is wrong with `state` itself.
    fn check(&self, state: &Self::State) -> Result<(), String>;
}

/// How much was explored.
#[derive(Debug, Clone, Copy)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The most steps that lead to a state by the shortest way.
    pub depth: usize,
}

/// A state, by which step and from which one it was first reached.
struct Visit<S, T> {
    state: Rc<S>,
    step: Option<T>,
    from: usize,
    depth: usize,
}

/// Explores `model`, the states nearest to `start` first. Panics at the first that must not
/// be, with the shortest way there.
pub fn explore<M: Model>(model: &M, start: M::State) -> Explored {
    let start = Rc::new(start);
    let mut known = HashSet::from([Rc::clone(&start)]);
    let mut visits = vec![Visit { state: start, step: None, from: 0, depth: 0 }];
    let mut explored = Explored { states: 0, steps: 0, depth: 0 };
    while explored.states < visits.len() {
        let at = explored.states;
        let (state, depth) = (Rc::clone(&visits[at].state), visits[at].depth);
        if let Err(wrong) = model.check(&state) {
            panic!("{wrong}\n{}\n{state:#?}", way(&visits, at));
        }
        for (step, next) in model.next(&state) {
            let next = match next {
                Ok(next) => Rc::new(next),
                Err(wrong) => panic!("{wrong}\n{}\n{step:?}\n{state:#?}", way(&visits, at)),
            };
            explored.steps += 1;
            if known.insert(Rc::clone(&next)) {
                visits.push(Visit { state: next, step: Some(step), from: at, depth: depth + 1 });
            }
        }
        explored.states += 1;
        explored.depth = depth;
    }
    explored
}

fn way<S, T: Debug>(visits: &[Visit<S, T>], mut at: usize) -> String {
    let mut steps = vec![];
    while let Some(step) = &visits[at].step {
        steps.push(format!("{step:?}"));
        at = visits[at].from;
    }
    steps.reverse();
    steps.join("\n")
}
