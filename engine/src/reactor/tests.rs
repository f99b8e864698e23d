use std::future::{Future, pending, poll_fn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::here::Inside;
use super::source::Sources;
use super::turn::Turn;
use super::{Beside, Handle, Listener, Loop, Stream, Tracked, lock};
use crate::buffers::{RecvBuf, SendQueue};
use crate::net::Family;
use crate::runtime::{Runtime, Timer};
use crate::transport::Transport;

/// How long a thing that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs this on the thread of a loop, and gives what comes out.
fn on_a_loop<T, F>(run: impl FnOnce(Handle) -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (done, output) = mpsc::channel();
    let thread = thread::spawn(move || {
        let thread = Loop::new().unwrap();
        let running = run(thread.handle());
        thread.run(async move { done.send(running.await).unwrap() });
    });
    let output = output.recv_timeout(PATIENCE).expect("it comes to an end");
    thread.join().unwrap();
    output
}

/// A client, and the server's side of the connection.
fn pair() -> (TcpStream, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    (client, server.into())
}

async fn receive(stream: &mut Stream) -> std::io::Result<Vec<u8>> {
    let mut rx = RecvBuf::new();
    poll_fn(|cx| stream.poll_recv(cx, &mut rx)).await?;
    Ok(rx.take())
}

async fn wait(handle: &Handle, time: Duration) {
    let mut timer = handle.timer(Instant::now() + time);
    poll_fn(|cx| timer.poll_ready(cx)).await;
}

/// Ready when another thread has said so, and a thing it can be said with.
#[derive(Clone, Default)]
struct Signal(Arc<(AtomicUsize, atomic_waker::AtomicWaker)>);

impl Signal {
    fn give(&self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
        self.0.1.wake();
    }

    fn count(&self) -> usize {
        self.0.0.load(Ordering::Acquire)
    }

    async fn reaches(&self, count: usize) {
        poll_fn(|cx| {
            self.0.1.register(cx.waker());
            if self.count() >= count {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn a_wake_before_the_loop_sleeps_keeps_it_awake() {
    let turn = Turn::new().unwrap();
    let shared = &turn.local.handle.0;
    shared.wake(7);
    assert!(!shared.falls_asleep());
    shared.awakes(|inbox| assert_eq!(std::mem::take(&mut inbox.woken), [7]));
    shared.rouse();
    assert!(!shared.falls_asleep(), "also if nothing was brought");
    shared.awakes(|_| {});
    assert!(shared.falls_asleep());
}

#[test]
fn a_wake_between_the_last_look_and_the_wait_ends_the_wait() {
    let turn = Turn::new().unwrap();
    let shared = &turn.local.handle.0;
    let mut events = Vec::new();
    assert!(shared.falls_asleep());
    shared.wake(7);
    shared.wake(8);
    // Without the ring that was kept this would wait for ever.
    turn.local.poller.wait(&mut events, Some(PATIENCE));
    assert_eq!(events.len(), 1, "and one ring is enough");
    shared.awakes(|inbox| assert_eq!(inbox.woken, [7, 8]));
    turn.local.poller.wait(&mut events, Some(Duration::ZERO));
    assert!(events.is_empty(), "it is heard once");
}

#[test]
fn no_wake_from_another_thread_is_lost() {
    const TIMES: usize = 5_000;
    let (to_loop, to_thread) = (Signal::default(), mpsc::channel());
    let signal = to_loop.clone();
    let thread = thread::spawn(move || {
        while to_thread.1.recv().is_ok() {
            signal.give();
        }
    });
    on_a_loop(move |_| async move {
        for time in 1..=TIMES {
            to_thread.0.send(()).unwrap();
            to_loop.reaches(time).await;
        }
    });
    thread.join().unwrap();
}

#[test]
fn what_is_told_late_of_a_socket_is_not_told_to_the_next_in_its_place() {
    let mut sources = Sources::default();
    let (key, mark) = sources.insert(Arc::default());
    sources.remove(key);
    let next = Arc::default();
    let (same, other) = sources.insert(Arc::clone(&next));
    assert_eq!(key, same);
    let counter = Arc::<Counter>::default();
    next.waiting_to_read(&Waker::from(Arc::clone(&counter)));
    let mut wake = Vec::new();
    sources.tell(mark, EventFlags::IN, &mut wake);
    assert!(wake.is_empty());
    sources.tell(other, EventFlags::IN, &mut wake);
    assert_eq!(wake.len(), 1);
    sources.tell(other, EventFlags::IN, &mut wake);
    assert_eq!(wake.len(), 1, "nobody waits for what was told already");
}

#[test]
fn bytes_and_the_end_in_one_edge_are_both_seen() {
    let (client, server) = pair();
    (&client).write_all(b"the last words").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let seen = on_a_loop(move |_| async move {
        let mut stream = Stream::new(server).unwrap();
        let words = receive(&mut stream).await.unwrap();
        (words, receive(&mut stream).await.unwrap())
    });
    assert_eq!(seen, (b"the last words".to_vec(), Vec::new()));
    drop(client);
}

#[test]
fn a_full_socket_is_waited_for() {
    const ALL: usize = 16 << 20;
    let (mut client, server) = pair();
    let reading = thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all.len()
    });
    let sent = on_a_loop(move |_| async move {
        let mut stream = Stream::new(server).unwrap();
        let mut tx = SendQueue::new();
        tx.push(vec![b'x'; ALL].into());
        let mut waits = 0;
        while !tx.is_empty() {
            poll_fn(|cx| {
                let sent = stream.poll_send(cx, &mut tx);
                waits += usize::from(sent.is_pending());
                sent
            })
            .await
            .unwrap();
        }
        waits
    });
    assert!(sent > 0, "it never was full");
    assert_eq!(reading.join().unwrap(), ALL);
}

#[test]
fn timers_come_in_the_order_of_their_times() {
    let order = on_a_loop(|handle| async move {
        let order = Arc::new(Mutex::new(Vec::new()));
        let done = Signal::default();
        for time in [30, 10, 20] {
            let (order, done, there) = (Arc::clone(&order), done.clone(), handle.clone());
            handle.spawn(async move {
                wait(&there, Duration::from_millis(time)).await;
                lock(&order).push(time);
                done.give();
            });
        }
        done.reaches(3).await;
        assert_eq!(handle.0.timers.len(), 0);
        lock(&order).clone()
    });
    assert_eq!(order, [10, 20, 30]);
}

#[test]
fn a_timer_follows_what_it_is_set_to_and_leaves_when_it_is_dropped() {
    let (late, took) = on_a_loop(|handle| async move {
        let start = Instant::now();
        let mut never = handle.timer(start + PATIENCE);
        let mut timer = handle.timer(start + PATIENCE);
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            assert!(never.poll_ready(cx).is_pending());
            if polls == 1 {
                assert!(timer.poll_ready(cx).is_pending());
                assert_eq!(handle.0.timers.len(), 2);
                timer.set(start + Duration::from_millis(10));
                assert_eq!(handle.0.timers.len(), 1);
            }
            timer.poll_ready(cx)
        })
        .await;
        let late = start.elapsed();
        assert!(
            poll_fn(|cx| Poll::Ready(timer.poll_ready(cx)))
                .await
                .is_ready(),
            "it stays due"
        );
        assert_eq!(handle.0.timers.len(), 1);
        drop(never);
        assert_eq!(handle.0.timers.len(), 0);
        (late, start.elapsed())
    });
    assert!(late >= Duration::from_millis(10));
    assert!(took < PATIENCE);
}

#[test]
fn a_timer_wakes_who_polled_it_last() {
    let turn = Turn::new().unwrap();
    let mut timer = turn
        .local
        .handle
        .timer(Instant::now() + Duration::from_millis(5));
    let [first, last] = [Arc::<Counter>::default(), Arc::<Counter>::default()];
    for counter in [&first, &last] {
        let waker = Waker::from(Arc::clone(counter));
        assert!(
            timer
                .poll_ready(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    let mut wake = Vec::new();
    while wake.is_empty() {
        // A real clock: it comes by itself.
        turn.local.handle.0.timers.fire(&mut wake);
    }
    wake.into_iter().for_each(Waker::wake);
    assert_eq!(first.0.load(Ordering::Acquire), 0);
    assert_eq!(last.0.load(Ordering::Acquire), 1);
}

#[test]
fn an_earlier_timer_of_another_thread_ends_the_wait_for_a_later_one() {
    let took = on_a_loop(|handle| async move {
        let start = Instant::now();
        let done = Signal::default();
        let (signal, there) = (done.clone(), handle.clone());
        let mut later = handle.timer(start + PATIENCE);
        let counter = Arc::<Counter>::default();
        let thread = thread::spawn(move || {
            let waker = Waker::from(Arc::clone(&counter));
            let mut timer = there.timer(Instant::now() + Duration::from_millis(20));
            let mut cx = Context::from_waker(&waker);
            while timer.poll_ready(&mut cx).is_pending() {
                thread::park_timeout(Duration::from_millis(1));
            }
            assert_eq!(counter.0.load(Ordering::Acquire), 1);
            signal.give();
        });
        let mut ready = std::pin::pin!(done.reaches(1));
        poll_fn(|cx| {
            assert!(later.poll_ready(cx).is_pending());
            ready.as_mut().poll(cx)
        })
        .await;
        thread.join().unwrap();
        start.elapsed()
    });
    assert!(took < PATIENCE, "it took {took:?}");
}

#[test]
fn streams_are_used_and_dropped_on_other_threads() {
    let (client, server) = pair();
    on_a_loop(move |handle| async move {
        let mut stream = Stream::new(server).unwrap();
        assert_eq!(handle.0.sources_len(), 1);
        let done = Signal::default();
        let signal = done.clone();
        let thread = thread::spawn(move || {
            let words = http_server_trait::block_on(receive(&mut stream)).unwrap();
            assert_eq!(words, b"elsewhere");
            drop(stream);
            signal.give();
        });
        (&client).write_all(b"elsewhere").unwrap();
        done.reaches(1).await;
        thread.join().unwrap();
        assert_eq!(handle.0.sources_len(), 0);
        let end = thread::spawn(move || (&client).read(&mut [0]).unwrap());
        assert_eq!(end.join().unwrap(), 0, "dropping closes it");
    });
}

#[test]
fn a_detached_stream_goes_on_in_another_loop() {
    let (client, server) = pair();
    let detached = on_a_loop(move |handle| async move {
        let mut stream = Stream::new(server).unwrap();
        let detached = poll_fn(|cx| stream.poll_detach(cx)).await.unwrap();
        assert_eq!(handle.0.sources_len(), 0);
        assert!(receive(&mut stream).await.is_err());
        detached.descriptor.unwrap()
    });
    (&client).write_all(b"on").unwrap();
    let words = on_a_loop(move |_| async move {
        let mut stream = Stream::new(detached).unwrap();
        receive(&mut stream).await.unwrap()
    });
    assert_eq!(words, b"on");
}

#[test]
fn a_socket_that_lives_on_elsewhere_is_told_of_no_more() {
    let turn = Turn::new().unwrap();
    let inside = Inside::of(Rc::clone(&turn.local));
    let (client, server) = pair();
    let mut stream = Stream::new(server).unwrap();
    let Poll::Ready(Ok(detached)) = stream.poll_detach(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("a socket can leave at once");
    };
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    let duplicate = socket.try_clone().unwrap();
    drop(Listener::new(socket.into(), Family::Tcp).unwrap());
    assert_eq!(lock(&turn.local.handle.0.sources).len(), 0);
    let mut events = Vec::new();
    // What was told before they left.
    turn.local.poller.wait(&mut events, Some(Duration::ZERO));
    (&client).write_all(b"told to somebody else").unwrap();
    drop(TcpStream::connect(address).unwrap());
    turn.local.poller.wait(&mut events, Some(Duration::ZERO));
    assert!(events.is_empty());
    drop((detached, duplicate, inside));
}

#[test]
fn a_stream_that_outlives_its_loop_fails_and_does_not_wait() {
    let (client, server) = pair();
    let (moved, stream) = mpsc::channel();
    let handle = on_a_loop(move |handle| async move {
        moved.send(Stream::new(server).unwrap()).unwrap();
        handle
    });
    let mut stream = stream.recv().unwrap();
    let (done, failed) = mpsc::channel();
    let reading = thread::spawn(move || {
        let failed = http_server_trait::block_on(receive(&mut stream)).is_err();
        drop(stream);
        done.send(failed).unwrap();
    });
    assert_eq!(failed.recv_timeout(PATIENCE), Ok(true));
    reading.join().unwrap();
    assert_eq!(handle.0.sources_len(), 0);
    drop(client);
}

#[test]
fn a_task_that_wakes_itself_leaves_room_for_events() {
    let (client, server) = pair();
    let words = on_a_loop(move |handle| async move {
        handle.spawn(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let mut stream = Stream::new(server).unwrap();
        wait(&handle, Duration::from_millis(1)).await;
        (&client).write_all(b"heard").unwrap();
        receive(&mut stream).await.unwrap()
    });
    assert_eq!(words, b"heard");
}

#[test]
fn many_tasks_all_run() {
    const TASKS: usize = 10_000;
    on_a_loop(|handle| async move {
        let (started, go, done) = (
            Signal::default(),
            Arc::new(AtomicBool::new(false)),
            Signal::default(),
        );
        let wakers = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..TASKS {
            let (started, go, done) = (started.clone(), Arc::clone(&go), done.clone());
            let wakers = Arc::clone(&wakers);
            let mut first = true;
            handle.spawn(poll_fn(move |cx| {
                if std::mem::take(&mut first) {
                    lock(&wakers).push(cx.waker().clone());
                    started.give();
                }
                if !go.load(Ordering::Relaxed) {
                    return Poll::Pending;
                }
                done.give();
                Poll::Ready(())
            }));
        }
        started.reaches(TASKS).await;
        go.store(true, Ordering::Relaxed);
        let wakers = std::mem::take(&mut *lock(&wakers));
        let elsewhere = thread::spawn(move || wakers.into_iter().rev().for_each(Waker::wake));
        done.reaches(TASKS).await;
        elsewhere.join().unwrap();
        assert_eq!(done.count(), TASKS);
    });
}

/// Panics when it is dropped, unless something panics already.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        assert!(thread::panicking(), "a drop that is meant to panic");
    }
}

#[test]
fn a_task_that_panics_ends_and_no_other() {
    on_a_loop(|handle| async move {
        let done = Signal::default();
        handle.spawn(async { panic!("a panic that is meant") });
        let trap = Trap;
        handle.spawn(async move { drop(trap) });
        let there = handle.clone();
        let signal = done.clone();
        handle.spawn(async move {
            there.spawn(async move { signal.give() });
        });
        // Dropped with the loop, when it panics.
        let trap = Trap;
        handle.spawn(async move {
            pending::<()>().await;
            drop(trap);
        });
        done.reaches(1).await;
    });
}

#[test]
fn what_is_spawned_after_the_end_is_dropped() {
    /// Spawns when it is dropped.
    struct Last(Handle, mpsc::Sender<()>);
    impl Drop for Last {
        fn drop(&mut self) {
            let told = self.1.clone();
            self.0.spawn(async move {
                told.send(()).unwrap();
            });
        }
    }
    let (told, dropped) = mpsc::channel();
    let handle = on_a_loop(move |handle| async move {
        let last = Last(handle.clone(), told);
        handle.spawn(async move {
            pending::<()>().await;
            drop(last);
        });
        handle
    });
    let nothing = dropped.recv_timeout(PATIENCE);
    assert_eq!(nothing, Err(mpsc::RecvTimeoutError::Disconnected));
    let (told, dropped) = mpsc::channel::<()>();
    handle.spawn(async move { drop(told) });
    let nothing = dropped.recv_timeout(PATIENCE);
    assert_eq!(nothing, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn what_is_spawned_on_a_loop_that_never_runs_is_dropped_with_it() {
    let (told, dropped) = mpsc::channel::<()>();
    let thread = Loop::new().unwrap();
    let spawning = thread.handle();
    spawning.spawn(async move { drop(told) });
    drop(thread);
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

/// An executor that runs tasks in the order in which they were woken, as the one of async-std does.
mod queue {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Wake, Waker};

    type Queue = Arc<Mutex<VecDeque<usize>>>;

    thread_local! {
        static QUEUE: Queue = Queue::default();
        static TASKS: RefCell<Vec<Option<Task>>> = const { RefCell::new(Vec::new()) };
    }

    struct Task(Pin<Box<dyn Future<Output = ()>>>, Arc<Ticket>);

    struct Ticket(usize, AtomicBool, Queue);

    impl Wake for Ticket {
        fn wake(self: Arc<Self>) {
            if !self.1.swap(true, Ordering::AcqRel) {
                self.2.lock().unwrap().push_back(self.0);
            }
        }
    }

    pub(super) fn spawn(future: impl Future<Output = ()> + 'static) {
        let queue = QUEUE.with(Arc::clone);
        let key = TASKS.with_borrow_mut(|tasks| {
            let ticket = Ticket(tasks.len(), AtomicBool::new(true), Arc::clone(&queue));
            tasks.push(Some(Task(Box::pin(future), Arc::new(ticket))));
            tasks.len() - 1
        });
        queue.lock().unwrap().push_back(key);
    }

    /// Runs until nothing is in the queue.
    pub(super) fn run() {
        let queue = QUEUE.with(Arc::clone);
        loop {
            let Some(key) = queue.lock().unwrap().pop_front() else {
                return;
            };
            let Some(mut task) = TASKS.with_borrow_mut(|tasks| tasks[key].take()) else {
                continue;
            };
            task.1.1.swap(false, Ordering::AcqRel);
            let waker = Waker::from(Arc::clone(&task.1));
            if task
                .0
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
            {
                TASKS.with_borrow_mut(|tasks| tasks[key] = Some(task));
            }
        }
    }
}

#[test]
fn beside_an_executor_it_sleeps_when_nothing_is_due_and_only_then() {
    const TIMES: usize = 2_000;
    let (client, server) = pair();
    let (to_loop, to_thread) = (Signal::default(), mpsc::channel());
    let signal = to_loop.clone();
    let elsewhere = thread::spawn(move || {
        while to_thread.1.recv().is_ok() {
            signal.give();
        }
    });
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let beside = Beside::new(|task: Tracked| queue::spawn(task)).unwrap();
        let handle = beside.handle();
        let local = beside.local();
        let end = async move {
            // By wakes of another thread.
            for time in 1..=TIMES {
                to_thread.0.send(()).unwrap();
                to_loop.reaches(time).await;
            }
            // By a chain of tasks, a timer and a socket of this one.
            let there = handle.clone();
            let (near, deep) = (Signal::default(), Signal::default());
            let signal = near.clone();
            handle.spawn(async move {
                let deeper = deep.clone();
                there.spawn(async move { deeper.give() });
                deep.reaches(1).await;
                wait(&there, Duration::from_millis(1)).await;
                signal.give();
            });
            near.reaches(1).await;
            handle.spawn(async { panic!("a panic that is meant") });
            let trap = Trap;
            handle.spawn(async move { drop(trap) });
            let mut stream = Stream::new(server).unwrap();
            (&client).write_all(b"woken").unwrap();
            receive(&mut stream).await.unwrap()
        };
        let words = Arc::new(Mutex::new(Vec::new()));
        let there = Arc::clone(&words);
        queue::spawn(beside.run(async move {
            let words = end.await;
            *lock(&there) = words;
        }));
        queue::run();
        assert_eq!(local.due.get(), 0, "nothing was counted twice");
        done.send(std::mem::take(&mut *lock(&words))).unwrap();
    });
    let words = ended.recv_timeout(PATIENCE).expect("it comes to an end");
    assert_eq!(words, b"woken");
    thread.join().unwrap();
    elsewhere.join().unwrap();
}
