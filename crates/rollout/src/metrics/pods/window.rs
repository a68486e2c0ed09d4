//! What happened between two looks at the Pods of one side.

use super::{Exposition, SeriesKey};
use std::collections::BTreeMap;
use trueup_object::Text;

/// What one Pod told at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct PodScrape {
    /// The Pod's uid: another Pod of the same name is another one.
    pub uid: Text,
    /// When the Pod was started, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: i64,
    /// What it told.
    pub metrics: Exposition,
}

/// How much counters grew between two looks, Pods together, and what the
/// later look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    growth: BTreeMap<SeriesKey, f64>,
    levels: Vec<(SeriesKey, f64)>,
    seconds: f64,
    pods: usize,
}

impl Window {
    /// What happened from `before` to `after`. A counter that is smaller than
    /// before began again at zero. A series that is new in a known Pod began
    /// at zero too, and so did all series of a Pod that was started since the
    /// earlier look; of any other Pod without an earlier look nothing is known
    /// yet. Values that no counter can have are left out.
    #[must_use]
    pub fn between(before: &[PodScrape], after: &[PodScrape]) -> Self {
        let known: BTreeMap<&str, &PodScrape> = before
            .iter()
            .map(|scrape| (scrape.uid.as_str(), scrape))
            .collect();
        let earlier_ms = before.iter().map(|scrape| scrape.at_ms).min();
        let mut window = Self::default();
        for scrape in after {
            let levels = scrape.metrics.series();
            window
                .levels
                .extend(levels.map(|(key, value)| (key.clone(), value)));
            let earlier = known.get(scrape.uid.as_str()).copied();
            let newborn = earlier_ms.is_some_and(|look| scrape.started_ms >= look);
            if earlier.is_some() || newborn {
                window.add_growth(scrape, earlier);
            }
        }
        if let Some(earlier) = earlier_ms {
            let latest = after.iter().map(|scrape| scrape.at_ms).max();
            window.seconds = seconds(latest.unwrap_or(earlier).saturating_sub(earlier));
        }
        window
    }

    fn add_growth(&mut self, scrape: &PodScrape, earlier: Option<&PodScrape>) {
        self.pods += 1;
        for (key, value) in scrape.metrics.series() {
            let base = earlier.and_then(|earlier| earlier.metrics.value(key));
            let base = base.filter(|base| base.is_finite() && *base <= value);
            let growth = value - base.unwrap_or(0.0);
            if value.is_finite() && growth >= 0.0 {
                *self.growth.entry(key.clone()).or_default() += growth;
            }
        }
    }

    /// How much the counters of a name grew, by labels, Pods together.
    pub fn growth_of<'w>(
        &'w self,
        name: &'w str,
    ) -> impl Iterator<Item = (&'w SeriesKey, f64)> + 'w {
        let first = SeriesKey {
            name: name.into(),
            labels: Vec::new(),
        };
        self.growth
            .range(first..)
            .take_while(move |(key, _)| key.name == name)
            .map(|(key, growth)| (key, *growth))
    }

    /// What the later look found of a name, Pod by Pod.
    pub fn levels_of<'w>(
        &'w self,
        name: &'w str,
    ) -> impl Iterator<Item = (&'w SeriesKey, f64)> + 'w {
        self.levels
            .iter()
            .filter(move |(key, _)| key.name == name)
            .map(|(key, value)| (key, *value))
    }

    /// How long the window is, in seconds; 0 without an earlier look.
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Of how many Pods growth is known.
    #[must_use]
    pub const fn pods(&self) -> usize {
        self.pods
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "windows are hours at most, far below 2^53 milliseconds"
)]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds.max(0) as f64 / 1000.0
}
