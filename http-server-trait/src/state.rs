//! Values that the application shares with every request.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Shared application state: at most one value of each type, built before the first request.
///
/// Put values in with [`App::state`](crate::App::state) or, from a start hook, with
/// [`Starting::insert`](crate::Starting::insert); read them in any hook with
/// [`Head::state`](crate::Head::state). Nothing changes after the start, so reading takes no lock;
/// what must change holds its own. (Clause T-51.)
#[derive(Clone, Default)]
pub struct State(Arc<HashMap<TypeId, Entry>>);

#[derive(Clone)]
struct Entry {
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl State {
    /// The value of this type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.value.downcast_ref()
    }

    /// The value of this type as an owned share, to take into a task.
    pub fn share<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0.get(&TypeId::of::<T>())?.value)
            .downcast()
            .ok()
    }

    /// Adds a value, in place of an earlier one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let entry = Entry {
            name: type_name::<T>(),
            value: Arc::new(value),
        };
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), entry);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.values().map(|entry| entry.name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn one_value_of_each_type() {
        let mut state = State::default();
        state.insert(1_u8);
        state.insert("text");
        let earlier = state.clone();
        state.insert(2_u8);
        assert_eq!(state.get::<u8>(), Some(&2));
        assert_eq!(state.share::<&str>().as_deref(), Some(&"text"));
        assert_eq!(state.get::<u16>(), None);
        assert_eq!(earlier.get::<u8>(), Some(&1), "a clone keeps what it had");
    }
}
