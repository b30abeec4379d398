use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

/// A check under way; it panics when the store fails it.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a running check came to. Its panic is the message of a failure, and is not printed.
///
/// # Errors
/// It panicked.
pub(crate) async fn outcome(mut running: Running) -> Result<(), String> {
    std::future::poll_fn(|context| match quietly(|| running.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic of `step` without a word on standard error. Other threads keep their words.
fn quietly<T>(step: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(step));
    QUIET.set(false);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_message() {
        let failing: Running = Box::pin(async { panic!("it is {}", 5) });
        assert_eq!(outcome(failing).await, Err("it is 5".to_owned()));
        assert_eq!(outcome(Box::pin(async {})).await, Ok(()));
    }
}
