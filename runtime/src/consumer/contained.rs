//! Handlers that panic: in their code, or in what they drop.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::handler::{Outcome, Running};

/// A handler that runs, and that no panic gets out of. What it gives in place of an outcome is the panic's text.
///
/// A panic in a handler's drop while another one is under way ends the process: Rust leaves no way to catch it.
pub(super) struct Contained(Option<Running>);

impl Contained {
    pub(super) fn new(running: Running) -> Self {
        Self(Some(running))
    }

    fn discard(&mut self) {
        let running = self.0.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(running))) {
            tracing::warn!(error = text(panic), "a handler panicked while it was dropped");
        }
    }
}

impl Future for Contained {
    type Output = Result<Outcome, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.0 else { return Poll::Ready(Err("it has ended before".to_owned())) };
        let ended = match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Ok(outcome),
            Err(panic) => Err(text(panic)),
        };
        self.discard();
        Poll::Ready(ended)
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Returns what to say of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(a value that is no text)"))
}

/// Returns what to say of a panic that is over.
pub(super) fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic_text(&*panic);
    // A value that panics when it is dropped would end the consumer here.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use futures::FutureExt as _;

    use super::*;

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    fn run(handler: impl Future<Output = Outcome> + Send + 'static) -> Option<Result<Outcome, String>> {
        Contained::new(Box::pin(handler)).now_or_never()
    }

    #[test]
    fn no_panic_of_a_handler_gets_out() {
        let says = |text: &str| Some(Err(format!("panicked: {text}")));
        assert_eq!(run(async { panic!("at {}", "once") }), says("at once"));
        assert_eq!(run(async { panic_any(7) }), says("(a value that is no text)"));
        assert_eq!(run(async { panic_any(Bomb) }), says("(a value that is no text)"));
        let drops = async {
            let _bomb = Bomb;
            Outcome::Done
        };
        assert_eq!(run(drops), says("dropped"));
        let held = Bomb;
        let captured = futures::future::poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(Outcome::Done)
        });
        assert_eq!(run(captured), Some(Ok(Outcome::Done)), "it was done before it panicked");
    }

    #[test]
    fn a_handler_that_is_given_up_may_panic_too() {
        let bomb = Bomb;
        let waits = async move {
            let _bomb = bomb;
            std::future::pending::<Outcome>().await
        };
        assert_eq!(run(waits), None);
    }
}
