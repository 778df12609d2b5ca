//! Reading and steering a circuit from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tower_ai_core::Mode;
use tower_ai_core::error::Shed;

use crate::circuit::Circuit;
use crate::machine::Forced;
use crate::permit::Permit;
use crate::ring::Lane;
use crate::window::Tally;

/// Reads the state of one circuit, watches it, and overrules it.
///
/// # Clone
///
/// Clones are handles of the same circuit.
#[derive(Clone, Debug)]
pub struct BreakerHandle {
    circuit: Arc<Circuit>,
}

impl BreakerHandle {
    pub(crate) const fn new(circuit: Arc<Circuit>) -> Self {
        Self { circuit }
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> Snapshot {
        self.state_at(Instant::now())
    }

    /// The state at `now`, for those who keep their own time.
    #[must_use]
    pub fn state_at(&self, now: Instant) -> Snapshot {
        let report = self.circuit.at(now, |machine, _| machine.report());
        let [most_fail, some_fail, slow, down] = report.levels;
        let [plain, streamed] = report.latency.map(|(usual, slow)| Latency {
            usual: usual.map(Duration::from_nanos),
            slow_after: Duration::from_nanos(slow),
        });
        Snapshot {
            mode: report.mode,
            forced: report.forced.is_some(),
            until: report
                .until
                .and_then(|until| self.circuit.clock().instant(until)),
            generation: report.generation,
            evidence: Evidence {
                most_fail,
                some_fail,
                slow,
                down,
                threshold: report.threshold,
            },
            error_baseline: report.errors,
            calls_per_second: report.rate,
            plain,
            streamed,
            shed_share: report.shed_share,
            window: report.window.map(|(window, _)| window),
            in_window: report.window.map_or(0, |(_, holding)| holding),
            rate_cap: report.cap,
            tally: report.tally,
            outage_age: Duration::from_nanos(report.outage_age),
            rejected: self.circuit.rejected(),
        }
    }

    /// The mode now: one load, and no lock.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.circuit.mode()
    }

    /// Opens the circuit until [`automatic`](Self::automatic), [`reset`](Self::reset) or
    /// [`force_closed`](Self::force_closed).
    pub fn force_open(&self) {
        self.circuit.force(Forced::Open);
    }

    /// Closes the circuit, and keeps it closed whatever calls say of the target's health.
    ///
    /// What a server asked for still holds: rate limits gate the target, and a shut key stays shut.
    pub fn force_closed(&self) {
        self.circuit.force(Forced::Closed);
    }

    /// Ends [`force_open`](Self::force_open) and [`force_closed`](Self::force_closed). A circuit that was open
    /// comes back by the ramp, not at once.
    pub fn automatic(&self) {
        self.circuit.automatic();
    }

    /// Closes the circuit, lifts its gate and forgets all that was learnt, as if it were new.
    pub fn reset(&self) {
        self.circuit.reset();
    }

    /// Watches the changes of mode from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch {
            receiver: self.circuit.subscribe(),
        }
    }

    /// Asks for a permit outside of a tower service: for calls of another kind, and for simulations, which keep
    /// their own time. `others`: whether another target is left that takes calls.
    ///
    /// # Errors
    ///
    /// Fails with the reason and the wait if the call should not be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tokio::time::Instant;
    /// use tower_ai_breaker::BreakerLayer;
    /// use tower_ai_core::Outcome;
    ///
    /// let handle = BreakerLayer::adaptive().handle();
    /// let now = Instant::now();
    /// let permit = handle.admit_at(now, false)?;
    /// permit.settle_at(now + Duration::from_secs(2), Outcome::Success);
    /// assert_eq!(handle.state_at(now + Duration::from_secs(3)).rejected, 0);
    /// # Ok::<(), tower_ai_core::error::Shed>(())
    /// ```
    pub fn admit_at(&self, now: Instant, others: bool) -> Result<Permit, Shed> {
        self.circuit.admit(others, Lane::Plain, || now)
    }
}

/// The state of a circuit at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Closed, shedding, open or ramping. While it only observes: what it would be.
    pub mode: Mode,
    /// Whether the mode was set by hand.
    pub forced: bool,
    /// When the next probe of an open circuit is due; `None` if not open, or open until further notice.
    pub until: Option<Instant>,
    /// Counts the changes of mode; what calls of an older generation say does not count. Wraps.
    pub generation: u32,
    /// What speaks against the target.
    pub evidence: Evidence,
    /// The usual share of errors; plain rules do not learn it.
    pub error_baseline: f64,
    /// The rate of calls that a closed circuit admitted, over the last minutes; plain rules do not learn it.
    pub calls_per_second: f64,
    /// What is known of the first contents of plain calls, and of all where nobody says which is which.
    pub plain: Latency,
    /// What is known of the first contents of calls that were asked for as a stream.
    pub streamed: Latency,
    /// The share of calls that is rejected: 0 if closed, 1 if open.
    pub shed_share: f64,
    /// While ramping: how many calls may wait for their first content at a time; half-open, how many permits are
    /// left.
    pub window: Option<u32>,
    /// While ramping: how many do; half-open, how many permits are held.
    pub in_window: u32,
    /// Calls per second that rate limits leave, while one is known.
    pub rate_cap: Option<f64>,
    /// What a rule that counts judges by: the calls of its window, or those of a half-open circuit.
    pub tally: Option<Tally>,
    /// How long the present outage has lasted.
    pub outage_age: Duration,
    /// Calls that were rejected since the circuit was made; while it only observes, that would have been.
    pub rejected: u64,
}

/// What is known of the time to first content of one kind of calls.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Latency {
    /// The usual time, once one is known.
    pub usual: Option<Duration>,
    /// The age from which a call without content is slow.
    pub slow_after: Duration,
}

/// The levels of the charts. The circuit leaves "closed" when one of them reaches the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// Evidence that most calls fail.
    pub most_fail: f64,
    /// Evidence that more calls fail than usual.
    pub some_fail: f64,
    /// Evidence that calls are slow.
    pub slow: f64,
    /// Evidence that the target is down, and not only sick.
    pub down: f64,
    /// The level that is an alarm.
    pub threshold: f64,
}

/// A change of a circuit's mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// The mode before.
    pub from: Mode,
    /// The mode since.
    pub to: Mode,
    /// The generation that began.
    pub generation: u32,
    /// When the next probe of an open circuit is due.
    pub until: Option<Instant>,
    /// Whether it was made by hand.
    pub forced: bool,
}

impl Transition {
    pub(crate) const fn initial() -> Self {
        Self {
            from: Mode::Closed,
            to: Mode::Closed,
            generation: 0,
            until: None,
            forced: false,
        }
    }
}

/// Watches a circuit's changes of mode; made by [`BreakerHandle::watch`].
#[derive(Clone, Debug)]
pub struct Watch {
    receiver: watch::Receiver<Transition>,
}

impl Watch {
    /// The last change.
    #[must_use]
    pub fn current(&self) -> Transition {
        *self.receiver.borrow()
    }

    /// Waits for the next change. Of several that came meanwhile only the last is seen. `None` once the circuit
    /// is gone.
    ///
    /// # Cancel safety
    ///
    /// No change is lost if the future is dropped.
    pub async fn changed(&mut self) -> Option<Transition> {
        self.receiver.changed().await.ok()?;
        Some(*self.receiver.borrow_and_update())
    }
}
