//! The cases, by what they are about.

mod hooks;
mod messages;

use crate::case::Case;

/// Every case.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [messages::CASES, hooks::CASES].into_iter().flatten()
}
