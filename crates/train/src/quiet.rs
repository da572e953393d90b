use std::panic::{UnwindSafe, catch_unwind, set_hook, take_hook};

/// What `work` gives; nothing where it panics, which is then not reported on standard error: for
/// calls into libraries whose panics mean "there is no such thing here".
pub(crate) fn quietly<T>(work: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let found = catch_unwind(work).ok();
    set_hook(hook);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing() {
        assert_eq!(quietly(|| 3), Some(3));
        assert_eq!(quietly(|| -> u8 { panic!("no such device") }), None);
    }
}
