//! A panic is an error like others: caught, and told in words.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::JoinError;

/// Why a task ended.
pub(super) fn reason(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        Err(error) => error.to_string(),
    }
}

/// Does a piece of work; a panic in it is an error like others.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(&*panic))
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("it does not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_why() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| panic!("number {}", 7)), Err::<(), _>("panicked: number 7".to_owned()));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("panicked: plain".to_owned()));
    }
}
