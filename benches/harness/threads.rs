//! One shared state under several threads: how much more two threads do than one.
//!
//! By the clock on the wall, as waiting for each other is what counts here; so a busy machine spoils these
//! figures. Each thread has a runtime and a clone of the service of its own.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tower::{Service, ServiceExt};

use super::clock::wall_time;
use super::measure::{median, timing};
use super::{Mode, Options, Report, Row};

/// The numbers of threads that are compared.
const THREADS: [usize; 2] = [1, 2];

/// The cases of a bench over threads.
pub(crate) struct Contest {
    bench: &'static str,
    entries: Vec<Entry>,
}

struct Entry {
    work: &'static str,
    peer: Option<&'static str>,
    /// Makes so many calls on each of so many threads; returns how long that took.
    run: Box<dyn Fn(usize, u64) -> Duration>,
}

impl Contest {
    pub(crate) const fn new(bench: &'static str) -> Self {
        Self {
            bench,
            entries: Vec::new(),
        }
    }

    /// Adds a row whose clones share what is contended for.
    pub(crate) fn add<S, Req, R, C>(&mut self, row: Row<S, R, C>)
    where
        S: Service<Req> + Clone + Send + Sync + 'static,
        R: Fn(u64) -> Req + Copy + Send + 'static,
        C: Fn(&Result<S::Response, S::Error>) -> bool + Copy + Send + 'static,
        Req: 'static,
    {
        let Row {
            work,
            peer,
            service,
            request,
            check,
        } = row;
        let run = move |threads, calls| {
            together(threads, || {
                let mut service = service.clone();
                move || block_on(&mut service, calls, request, check)
            })
        };
        self.entries.push(Entry {
            work,
            peer,
            run: Box::new(run),
        });
    }

    /// Measures all rows in rounds, each with one thread and with two.
    pub(crate) fn run(mut self) -> ExitCode {
        let options = Options::from_args();
        let bench = self.bench;
        self.entries
            .retain(|entry| options.wants(bench, entry.work, entry.peer));
        let (rounds, sample) = match options.mode {
            Mode::Full => (25, Duration::from_millis(20)),
            Mode::Quick => (7, Duration::from_millis(5)),
            _ => (1, Duration::ZERO),
        };
        let calls: Vec<u64> = self
            .entries
            .iter()
            .map(|entry| entry.calls(sample))
            .collect();
        let mut samples = vec![THREADS.map(|_| Vec::new()); self.entries.len()];
        for _ in 0..rounds {
            for ((entry, &calls), samples) in self.entries.iter().zip(&calls).zip(&mut samples) {
                for (threads, samples) in THREADS.into_iter().zip(samples) {
                    let took = (entry.run)(threads, calls).as_nanos() as f64;
                    samples.push(took / (calls * threads as u64) as f64);
                }
            }
        }
        let mut report = Report::new(bench);
        for (entry, [one, two]) in self.entries.iter().zip(&samples) {
            let [bare_one, bare_two] = &samples[0];
            let (one, two) = (timing(one, bare_one), timing(two, bare_two));
            report.push(
                &format!("{}, 1 thread", entry.work),
                entry.peer,
                Some(one),
                None,
            );
            report.push(
                &format!("{}, 2 threads", entry.work),
                entry.peer,
                Some(two),
                None,
            );
        }
        let code = report.finish(&options);
        if samples
            .first()
            .is_some_and(|[one, two]| median(one) < 1.7 * median(two))
        {
            println!("the second processor was not free: these figures say nothing");
        }
        for (entry, [one, two]) in self.entries.iter().zip(&samples) {
            let peer = entry
                .peer
                .map_or(String::new(), |peer| format!("  [{peer}]"));
            let more = median(one) / median(two);
            println!(
                "two threads do {more:.2} x the work of one: {}{peer}",
                entry.work
            );
        }
        code
    }
}

impl Entry {
    /// How many calls take one thread as long as planned.
    fn calls(&self, sample: Duration) -> u64 {
        let mut calls = 64;
        while (self.run)(1, calls) < sample {
            calls *= 2;
        }
        calls
    }
}

/// Runs the work of each thread, all at once, and returns how long the slowest took.
fn together<W>(threads: usize, work: impl Fn() -> W) -> Duration
where
    W: FnOnce() + Send,
{
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let start = || {
            let (work, barrier) = (work(), &barrier);
            scope.spawn(move || {
                barrier.wait();
                wall_time(work)
            })
        };
        let running: Vec<_> = (0..threads).map(|_| start()).collect();
        let took = running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        took.max().unwrap_or_default()
    })
}

fn block_on<S, Req>(
    service: &mut S,
    calls: u64,
    request: impl Fn(u64) -> Req,
    check: impl Fn(&Result<S::Response, S::Error>) -> bool,
) where
    S: Service<Req>,
{
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        for n in 0..calls {
            let Ok(ready) = service.ready().await else {
                panic!("the service is ready");
            };
            let result = ready.call(black_box(request(n))).await;
            assert!(check(black_box(&result)), "not in the state it names");
        }
    });
}
