//! Turning panics of decoders into errors.
//!
//! Decoders and deserialisers are third-party code that reads untrusted files; some of them panic. A library
//! wraps such a call in [`catch`] and returns an error that names the file. The panic hook still prints a
//! message on standard error. It belongs to the whole process, so only a program may silence it, with
//! [`silence_caught`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    /// Whether this thread is within [`catch`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Returns the result of `work`, or the message of its panic.
///
/// `work` is assumed to be unwind safe: whatever it modifies must not be used after a panic.
///
/// # Errors
/// The [`message`] of the panic.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(before);
    done.map_err(|panic| message(&*panic))
}

/// Installs a process-wide panic hook that prints nothing for panics within [`catch`] and passes all others to
/// the previous hook.
///
/// To be called once by a program, after all other hooks are installed; never by a library.
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
