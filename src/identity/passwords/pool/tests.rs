use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::base::clock::{Clock, Timestamp};

fn pool(threads: usize, waiting: usize, memory: usize) -> Pool {
    pool_by(&clock(), threads, waiting, memory)
}

fn pool_by(clock: &Clock, threads: usize, waiting: usize, memory: usize) -> Pool {
    let sizes = Sizes {
        threads,
        waiting,
        memory,
    };
    Pool::sized(sizes, Timers::new(clock.clone()))
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(0))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// A job that tells when it begins and goes on until it is let go.
fn held() -> (impl FnOnce() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begin, began) = mpsc::channel();
    let (let_go, wait) = mpsc::channel::<()>();
    let work = move || {
        begin.send(()).unwrap();
        let _ = wait.recv();
    };
    (work, began, let_go)
}

/// Poll once, so that the job is in the queue.
macro_rules! put {
    ($future:ident) => {
        let mut $future = Box::pin($future);
        assert!(futures_util::poll!(&mut $future).is_pending());
    };
}

#[test]
#[doc = "ID-01"]
fn a_password_is_verified_on_the_pool() {
    let password = |text: &str| PlainPassword::new(text).unwrap();
    let hash = Arc::new(PasswordHash::of(&password("correct horse battery"), [1; 16]).unwrap());
    let pool = Pool::for_cores(NonZeroUsize::MIN, Timers::new(clock()));
    runtime().block_on(async {
        let verify = |text: &str| pool.verify(password(text), Arc::clone(&hash));
        assert_eq!(verify("correct horse battery").await, Ok(true));
        assert_eq!(verify("correct horse batterY").await, Ok(false));
    });
}

#[test]
fn threads_begin_with_the_work_and_no_more_than_allowed() {
    let pool = pool(2, 8, 100);
    assert_eq!(pool.shared.lock().threads, 0);
    runtime().block_on(async {
        let (first, first_began, first_end) = held();
        let (second, second_began, second_end) = held();
        let (first, second) = (pool.run(1, first), pool.run(1, second));
        put!(first);
        put!(second);
        first_began.recv().unwrap();
        second_began.recv().unwrap();
        let third = pool.run(1, || 3);
        put!(third);
        assert_eq!(pool.shared.lock().threads, 2);
        assert_eq!(pool.shared.lock().waiting.len(), 1);
        drop((first_end, second_end));
        assert_eq!(first.await, Ok(()));
        assert_eq!(second.await, Ok(()));
        assert_eq!(third.await, Ok(3));
    });
}

#[test]
#[doc = "ID-03"]
fn overflow_is_an_answer_at_once() {
    let pool = pool(1, 1, 100);
    runtime().block_on(async {
        let (work, began, end) = held();
        let running = pool.run(1, work);
        put!(running);
        began.recv().unwrap();
        let waiting = pool.run(1, || 2);
        put!(waiting);
        let mut refused = Box::pin(pool.run(1, || 3));
        let answer = futures_util::poll!(&mut refused);
        assert_eq!(answer, std::task::Poll::Ready(Err(PoolFault::Overloaded)));
        drop(end);
        assert_eq!(running.await, Ok(()));
        assert_eq!(waiting.await, Ok(2));
        assert_eq!(pool.run(1, || 4).await, Ok(4));
    });
}

#[test]
#[doc = "ID-03"]
fn what_runs_together_keeps_to_the_memory() {
    let pool = pool(4, 64, 10);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    runtime().block_on(async {
        let jobs = (0..64_usize).map(|index| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let memory = 1 + index % 7;
            pool.run(memory, move || {
                let held = now.fetch_add(memory, Ordering::SeqCst) + memory;
                most.fetch_max(held, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(memory, Ordering::SeqCst);
            })
        });
        for done in futures_util::future::join_all(jobs).await {
            assert_eq!(done, Ok(()));
        }
        // More than there will ever be: it runs alone instead of never.
        assert_eq!(pool.run(11, || 1).await, Ok(1));
    });
    assert!(most.load(Ordering::SeqCst) <= 10, "{most:?}");
}

