//! A disk that is full.

use super::child;
use super::requests::{Kind, must, send};
use crate::support::run;
use std::collections::BTreeMap;

/// How large the files of the process may get, in blocks of 512 bytes.
const BLOCKS: u32 = 1600;
/// More than fits.
const WRITES: u64 = 2000;

#[test]
fn a_full_disk_refuses_writes_and_loses_none_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let kind = Kind::ConfigMap;
    let mut kept = BTreeMap::new();
    run(async {
        let mut process = child::spawn_with_little_space(folder.path(), BLOCKS);
        let client = child::client(&mut process);
        let mut refused = 0;
        for count in 1..=WRITES {
            let name = format!("o{count}");
            let object = kind.object(&name, 0, count);
            let (status, answer) = send(&client, "POST", kind.collection(), Some(object))
                .await
                .expect("it answers");
            if status == 201 {
                assert_eq!(refused, 0, "after a lost write none is taken");
                kept.insert(name, count);
                continue;
            }
            assert_eq!(
                (status, &answer["kind"], &answer["code"]),
                (500, &"Status".into(), &500.into()),
                "{answer}"
            );
            refused += 1;
            if refused == 3 {
                break;
            }
        }
        assert!(
            refused == 3 && !kept.is_empty(),
            "{refused} refused, {} kept",
            kept.len()
        );
        child::kill(process);
    });
    run(async {
        let mut process = child::spawn(folder.path());
        let client = child::client(&mut process);
        let target = format!("{}?labelSelector=writer", kind.collection());
        let list = must(&client, "GET", &target, None).await;
        let found: BTreeMap<_, _> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|object| {
                (
                    object["metadata"]["name"].as_str().unwrap().to_owned(),
                    kind.count(object),
                )
            })
            .collect();
        assert_eq!(found, kept);
        let object = kind.object("more", 0, 1);
        must(&client, "POST", kind.collection(), Some(object)).await;
        child::kill(process);
    });
}
