//! Visits every reachable state, and prints the path to a forbidden one.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

/// The possible next states. An error names the rule that the step violates.
pub type Steps<State, Step> = Vec<(Step, Result<State, String>)>;

/// A system with finitely many states.
pub trait Model {
    /// The complete state. Equal states have equal futures.
    type State: Debug + Eq + Hash;
    /// The action that leads from one state to the next.
    type Step: Debug;

    /// Returns each possible next state with the step that leads to it.
    fn next(&self, state: &Self::State) -> Steps<Self::State, Self::Step>;

    /// Returns an error if `state` itself violates a rule.
    fn check(&self, state: &Self::State) -> Result<(), String>;
}

/// The size of the explored space.
#[derive(Debug, Clone, Copy)]
pub struct Explored {
    /// Distinct states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The longest of the shortest paths to a state, in steps.
    pub depth: usize,
}

/// A state, and the step and the state from which it was first reached.
struct Visit<S, T> {
    state: Rc<S>,
    step: Option<T>,
    from: usize,
    depth: usize,
}

/// Explores `model` breadth first from `start`. Panics at the first forbidden state and prints the
/// shortest path to it.
pub fn explore<M: Model>(model: &M, start: M::State) -> Explored {
    let start = Rc::new(start);
    let mut known = HashSet::from([Rc::clone(&start)]);
    let mut visits = vec![Visit { state: start, step: None, from: 0, depth: 0 }];
    let mut explored = Explored { states: 0, steps: 0, depth: 0 };
    while explored.states < visits.len() {
        let at = explored.states;
        let (state, depth) = (Rc::clone(&visits[at].state), visits[at].depth);
        if let Err(wrong) = model.check(&state) {
            panic!("{wrong}\n{}\n{state:#?}", path(&visits, at));
        }
        for (step, next) in model.next(&state) {
            let next = match next {
                Ok(next) => Rc::new(next),
                Err(wrong) => panic!("{wrong}\n{}\n{step:?}\n{state:#?}", path(&visits, at)),
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

fn path<S, T: Debug>(visits: &[Visit<S, T>], mut at: usize) -> String {
    let mut steps = vec![];
    while let Some(step) = &visits[at].step {
        steps.push(format!("{step:?}"));
        at = visits[at].from;
    }
    steps.reverse();
    steps.join("\n")
}