#[test]
#[doc = "ID-03"]
fn a_large_job_waits_for_the_memory_of_another() {
    let pool = pool(2, 8, 10);
    runtime().block_on(async {
        let (work, began, end) = held();
        let running = pool.run(6, work);
        put!(running);
        began.recv().unwrap();
        let has_ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&has_ended);
        let large = pool.run(5, move || seen.load(Ordering::SeqCst));
        put!(large);
        has_ended.store(true, Ordering::SeqCst);
        drop(end);
        assert_eq!(running.await, Ok(()));
        assert_eq!(large.await, Ok(true));
    });
}

#[test]
#[doc = "ID-03"]
fn a_job_that_nobody_waits_for_is_not_done() {
    let pool = pool(1, 8, 100);
    runtime().block_on(async {
        let (work, began, end) = held();
        let running = pool.run(1, work);
        put!(running);
        began.recv().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&done);
        let abandoned = pool.run(1, move || mark.store(true, Ordering::SeqCst));
        put!(abandoned);
        drop(abandoned);
        drop(end);
        assert_eq!(running.await, Ok(()));
        assert_eq!(pool.run(1, || 1).await, Ok(1));
        assert!(!done.load(Ordering::SeqCst));
    });
}

#[test]
#[doc = "ID-03"]
fn who_waits_two_seconds_for_his_turn_is_told_and_his_job_is_not_done() {
    let clock = clock();
    let pool = pool_by(&clock, 1, 8, 100);
    runtime().block_on(async {
        let (work, began, end) = held();
        let running = pool.run(1, work);
        put!(running);
        began.recv().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&done);
        let waiting = pool.run(1, move || mark.store(true, Ordering::SeqCst));
        put!(waiting);
        clock.advance(PATIENCE - Duration::from_millis(1));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        // It has begun, and is not given up.
        assert!(futures_util::poll!(&mut running).is_pending());
        clock.advance(Duration::from_millis(1));
        let timers = pool.timers.clone();
        let driver = Box::pin(timers.run());
        match futures_util::future::select(&mut waiting, driver).await {
            futures_util::future::Either::Left((told, _)) => assert_eq!(told, Err(PoolFault::Overloaded)),
            futures_util::future::Either::Right(_) => panic!("the wheel stopped"),
        }
        drop(end);
        assert_eq!(running.await, Ok(()));
        assert_eq!(pool.run(1, || 1).await, Ok(1));
        assert!(!done.load(Ordering::SeqCst));
    });
}

#[test]
fn a_panic_ends_the_job_and_not_the_pool() {
    let pool = pool(1, 8, 100);
    runtime().block_on(async {
        let lost: Result<(), _> = pool.run(100, || panic!("on purpose")).await;
        assert_eq!(lost, Err(PoolFault::Lost));
        assert_eq!(pool.run(100, || 1).await, Ok(1));
        assert_eq!(pool.shared.lock().threads, 1);
    });
}

#[test]
fn a_pool_that_is_dropped_lets_everybody_go() {
    let pool = pool(1, 8, 100);
    let (work, began, end) = held();
    let (reply, answer) = oneshot::channel::<()>();
    let job = |work: Box<dyn FnOnce() + Send>| Job { memory: 1, work };
    pool.shared.put(job(Box::new(work))).unwrap();
    began.recv().unwrap();
    pool.shared.put(job(Box::new(move || drop(reply)))).unwrap();
    let shared = Arc::downgrade(&pool.shared);
    drop(pool);
    assert!(
        answer.blocking_recv().is_err(),
        "who waits is told while another job still runs"
    );
    drop(end);
    // The thread holds the last of it.
    while shared.strong_count() > 0 {
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
#[doc = "ID-03"]
fn the_threads_of_the_pool_step_back_and_no_other() {
    let priority = || rustix::process::getpriority_process(None).unwrap();
    let own = priority();
    let pool = pool(1, 8, 100);
    let pools = runtime().block_on(pool.run(1, priority)).unwrap();
    assert_eq!(pools, NICENESS.max(own));
    assert_eq!(priority(), own);
}
