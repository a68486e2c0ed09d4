//! Requests from outside, at a steady rate, each on a connection of its own.

use crate::backends::{POD, SIDE, VERSION};
use crate::nginx_config::ROUTED_BY;
use crate::tally::{Answered, Side, Tally};
use crate::tiny_http::{self, Answer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The host that is asked.
pub const HOST: &str = "app.example";
/// How many requests may be under way; more wait their turn.
const MAX_UNDER_WAY: u32 = 256;
/// After this a request counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub class: &'static str,
    pub header: Option<(&'static str, &'static str)>,
}

/// Requests without anything special.
pub const PLAIN: Kind = Kind {
    class: "plain",
    header: None,
};

/// A generator; it stops when it is dropped.
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    under_way: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Load {
    /// Asks an address so often a second, by each kind in turn.
    pub fn start(address: String, kinds: &'static [Kind], per_second: u32) -> Self {
        let tally: Arc<Mutex<Tally>> = Arc::default();
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY as usize));
        let (counted, turns) = (Arc::clone(&tally), Arc::clone(&under_way));
        let task = tokio::spawn(async move {
            let mut beat = interval(Duration::from_secs(1) / per_second);
            // A machine that was busy has nothing to make up for.
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for kind in kinds.iter().cycle() {
                beat.tick().await;
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                    return;
                };
                let (address, tally) = (address.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    ask(&address, *kind, &tally).await;
                    drop(turn);
                });
            }
        });
        Self {
            tally,
            under_way,
            task,
        }
    }

    /// What has become of the requests so far.
    pub fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// Sends no more, and waits for what is under way.
    pub async fn end(self) -> Tally {
        self.task.abort();
        // All turns are free again; nobody closes it.
        let _all = self.under_way.acquire_many(MAX_UNDER_WAY).await;
        self.tally()
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn ask(address: &str, kind: Kind, tally: &Mutex<Tally>) {
    let headers: Vec<(&str, &str)> = kind.header.into_iter().collect();
    let asked = timeout(PATIENCE, tiny_http::get(address, HOST, "/", &headers)).await;
    let outcome = match asked {
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(answer)) => answered(kind, &answer).ok_or_else(|| {
            let rule = answer.header(ROUTED_BY).unwrap_or("nothing");
            format!("no backend answered: {} by {rule}", answer.status)
        }),
    };
    match outcome {
        Ok(answer) => lock(tally).answered(answer),
        Err(why) => lock(tally).lost(why),
    }
}

/// `None` where no backend has answered.
fn answered(kind: Kind, answer: &Answer) -> Option<Answered> {
    answer.header(POD)?;
    Some(Answered {
        class: kind.class,
        rule: answer.header(ROUTED_BY)?.to_owned(),
        side: match answer.header(SIDE)? {
            "canary" => Side::Canary,
            _ => Side::Primary,
        },
        version: answer.header(VERSION)?.to_owned(),
        is_error: answer.status >= 500,
    })
}
