//! What a storage promises, held against both kinds.

use super::*;
use std::sync::mpsc::channel;

fn key(name: &str) -> RecordKey {
    RecordKey {
        group: "apps".into(),
        plural: "deployments".into(),
        namespace: "prod".into(),
        name: name.into(),
    }
}

fn put(revision: u64, name: &str, json: &str) -> Batch {
    Batch {
        revision,
        records: vec![Record {
            key: key(name),
            json: Some(Bytes::copy_from_slice(json.as_bytes())),
        }],
    }
}

fn write(storage: &impl Storage, batch: Batch) {
    let (sender, receiver) = channel();
    storage.append(batch, Box::new(move |result| drop(sender.send(result))));
    receiver.recv().unwrap().unwrap();
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.redb");
    (folder, path)
}

#[test]
fn what_was_acknowledged_is_there_after_opening_again() {
    let (_folder, path) = file();
    let storage = RedbStorage::open(&path, Sync::Disk).unwrap();
    assert_eq!(storage.load().unwrap().objects, []);
    write(&storage, put(7, "web", "{\"a\":1}"));
    write(&storage, put(8, "db", "{}"));
    write(
        &storage,
        Batch {
            revision: 9,
            records: vec![Record {
                key: key("db"),
                json: None,
            }],
        },
    );
    drop(storage);
    let loaded = RedbStorage::open(&path, Sync::Disk)
        .unwrap()
        .load()
        .unwrap();
    assert_eq!(
        loaded.objects,
        [(key("web"), Bytes::from_static(b"{\"a\":1}"))]
    );
    assert_eq!(loaded.last_written, 9);
}

#[test]
fn revisions_never_go_back_whether_or_not_anything_was_written() {
    let (_folder, path) = file();
    let storage = RedbStorage::open(&path, Sync::Disk).unwrap();
    storage.load().unwrap();
    write(&storage, put(50, "web", "{}"));
    drop(storage);
    let mut before = 50;
    for _ in 0..3 {
        let loaded = RedbStorage::open(&path, Sync::Disk)
            .unwrap()
            .load()
            .unwrap();
        assert!(
            loaded.revision > before,
            "{} after {before}",
            loaded.revision
        );
        assert_eq!(loaded.last_written, 50);
        before = loaded.revision;
    }
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = file();
    std::fs::write(
        &path,
        b"#!/bin/sh\necho this is no store, and it is longer than a page\n".repeat(200),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = RedbStorage::open(&path, Sync::Disk).unwrap_err();
    assert!(matches!(error, StorageError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("cluster.redb"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_without_our_tables_is_refused() {
    let (_folder, path) = file();
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(redb::TableDefinition::<&str, &str>::new("theirs"))
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let error = RedbStorage::open(&path, Sync::Disk).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn many_writes_are_all_there_and_complete_in_order() {
    let (_folder, path) = file();
    let storage = RedbStorage::open(&path, Sync::System).unwrap();
    storage.load().unwrap();
    let (sender, receiver) = channel();
    for revision in 1..=500 {
        let sender = sender.clone();
        let done = move |result: Result<(), StorageError>| {
            let _ = sender.send((revision, result.is_ok()));
        };
        storage.append(put(revision, &format!("o{revision}"), "{}"), Box::new(done));
    }
    drop(sender);
    let completed: Vec<_> = receiver.iter().collect();
    assert_eq!(
        completed,
        (1..=500)
            .map(|revision| (revision, true))
            .collect::<Vec<_>>()
    );
    assert_eq!(storage.load().unwrap().objects.len(), 500);
}

#[test]
fn memory_starts_empty() {
    let loaded = MemoryStorage.load().unwrap();
    assert_eq!((loaded.revision, loaded.objects.len()), (0, 0));
}
