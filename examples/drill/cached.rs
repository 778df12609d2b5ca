//! The stack of tower-ai with its cache on top: what users ask again and again costs no call.

use std::sync::Arc;

use tower_ai::Scope;
use tower_ai::cache::CacheLayer;
use tower_ai::cache::http::{HttpAsk, HttpKeep};
use tower_ai_drill::{Factory, contender_fn};

use crate::ours;

pub(crate) fn factory() -> Factory {
    Arc::new(|setup| {
        let cache = CacheLayer::new(HttpAsk::new(Scope::tenant("drill")), HttpKeep::new())
            .stale_if_error(setup.scale.to_wall(std::time::Duration::from_secs(3600)));
        let stack = ours::builder(setup)?.cached(cache).build(ours::client())?;
        let first = setup.endpoints.first().cloned().ok_or("no target")?;
        let handle = stack.get_ref().handle();
        let state = move |name: &str| {
            let breaker = handle.breakers().find(|(target, _)| target.name() == name);
            Some(breaker?.0.health().mode().name())
        };
        let send = move |call| ours::send(stack.clone(), first.clone(), call);
        Ok(Arc::new(contender_fn(send).states(state)))
    })
}
