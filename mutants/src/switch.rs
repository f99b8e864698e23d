//! Which rule is bent, and for how long it is looked at.

use std::cell::Cell;

thread_local! {
    static BENT: Cell<usize> = const { Cell::new(NONE) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

const NONE: usize = usize::MAX;

/// So many steps are more than any case takes; the longest takes four million. A server that goes around in circles is
/// stopped by a panic.
const MOST: u64 = 20_000_000;

/// Runs something with this rule bent, on this thread; with none if it is `None`.
pub fn with<T>(mutant: Option<usize>, run: impl FnOnce() -> T) -> T {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            BENT.set(NONE);
        }
    }
    BENT.set(mutant.unwrap_or(NONE));
    STEPS.set(0);
    let _back = Back;
    run()
}

/// How many steps the last run took.
pub fn steps() -> u64 {
    STEPS.get()
}

/// Whether the rule of this number is bent. What the changed sources ask.
///
/// # Panics
/// When it has been asked too often, so that no mutant runs for ever.
pub(crate) fn is(mutant: usize) -> bool {
    let steps = STEPS.get() + 1;
    STEPS.set(steps);
    // From then on now and then: each loop is to end, and what is dropped by that is to be dropped in peace.
    let goes_on = steps <= MOST || steps % 4096 != 0 || std::thread::panicking();
    assert!(goes_on, "it goes around in circles");
    BENT.get() == mutant
}
