//! Sets of fields: who owns what.

use std::cmp::Ordering;
use trueup_object::EcoVec;
use trueup_object::{FieldPath, Segment};

/// A set of paths, kept as a tree sorted by segment. Cloning shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    entries: EcoVec<Entry>,
}

/// What a set holds at and below one segment: itself, something below, or
/// both; never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub segment: Segment,
    pub member: bool,
    pub below: FieldSet,
}

impl FieldSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of paths in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
            .iter()
            .map(|entry| usize::from(entry.member) + entry.below.len())
            .sum()
    }

    /// Adds a path; the root can't be a member and is ignored.
    pub fn insert(&mut self, path: &FieldPath) {
        self.insert_segments(path.segments());
    }

    pub(crate) fn insert_segments(&mut self, segments: &[Segment]) {
        let Some((first, rest)) = segments.split_first() else {
            return;
        };
        let index = self.find(first).unwrap_or_else(|index| {
            self.entries.insert(
                index,
                Entry {
                    segment: first.clone(),
                    member: rest.is_empty(),
                    below: Self::default(),
                },
            );
            index
        });
        let entry = &mut self.entries.make_mut()[index];
        if rest.is_empty() {
            entry.member = true;
        } else {
            entry.below.insert_segments(rest);
        }
    }

    /// Whether exactly this path is in the set.
    #[must_use]
    pub fn contains(&self, path: &FieldPath) -> bool {
        let Some((last, parents)) = path.segments().split_last() else {
            return false;
        };
        let set = parents.iter().try_fold(self, |set, segment| {
            set.get(segment).map(|entry| &entry.below)
        });
        set.is_some_and(|set| set.has(last))
    }

    /// What the set holds below a segment.
    #[must_use]
    pub fn below(&self, segment: &Segment) -> Option<&Self> {
        self.get(segment).map(|entry| &entry.below)
    }

    /// Whether the one-step path is a member.
    #[must_use]
    pub fn has(&self, segment: &Segment) -> bool {
        self.get(segment).is_some_and(|entry| entry.member)
    }

    /// All paths that are in this set, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::with_capacity(self.len());
        self.collect_paths(&mut FieldPath::root(), &mut paths);
        paths
    }

    fn collect_paths(&self, here: &mut FieldPath, out: &mut Vec<FieldPath>) {
        for entry in &self.entries {
            here.push(entry.segment.clone());
            if entry.member {
                out.push(here.clone());
            }
            entry.below.collect_paths(here, out);
            here.pop();
        }
    }

    /// All paths that are in this set, those of one level before what lies
    /// below them.
    pub(crate) fn paths_by_level(&self) -> Vec<FieldPath> {
        let mut paths = Vec::with_capacity(self.len());
        self.collect_by_level(&mut FieldPath::root(), &mut paths);
        paths
    }

    fn collect_by_level(&self, here: &mut FieldPath, out: &mut Vec<FieldPath>) {
        for entry in self.entries.iter().filter(|entry| entry.member) {
            here.push(entry.segment.clone());
            out.push(here.clone());
            here.pop();
        }
        for entry in &self.entries {
            here.push(entry.segment.clone());
            entry.below.collect_by_level(here, out);
            here.pop();
        }
    }

    /// Paths of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        self.zip(other, |left, right| match (left, right) {
            (Some(a), Some(b)) => Some(Entry {
                segment: a.segment.clone(),
                member: a.member || b.member,
                below: a.below.union(&b.below),
            }),
            (one, two) => one.or(two).cloned(),
        })
    }

    /// Paths of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return Self::default();
        }
        self.zip(other, |left, right| {
            let (a, b) = (left?, right?);
            entry(
                &a.segment,
                a.member && b.member,
                a.below.intersection(&b.below),
            )
        })
    }

    /// Paths of this set that the other has not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        self.zip(other, |left, right| {
            let a = left?;
            let Some(b) = right else {
                return Some(a.clone());
            };
            entry(
                &a.segment,
                a.member && !b.member,
                a.below.difference(&b.below),
            )
        })
    }

    /// Paths of this set that the other neither has nor has a prefix of.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        self.zip(other, |left, right| {
            let a = left?;
            let Some(b) = right else {
                return Some(a.clone());
            };
            if b.member {
                return None;
            }
            entry(&a.segment, a.member, a.below.recursive_difference(&b.below))
        })
    }

    /// The paths that have no other path of the set below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let keep = |a: &Entry| entry(&a.segment, a.member && a.below.is_empty(), a.below.leaves());
        Self {
            entries: self.entries.iter().filter_map(keep).collect(),
        }
    }

    /// The paths that have no prefix in the set.
    pub(crate) fn uppermost(&self) -> Self {
        let keep = |a: &Entry| Entry {
            segment: a.segment.clone(),
            member: a.member,
            below: if a.member {
                Self::default()
            } else {
                a.below.uppermost()
            },
        };
        Self {
            entries: self.entries.iter().map(keep).collect(),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn get(&self, segment: &Segment) -> Option<&Entry> {
        self.find(segment).ok().map(|index| &self.entries[index])
    }

    /// Builds a set of entries in any order; equal segments are joined.
    pub(crate) fn from_entries(mut entries: Vec<Entry>) -> Self {
        if !entries.is_sorted_by(|a, b| a.segment < b.segment) {
            entries.sort_by(|a, b| a.segment.cmp(&b.segment));
            entries.dedup_by(|later, kept| {
                let same = later.segment == kept.segment;
                if same {
                    kept.member |= later.member;
                    kept.below = kept.below.union(&later.below);
                }
                same
            });
        }
        Self {
            entries: entries.into(),
        }
    }

    fn find(&self, segment: &Segment) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| entry.segment.cmp(segment))
    }

    fn zip(
        &self,
        other: &Self,
        combine: impl Fn(Option<&Entry>, Option<&Entry>) -> Option<Entry>,
    ) -> Self {
        let (mut left, mut right) = (
            self.entries.iter().peekable(),
            other.entries.iter().peekable(),
        );
        let mut entries = EcoVec::new();
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.segment.cmp(&b.segment),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Self { entries },
            };
            let a = if order.is_le() { left.next() } else { None };
            let b = if order.is_ge() { right.next() } else { None };
            entries.extend(combine(a, b));
        }
    }
}

pub(crate) fn entry(segment: &Segment, member: bool, below: FieldSet) -> Option<Entry> {
    (member || !below.is_empty()).then(|| Entry {
        segment: segment.clone(),
        member,
        below,
    })
}

impl FromIterator<FieldPath> for FieldSet {
    fn from_iter<I: IntoIterator<Item = FieldPath>>(paths: I) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(&path);
        }
        set
    }
}
