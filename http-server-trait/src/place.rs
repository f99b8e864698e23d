//! Where a handler's future is polled: in memory that is used again.
//!
//! A future may not be moved once it has been polled, so it gets a box before that; and most handlers are ready at
//! once. Then the box is empty, and waits for the next future of the same type.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::flow::{Flow, IntoFlow};
use crate::request::Request;

/// A place for futures of one type, one after the other.
struct Place<F>(Pin<Box<Option<F>>>);

/// A future in its place, that is not ready yet.
pub(crate) trait Placed: Send {
    /// Polls it. It is gone once it is ready.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Flow<Request>>;

    /// Keeps the place for the next one, when this one is gone.
    fn give_back(self: Box<Self>);
}

/// How many places a thread keeps beside the one that it used last: one for each handler, most often.
const KEPT: usize = 8;

/// The memory of a future that is larger is freed.
const KEPT_SIZE: usize = 4096;

thread_local! {
    /// The place that was used last. Most often it is right for the next future, too.
    static LAST: Cell<Option<Box<dyn Any>>> = const { Cell::new(None) };
    static OTHERS: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Frees what this thread keeps.
pub(crate) fn forget_spare() {
    drop(LAST.try_with(Cell::take));
    drop(OTHERS.try_with(RefCell::take));
}

/// Makes a handler's future and polls it for the first time: gives what the handler has decided, or the future in its
/// place.
#[inline]
pub(crate) fn first<F>(
    make: impl FnOnce() -> F,
    cx: &mut Context<'_>,
) -> Result<Flow<Request>, Box<dyn Placed>>
where
    F: Future<Output: IntoFlow<Request>> + Send + 'static,
{
    let mut place = Place::take();
    place.fill(make);
    match place.poll_here(cx) {
        Poll::Ready(output) => {
            place.give_back();
            Ok(output.into_flow())
        }
        Poll::Pending => Err(place),
    }
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the box is what is used again"
)]
impl<F: Future + 'static> Place<F> {
    #[inline]
    fn take() -> Box<Self> {
        match LAST.try_with(Cell::take) {
            Ok(Some(last)) => match last.downcast() {
                Ok(last) => last,
                Err(of_another) => Place::take_other(Some(of_another)),
            },
            _ => Place::take_other(None),
        }
    }

    #[cold]
    fn take_other(last: Option<Box<dyn Any>>) -> Box<Self> {
        if let Some(last) = last {
            put_aside(last);
        }
        let found = OTHERS.try_with(|others| {
            let mut others = others.borrow_mut();
            let at = others.iter().position(|other| other.is::<Self>())?;
            others.remove(at).downcast().ok()
        });
        found.ok().flatten().unwrap_or_else(Place::new)
    }

    #[cold]
    fn new() -> Box<Self> {
        Box::new(Place(Box::pin(None)))
    }

    /// Puts a future into it. Written so that it is made where it stays, and not moved.
    #[inline]
    fn fill(&mut self, make: impl FnOnce() -> F) {
        if self.0.is_some() {
            self.0.set(None);
        }
        self.0.set(Some(make()));
    }

    #[inline]
    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.0.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            self.0.set(None);
        }
        polled
    }

    #[inline]
    fn give_back(self: Box<Self>) {
        if size_of::<F>() > KEPT_SIZE {
            return;
        }
        // A thread that is ending keeps nothing any more.
        if let Ok(Some(before)) = LAST.try_with(|last| last.replace(Some(self))) {
            put_aside(before);
        }
    }
}

impl<F> Placed for Place<F>
where
    F: Future<Output: IntoFlow<Request>> + Send + 'static,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Flow<Request>> {
        self.poll_here(cx).map(IntoFlow::into_flow)
    }

    fn give_back(self: Box<Self>) {
        Place::give_back(self);
    }
}

