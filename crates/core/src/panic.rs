//! Turning panics of decoders into errors.
//!
//! Decoders and deserialisers are third-party code that reads untrusted files; some of them
//! panic. A library wraps such a call in [`catch`] and returns an error that names the file. The
//! standard library still prints the panic on standard error, as a hook of the whole process does
//! that: only a program may change it, by [`silence_caught`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    /// Whether this thread is within [`catch`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or the message of its panic.
///
/// `work` is taken to be unwind safe: what it changes must not be used after a panic.
///
/// # Errors
/// The [`message`] of the panic.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(before);
    done.map_err(|panic| message(&*panic))
}

/// Installs a panic hook for the whole process that is silent about panics within [`catch`] and
/// passes all others to the previous hook.
///
/// For programs, once, after other hooks are installed. A library must not call it.
///
/// ```
/// receptive_core::panic::silence_caught();
/// // Nothing appears on standard error.
/// let caught = receptive_core::panic::catch(|| -> u8 { panic!("not a JPEG") });
/// assert_eq!(caught, Err("not a JPEG".to_string()));
/// ```
pub fn silence_caught() {
    let others = take_hook();
    set_hook(Box::new(move |panic| {
        if !CATCHING.get() {
            others(panic);
        }
    }));
}

/// The message of a caught panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic with no message")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_message_and_what_follows_is_as_before() {
        assert_eq!(catch(|| 3), Ok(3));
        let number = 7;
        assert_eq!(catch(|| -> u8 { panic!("{number}") }), Err("7".into()));
        assert!(!CATCHING.get());
        let caught = catch(|| -> u8 { std::panic::panic_any(7) });
        assert_eq!(caught, Err("panic with no message".into()));
    }
}
