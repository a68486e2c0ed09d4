//! Waiting for something, with an end.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After this a test gives up. Nothing asserts how long something took.
const PATIENCE: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until something is as wanted; panics with what was
/// seen last when it is out of patience.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => {
                let seconds = PATIENCE.as_secs();
                panic!("waited {seconds} s in vain: {what}; seen last: {seen}");
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