#[cold]
fn put_aside(place: Box<dyn Any>) {
    let oldest = OTHERS.try_with(|others| {
        let mut others = others.borrow_mut();
        others.push(place);
        // Of a handler that is not in use any more, maybe.
        (others.len() > KEPT).then(|| others.remove(0))
    });
    drop(oldest);
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn, ready};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::{KEPT, LAST, OTHERS, Placed, first, forget_spare};
    use crate::flow::{Flow, IntoFlow};
    use crate::request::Request;

    type First = Result<Flow<Request>, Box<dyn Placed>>;

    fn begin<F>(future: F) -> First
    where
        F: Future<Output: IntoFlow<Request>> + Send + 'static,
    {
        first(|| future, &mut Context::from_waker(Waker::noop()))
    }

    fn is_done(first: &First) -> bool {
        matches!(first, Ok(Flow::Reply(_)))
    }

    /// How many places this thread keeps.
    fn kept() -> usize {
        let last = LAST.take();
        let last_too = usize::from(last.is_some());
        LAST.set(last);
        OTHERS.with_borrow(Vec::len) + last_too
    }

    /// Where something in a future of this type is while it is polled. The type is another one for each `ID`.
    fn polled_at<const ID: usize>() -> usize {
        let at = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&at);
        let done = begin(async move {
            let local = [ID; 4];
            ready(()).await;
            seen.store(local.as_ptr().addr(), Ordering::Relaxed);
            ready(()).await;
            format!("{local:?}")
        });
        assert!(is_done(&done));
        at.load(Ordering::Relaxed)
    }

    #[test]
    fn ready_futures_of_a_type_share_a_place() {
        forget_spare();
        let one = polled_at::<1>();
        assert_eq!((one, kept()), (polled_at::<1>(), 1));
        // Another one's place is no place for it, and both stay.
        let two = polled_at::<2>();
        assert_ne!(one, two);
        assert_eq!((one, two), (polled_at::<1>(), polled_at::<2>()));
        assert_eq!(kept(), 2);
        forget_spare();
        assert_eq!(kept(), 0);
    }

    fn ready_at_the_third_poll() -> impl Future<Output = &'static str> + Send {
        let mut polls = 0;
        poll_fn(move |_| {
            polls += 1;
            if polls < 3 {
                Poll::Pending
            } else {
                Poll::Ready("late")
            }
        })
    }

    #[test]
    fn future_that_waits_has_its_place_alone() {
        forget_spare();
        let mut cx = Context::from_waker(Waker::noop());
        let mut one = begin(ready_at_the_third_poll()).expect_err("it waits");
        let mut two = begin(ready_at_the_third_poll()).expect_err("it waits");
        assert_eq!(kept(), 0);
        for placed in [&mut one, &mut two] {
            assert!(placed.poll(&mut cx).is_pending());
            assert!(placed.poll(&mut cx).is_ready());
        }
        one.give_back();
        assert_eq!(kept(), 1);
        // The next one begins anew there.
        let mut next = begin(ready_at_the_third_poll()).expect_err("it waits");
        assert_eq!(kept(), 0);
        assert!(next.poll(&mut cx).is_pending());
        // One that is given up half-way keeps no place.
        drop(next);
        assert_eq!(kept(), 0);
    }

    #[test]
    fn what_a_future_holds_is_gone_with_it() {
        forget_spare();
        let held = Arc::new(());
        let using = |panics: bool| {
            let holds = Arc::clone(&held);
            begin(async move {
                assert!(!panics, "as it was told");
                ready(()).await;
                drop(holds);
            })
        };
        assert!(is_done(&using(false)));
        assert_eq!((Arc::strong_count(&held), kept()), (1, 1));
        // What has panicked is not used again.
        assert!(catch_unwind(AssertUnwindSafe(|| using(true))).is_err());
        assert_eq!((Arc::strong_count(&held), kept()), (1, 0));
    }

    fn within(depth: usize) -> impl Future<Output = ()> + Send {
        poll_fn(move |_| {
            assert!(depth == 0 || is_done(&begin_within(depth - 1)));
            Poll::Ready(())
        })
    }

    fn begin_within(depth: usize) -> First {
        begin(within(depth))
    }

    /// A handler that calls another one while it is polled: no place is taken twice.
    #[test]
    fn futures_within_one_another_have_places_of_their_own() {
        forget_spare();
        for _ in 0..3 {
            assert!(is_done(&begin_within(5)));
            assert_eq!(kept(), 6);
        }
        assert!(is_done(&begin_within(20)));
        assert_eq!(kept(), KEPT + 1);
    }

    #[test]
    fn large_place_is_not_kept() {
        forget_spare();
        let mut large = [0_u8; 10_000];
        let done = begin(async move {
            large[1] = 1;
            ready(()).await;
            large.len().to_string()
        });
        assert!(is_done(&done));
        assert_eq!(kept(), 0);
    }
}
