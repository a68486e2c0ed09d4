//! The routes: what they say, and setting them.

use super::look::{Look, Trouble};
use trueup_cluster::ApiError;
use trueup_kinds::canary::{Canary, FieldError};
use trueup_object::Text;
use trueup_rollout::machine::{Fit, LiveRoutes, RoutesSeen, Routing};
use trueup_rollout::routers::{
    FreshCookieValues, Observed, Router, RouterError, RouterSettings, Weights, Write,
};
use trueup_rollout::targets;

/// What was seen of the routes.
pub(super) struct Seen {
    pub(super) routes: RoutesSeen,
    pub(super) fit: Fit,
    /// Why the Canary can't be served.
    pub(super) refusal: Option<FieldError>,
    /// Why the routes can't be made, as things are.
    pub(super) obstacle: Option<Text>,
}

impl Seen {
    const NONE: Self = Self {
        routes: RoutesSeen::None,
        fit: Fit::Fits,
        refusal: None,
        obstacle: None,
    };
}

/// Looks at the routes.
pub(super) async fn look(look: &mut Look<'_>) -> Result<Seen, ApiError> {
    let settings = look.context.canaries.options.router.clone();
    let canary = look.canary.clone();
    let router = match Router::of(&canary, &settings) {
        Ok(router) => router,
        Err(error) => {
            return Ok(Seen {
                refusal: Some(FieldError {
                    path: "spec.provider".into(),
                    message: error.to_string().into(),
                }),
                ..Seen::NONE
            });
        }
    };
    if !router.abilities().weights {
        return Ok(Seen::NONE);
    }
    let observed = read(look, &router).await?;
    let routes = routes(&router, &observed);
    Ok(match router.reconcile(&observed) {
        Ok(writes) => Seen {
            routes,
            fit: fit(&writes),
            ..Seen::NONE
        },
        Err(RouterError::Missing(_)) if lacks_own_service(&canary, &router, &observed) => Seen {
            routes,
            ..Seen::NONE
        },
        Err(error) => obstructed(routes, error.to_string().into()),
    })
}

/// Whether a Service is not there of which the routes are made, and which is
/// made for the Canary itself: first that, and then the routes.
fn lacks_own_service(canary: &Canary, router: &Router<'_>, observed: &Observed) -> bool {
    let names = canary.spec.service_names();
    let own = [&names.apex, &names.primary, &names.canary];
    let mut needs = router.needs().into_iter();
    needs.any(|it| {
        it.kind.kind == "Service" && own.contains(&&it.name) && observed.get(&it).is_none()
    })
}

/// Routes that can't be made right are not tried again and again: they are
/// waited for. What traffic they still share can be withdrawn all the same.
fn obstructed(routes: RoutesSeen, obstacle: Text) -> Seen {
    let routes = match routes {
        RoutesSeen::Unusable(why) => RoutesSeen::Unusable(why),
        _ => RoutesSeen::Unusable(obstacle.clone()),
    };
    Seen {
        routes,
        obstacle: Some(obstacle),
        ..Seen::NONE
    }
}

async fn read(look: &mut Look<'_>, router: &Router<'_>) -> Result<Observed, ApiError> {
    let mut observed = Observed::default();
    for reference in router.needs() {
        if let Some(object) = look.read(&reference).await? {
            observed.insert(reference, object.value().clone());
        }
    }
    Ok(observed)
}

fn routes(router: &Router<'_>, observed: &Observed) -> RoutesSeen {
    match router.routes(observed) {
        Ok(weights) => RoutesSeen::Live(LiveRoutes {
            canary_weight: weights.canary().into(),
            mirrored: router.abilities().mirror.then_some(weights.is_mirrored()),
        }),
        // Routes that don't say how traffic is shared are set anew like missing
        // ones, in one write: made right first, they would send everything to
        // the primary in between.
        Err(RouterError::Missing(_) | RouterError::NoRoutes(_)) => RoutesSeen::Missing,
        Err(error) => RoutesSeen::Unusable(error.to_string().into()),
    }
}

fn fit(writes: &[Write]) -> Fit {
    match writes {
        [] => Fit::Fits,
        some if some.iter().any(|it| matches!(it, Write::Create(_))) => Fit::Missing,
        _ => Fit::Differs,
    }
}

/// Makes the routes right, apart from their weights.
pub(super) async fn ensure(look: &mut Look<'_>) -> Result<(), Trouble> {
    let (canary, settings) = subject(look);
    let router = router(&canary, &settings)?;
    let observed = read(look, &router).await?;
    let writes = router.reconcile(&observed).map_err(refused)?;
    write(look, writes).await
}

/// Shares traffic as it is asked for; routes that are missing are made.
pub(super) async fn set(look: &mut Look<'_>, routing: &Routing) -> Result<(), Trouble> {
    let (canary, settings) = subject(look);
    let router = router(&canary, &settings)?;
    let mut weights =
        Weights::new(routing.primary_weight(), routing.canary_weight).map_err(refused)?;
    if routing.mirrored {
        weights = weights.with_mirror();
    }
    let fresh = FreshCookieValues {
        canary: routing.cookie_value.clone(),
        primary: routing.cookie_value.clone(),
    };
    let observed = read(look, &router).await?;
    let shift = match router.shift(&observed, weights, &fresh) {
        Err(RouterError::Missing(_) | RouterError::NoRoutes(_)) => {
            let writes = router.reconcile(&observed).map_err(refused)?;
            write(look, writes).await?;
            let observed = read(look, &router).await?;
            router.shift(&observed, weights, &fresh)
        }
        shift => shift,
    };
    write(look, shift.map_err(refused)?.writes).await
}

/// Makes the routes what they were before.
pub(super) async fn restore(look: &mut Look<'_>) -> Result<(), Trouble> {
    let (canary, settings) = subject(look);
    let router = router(&canary, &settings)?;
    let observed = read(look, &router).await?;
    match router.finalize(&observed) {
        Ok(writes) => write(look, writes).await,
        // What would be given back is gone: nothing to wait for.
        Err(RouterError::Missing(_)) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

fn subject(look: &Look<'_>) -> (Canary, RouterSettings) {
    let settings = look.context.canaries.options.router.clone();
    (look.canary.clone(), settings)
}

fn router<'a>(canary: &'a Canary, settings: &'a RouterSettings) -> Result<Router<'a>, Trouble> {
    Router::of(canary, settings).map_err(refused)
}

fn refused(error: RouterError) -> Trouble {
    Trouble::Refused(error.to_string())
}

async fn write(look: &mut Look<'_>, writes: Vec<Write>) -> Result<(), Trouble> {
    for write in writes {
        let write = match write {
            Write::Create(object) => targets::Write::Create(object),
            Write::Replace(object) => targets::Write::Replace(object),
        };
        look.write(write).await?;
    }
    Ok(())
}
