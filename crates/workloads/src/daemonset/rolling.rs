//! A DaemonSet's update: which old Pods go, or which nodes get a second Pod.

use super::{Plan, View};
use crate::placement::{Fit, fit};
use crate::rollout::{Round, amount};
use trueup_cluster::LiveObject;
use trueup_object::Text;

/// The Pods of a node that are not about to go.
enum Node<'a> {
    /// More than one old or one new: to be tidied first.
    Untidy,
    /// At most one of each.
    Tidy {
        new: Option<&'a LiveObject>,
        old: Option<&'a LiveObject>,
    },
}

impl<'a> View<'a> {
    fn is_rolling(&self) -> bool {
        self.spec.str_at(&["updateStrategy", "type"]) == Some("RollingUpdate")
    }

    fn part(&self, key: &str, desired: i64) -> i64 {
        let part = self.spec.at(&["updateStrategy", "rollingUpdate", key]);
        part.map_or(0, |part| amount(Some(part), desired, Round::Up))
    }

    /// Whether a node may have a second Pod for a while.
    pub(super) fn allows_surge(&self) -> bool {
        self.is_rolling() && self.part("maxSurge", 1) > 0
    }

    /// Adds the next step of an update.
    pub(super) fn roll(&self, plan: &mut Plan<'a>) {
        if !self.is_rolling() {
            return;
        }
        let desired = self.desired_nodes();
        let total = i64::try_from(desired.len()).unwrap_or(i64::MAX);
        let max_surge = self.part("maxSurge", total);
        let mut max_unavailable = self.part("maxUnavailable", total);
        if total > 0 && max_surge == 0 && max_unavailable == 0 {
            max_unavailable = 1;
        }
        let nodes = self.nodes_in_turn(&desired);
        if max_surge == 0 {
            self.replace(&nodes, max_unavailable, plan);
        } else {
            self.surge(&nodes, max_surge, total, plan);
        }
    }

    /// The nodes that should have a Pod.
    pub(super) fn desired_nodes(&self) -> Vec<&'a LiveObject> {
        let nodes = self.nodes.iter().copied();
        nodes
            .filter(|node| fit(&self.pod_spec, node) == Fit::Runs)
            .collect()
    }

    /// Nodes that have or should have Pods, by name.
    fn nodes_in_turn(&self, desired: &[&LiveObject]) -> Vec<(Text, Node<'a>)> {
        let mut names: Vec<&Text> = self.placed.keys().collect();
        names.extend(desired.iter().map(|node| node.name()));
        names.sort();
        names.dedup();
        names
            .into_iter()
            .map(|name| (name.clone(), self.node(name)))
            .collect()
    }

    fn node(&self, name: &Text) -> Node<'a> {
        let pods = self.placed.get(name).map(Vec::as_slice);
        let there = pods.unwrap_or_default().iter().copied();
        let there = there.filter(|pod| pod.deletion_timestamp().is_none());
        let (new, old): (Vec<&LiveObject>, Vec<&LiveObject>) =
            there.partition(|pod| self.revisions.is_updated(pod));
        if new.len() > 1 || old.len() > 1 {
            return Node::Untidy;
        }
        Node::Tidy {
            new: new.first().copied(),
            old: old.first().copied(),
        }
    }

    /// Deletes as many old Pods as may be unavailable; the new ones follow.
    fn replace(&self, nodes: &[(Text, Node<'a>)], max_unavailable: i64, plan: &mut Plan<'a>) {
        let (mut unavailable, mut candidates) = (0, Vec::new());
        for (_, node) in nodes {
            match node {
                Node::Tidy {
                    new: Some(new),
                    old: None,
                } => unavailable += i64::from(!self.is_available(new)),
                Node::Tidy {
                    new: None,
                    old: Some(old),
                } if !self.is_available(old) => {
                    // It serves nobody, so it may go.
                    plan.delete.push(old);
                    unavailable += 1;
                }
                Node::Tidy {
                    new: None,
                    old: Some(old),
                } => candidates.push(*old),
                _ => unavailable += 1,
            }
        }
        let room = usize::try_from(max_unavailable - unavailable).unwrap_or(0);
        plan.delete.extend(candidates.into_iter().take(room));
    }

    /// Makes as many second Pods as there may be, and deletes old ones whose
    /// successor is available.
    fn surge(&self, nodes: &[(Text, Node<'a>)], max_surge: i64, total: i64, plan: &mut Plan<'a>) {
        let (mut surging, mut available) = (0, 0);
        let (mut candidates, mut misplaced) = (Vec::new(), Vec::new());
        for (name, node) in nodes {
            let Node::Tidy { new, old } = node else {
                surging += 1;
                continue;
            };
            let shown = old.or(*new);
            available += i64::from(shown.is_some_and(|pod| self.is_available(pod)));
            let Some(old) = old else { continue };
            match new {
                Some(new) if self.is_available(new) => plan.delete.push(old),
                Some(_) => surging += 1,
                None => match (self.runs_on(name), self.is_available(old)) {
                    (false, false) => plan.delete.push(old),
                    (false, true) => misplaced.push(*old),
                    (true, false) => plan.create.push(name.clone()),
                    (true, true) => candidates.push(name.clone()),
                },
            }
        }
        // A misplaced Pod serves until there are enough others.
        let spare = usize::try_from(available - total).unwrap_or(0);
        plan.delete.extend(misplaced.into_iter().take(spare));
        let room = usize::try_from(max_surge - surging).unwrap_or(0);
        plan.create.extend(candidates.into_iter().take(room));
    }

    fn runs_on(&self, name: &Text) -> bool {
        let node = self.nodes.iter().find(|node| node.name() == name);
        node.is_some_and(|node| fit(&self.pod_spec, node) == Fit::Runs)
    }
}
