//! Workloads, their copies and Services, and what counts as a new revision.
