//! State that outlives a snapshot: what was built for settings that did not change is handed to the next snapshot.
//!
//! Every kind of such state goes through here, keyed by its type and name, so that "did it change?" is asked in one
//! way: by comparing the settings it was built from.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// What one snapshot leaves to the next.
#[derive(Default)]
pub(super) struct Carry {
    kept: HashMap<(TypeId, Arc<str>), Kept>,
}

struct Kept {
    settings: Box<dyn Any + Send + Sync>,
    state: Arc<dyn Any + Send + Sync>,
}

impl Carry {
    /// The state `earlier` holds under `name` if it was built from equal settings, else a new one; either way this
    /// carry holds it from now on.
    pub(super) fn keep<S, T>(
        &mut self,
        earlier: &Self,
        name: &Arc<str>,
        settings: &S,
        build: impl FnOnce() -> T,
    ) -> Arc<T>
    where
        S: PartialEq + Clone + Send + Sync + 'static,
        T: Send + Sync + 'static,
    {
        let key = (TypeId::of::<T>(), Arc::clone(name));
        let unchanged = earlier
            .kept
            .get(&key)
            .filter(|kept| kept.settings.downcast_ref::<S>() == Some(settings));
        let state = unchanged.and_then(|kept| Arc::clone(&kept.state).downcast::<T>().ok());
        let state = state.unwrap_or_else(|| Arc::new(build()));
        let kept = Kept {
            settings: Box::new(settings.clone()),
            state: Arc::clone(&state) as _,
        };
        self.kept.insert(key, kept);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_lives_on_exactly_as_long_as_its_settings_stay() {
        let name: Arc<str> = "orders".into();
        let (mut first, mut second, mut third) = (Carry::default(), Carry::default(), Carry::default());
        let a = first.keep(&Carry::default(), &name, &1, || String::from("built first"));
        let b = second.keep(&first, &name, &1, || String::from("built second"));
        assert!(Arc::ptr_eq(&a, &b));
        let c = third.keep(&second, &name, &2, || String::from("built third"));
        assert_eq!(*c, "built third");
    }

    #[test]
    fn equal_names_of_different_kinds_do_not_meet() {
        let name: Arc<str> = "orders".into();
        let (mut first, mut second) = (Carry::default(), Carry::default());
        first.keep(&Carry::default(), &name, &1, || String::from("text"));
        assert_eq!(*second.keep(&first, &name, &1, || 7_u8), 7);
    }
}
