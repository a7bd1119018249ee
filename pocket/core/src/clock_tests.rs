use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use super::*;

fn clock() -> Arc<Clock> {
    Arc::new(Clock::new(false))
}

/// A counted thread that sleeps so many microseconds, and then sends the time.
fn sleeper(clock: &Arc<Clock>, micros: i64) -> (JoinHandle<()>, Receiver<i64>) {
    let (clock, ticket) = (Arc::clone(clock), clock.reserve());
    let (sender, woken) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _here = ticket.enter();
        clock.sleep(micros);
        sender.send(clock.now()).expect("the test listens");
    });
    (thread, woken)
}

#[test]
fn a_lone_sleeper_jumps_to_its_deadline() {
    let clock = clock();
    let _here = clock.join();
    let before = Instant::now();
    clock.sleep(3_600_000_000);
    assert!(clock.now() >= 3_600_000_000);
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_clock_stands_still_while_a_counted_thread_runs() {
    let clock = clock();
    let _here = clock.join();
    let (sleeper, woken) = sleeper(&clock, 10_000_000);
    assert!(woken.recv_timeout(Duration::from_millis(50)).is_err());
    assert!(clock.now() < 10_000_000);
    clock.sleep(20_000_000);
    assert!(woken.try_recv().is_ok_and(|at| at >= 10_000_000));
    sleeper.join().expect("the sleeper ends");
}

#[test]
fn the_far_end_goes_before_the_call_and_the_driver_last() {
    let clock = clock();
    let here = clock.join();
    let order = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = [Rank::Driver, Rank::FarEnd, Rank::Call]
        .into_iter()
        .map(|rank| {
            let (clock, order, ticket) = (Arc::clone(&clock), Arc::clone(&order), clock.reserve());
            std::thread::spawn(move || {
                let _here = ticket.enter();
                clock.wait(Wait {
                    rank,
                    ..Wait::until(1_000_000)
                });
                order.lock().push(rank);
            })
        })
        .collect();
    drop(here);
    for thread in threads {
        thread.join().expect("each ends");
    }
    assert_eq!(*order.lock(), [Rank::FarEnd, Rank::Call, Rank::Driver]);
}

#[test]
fn a_raise_between_look_and_wait_is_not_lost() {
    let clock = clock();
    let _here = clock.join();
    let signal = Signal::new();
    let generation = signal.generation();
    clock.raise(&signal);
    assert_eq!(
        clock.wait(Wait::on(&signal, generation, None)),
        Woken::Signal
    );
}

#[test]
fn the_clock_does_not_fall_behind_real_time() {
    let clock = clock();
    let _here = clock.join();
    let until = Instant::now() + Duration::from_secs(20);
    while clock.now() < 50_000 && Instant::now() < until {
        std::thread::yield_now();
    }
    assert!(
        clock.now() >= 50_000,
        "a running thread must not hold the clock for ever"
    );
}

#[test]
fn a_jump_while_a_thread_waits_for_a_later_time_keeps_it_following_real_time() {
    let clock = clock();
    let _here = clock.join();
    let (sleeper, woken) = sleeper(&clock, 3_600_000_000);
    clock.sleep(3_599_900_000);
    // As a script that computes: it never waits.
    assert!(woken.recv_timeout(Duration::from_secs(20)).is_ok());
    sleeper.join().expect("the sleeper ends");
}

#[test]
fn a_stranger_sleeps_in_virtual_time_too() {
    let clock = clock();
    let before = Instant::now();
    clock.sleep(60_000_000);
    assert!(clock.now() >= 60_000_000);
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[test]
fn real_time_does_not_jump() {
    let clock = Arc::new(Clock::new(true));
    let _here = clock.join();
    let before = Instant::now();
    clock.sleep(30_000);
    assert!(before.elapsed() >= Duration::from_millis(29));
}

#[test]
fn a_real_limit_ends_a_wait_that_nothing_else_ends() {
    let clock = clock();
    let _here = clock.join();
    let signal = Signal::new();
    let wait = Wait {
        real_limit: Some(Duration::from_millis(5)),
        ..Wait::on(&signal, signal.generation(), None)
    };
    assert_eq!(clock.wait(wait), Woken::RealLimit);
}
