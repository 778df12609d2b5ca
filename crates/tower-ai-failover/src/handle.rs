//! Changing a router while it runs.

use std::sync::Arc;

use tower_ai_core::Target;

use crate::InvalidFailover;
use crate::router::{Router, Switch};

/// Reads and changes a running router. Clones speak of the same one.
///
/// A change counts for every choice that is made after it; calls under way end where they are.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Target;
/// use tower_ai_failover::{Failover, Switch};
///
/// let targets = ["main", "backup"].map(|name| Target::new(name).expect("a name"));
/// let service = tower::service_fn(|_: ()| async { Ok::<_, std::io::Error>(()) });
/// let router = Failover::new(targets.map(|target| (target, service)))?;
///
/// let handle = router.handle();
/// handle.prefer(&["backup"])?;
/// handle.disable("main")?;
/// let names: Vec<_> = handle.targets().map(|(target, switch)| (target.name().to_owned(), switch)).collect();
/// assert_eq!(names, [("backup".to_owned(), Switch::Enabled), ("main".to_owned(), Switch::Disabled)]);
/// assert!(handle.enable("mian").is_err(), "no target is named so");
/// # Ok::<(), tower_ai_failover::InvalidFailover>(())
/// ```
#[derive(Clone, Debug)]
pub struct FailoverHandle {
    pub(crate) router: Arc<Router>,
}

impl FailoverHandle {
    /// All targets with their switches, most preferred first.
    pub fn targets(&self) -> impl Iterator<Item = (Target, Switch)> {
        let router = Arc::clone(&self.router);
        let ranking = router.ranking();
        (0..ranking.len()).map(move |rank| {
            let slot = router.slot(ranking[rank]);
            (slot.target.clone(), slot.switch())
        })
    }

    /// Puts the named targets first, in this order; the others keep theirs behind them.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if a name is unknown or stands twice.
    pub fn prefer(&self, names: &[&str]) -> Result<(), InvalidFailover> {
        if names.is_empty() {
            return Ok(());
        }
        self.router.reorder(names)
    }

    /// Lets a target take calls again.
    ///
    /// # Errors
    ///
    /// Fails if no target has this name.
    pub fn enable(&self, name: &str) -> Result<(), InvalidFailover> {
        self.router.set_switch(name, Switch::Enabled)
    }

    /// Lets a target take calls only when no other can. Calls under way end there.
    ///
    /// # Errors
    ///
    /// Fails if no target has this name.
    pub fn drain(&self, name: &str) -> Result<(), InvalidFailover> {
        self.router.set_switch(name, Switch::Draining)
    }

    /// Keeps a target from all calls. Calls under way end there.
    ///
    /// # Errors
    ///
    /// Fails if no target has this name.
    pub fn disable(&self, name: &str) -> Result<(), InvalidFailover> {
        self.router.set_switch(name, Switch::Disabled)
    }
}
