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

fn record(name: &str, json: Option<&str>) -> Record {
    let object =
        json.map(|json| Arc::new(Bytes::copy_from_slice(json.as_bytes())) as Arc<dyn Encode>);
    Record {
        key: key(name),
        object,
    }
}

fn put(revision: u64, name: &str, json: &str) -> Batch {
    Batch {
        revision,
        records: vec![record(name, Some(json))],
    }
}

fn remove(revision: u64, name: &str) -> Batch {
    Batch {
        revision,
        records: vec![record(name, None)],
    }
}

fn write(storage: &impl Storage, batch: Batch) {
    let (sender, receiver) = channel();
    storage.append(batch, Box::new(move |result| drop(sender.send(result))));
    receiver.recv().unwrap().unwrap();
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.log");
    (folder, path)
}

fn open(path: &std::path::Path) -> Result<Loaded, StorageError> {
    LogStorage::open(path, Sync::Disk)?.load()
}

/// A store with a few writes, closed.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = file();
    let storage = LogStorage::open(&path, Sync::System).unwrap();
    for revision in 1..=20 {
        let json = format!(
            "{{\"count\":{revision},\"text\":\"{}\"}}",
            "x".repeat(revision as usize)
        );
        write(
            &storage,
            put(revision, &format!("o{}", revision % 7), &json),
        );
    }
    write(&storage, remove(21, "o3"));
    drop(storage);
    (folder, path)
}

#[test]
fn what_was_acknowledged_is_there_after_opening_again() {
    let (_folder, path) = file();
    let storage = LogStorage::open(&path, Sync::Disk).unwrap();
    assert_eq!(storage.load().unwrap().objects, []);
    write(&storage, put(7, "web", "{\"a\":1}"));
    write(&storage, put(8, "db", "{}"));
    write(&storage, remove(9, "db"));
    drop(storage);
    let loaded = open(&path).unwrap();
    assert_eq!(
        loaded.objects,
        [(key("web"), Bytes::from_static(b"{\"a\":1}"))]
    );
    assert_eq!(loaded.last_written, 9);
}

#[test]
fn revisions_never_go_back_whether_or_not_anything_was_written() {
    let (_folder, path) = file();
    let storage = LogStorage::open(&path, Sync::Disk).unwrap();
    write(&storage, put(50, "web", "{}"));
    drop(storage);
    let mut before = 50;
    for _ in 0..3 {
        let loaded = open(&path).unwrap();
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
    for theirs in [
        &b"#!/bin/sh\necho this is no store, and it is longer than a page\n"[..],
        b"redb",
        b"",
    ] {
        let (_folder, path) = file();
        std::fs::write(&path, theirs.repeat(200)).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StorageError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("cluster.log"), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let (_folder, path) = filled();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[16..20].copy_from_slice(&3_u32.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(
        error.contains("its format is 3, this program knows format 2"),
        "{error}"
    );
}

#[test]
fn a_store_that_another_process_has_open_is_refused() {
    let (_folder, path) = filled();
    let first = LogStorage::open(&path, Sync::Disk).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("another process has it open"), "{error}");
    drop(first);
    assert_eq!(open(&path).unwrap().objects.len(), 6);
}

/// Whatever byte is changed: the store is refused, or all of it is there
/// (the byte carried nothing).
#[test]
fn a_changed_byte_is_refused_or_did_not_matter() {
    let (_folder, path) = filled();
    let whole = std::fs::read(&path).unwrap();
    let objects = open(&path).unwrap().objects;
    let (mut refused, mut harmless) = (0, 0);
    let (_other, copy) = file();
    let frames = header::HEADER_BYTES as usize;
    let places = (0..1100).step_by(3).chain(frames..whole.len());
    for place in places {
        let change = 1_u8 << (place % 8);
        {
            let mut bytes = whole.clone();
            bytes[place] ^= change;
            std::fs::write(&copy, &bytes).unwrap();
            match open(&copy) {
                Ok(loaded) => {
                    assert_eq!(loaded.objects, objects, "byte {place} ^ {change:#x}");
                    assert!(place < frames, "byte {place} ^ {change:#x} was not noticed");
                    harmless += 1;
                }
                Err(StorageError::Refused { .. }) => {
                    assert_eq!(std::fs::read(&copy).unwrap(), bytes, "it is left as it is");
                    refused += 1;
                }
                Err(other) => panic!("byte {place}: {other}"),
            }
        }
    }
    assert!(
        refused > 1000 && harmless > 0,
        "{refused} refused, {harmless} harmless"
    );
}

#[test]
fn a_store_that_was_cut_is_refused_at_every_length() {
    let (_folder, path) = filled();
    let whole = std::fs::read(&path).unwrap();
    let (_other, copy) = file();
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&copy, &whole[..length]).unwrap();
        let error = open(&copy).unwrap_err();
        assert!(
            matches!(error, StorageError::Refused { .. }),
            "{length} bytes: {error}"
        );
    }
}

/// The state of a file whose writer was killed: the last seal tells of the
/// write before, the last write may be there in part.
#[test]
fn an_unfinished_write_at_the_end_is_left_out_whole() {
    let (_folder, path) = file();
    let storage = LogStorage::open(&path, Sync::Disk).unwrap();
    write(&storage, put(5, "a", "{\"n\":1}"));
    let kept = std::fs::read(&path).unwrap();
    let many = Batch {
        revision: 6,
        records: vec![
            record("a", Some("{\"n\":2}")),
            record("b", Some("{\"n\":2}")),
        ],
    };
    write(&storage, many);
    drop(storage);
    let mut whole = std::fs::read(&path).unwrap();
    whole[..kept.len()].copy_from_slice(&kept);
    let (_other, copy) = file();
    for length in kept.len()..=whole.len() {
        std::fs::write(&copy, &whole[..length]).unwrap();
        let objects = open(&copy).unwrap().objects;
        let both = Bytes::from_static(b"{\"n\":2}");
        let expected = if length == whole.len() {
            vec![(key("a"), both.clone()), (key("b"), both)]
        } else {
            vec![(key("a"), Bytes::from_static(b"{\"n\":1}"))]
        };
        assert_eq!(objects, expected, "{length} of {} bytes", whole.len());
        // What is written afterwards is found again.
        let storage = LogStorage::open(&copy, Sync::Disk).unwrap();
        write(&storage, put(9, "c", "{}"));
        drop(storage);
        assert_eq!(open(&copy).unwrap().objects.len(), expected.len() + 1);
    }
}

#[test]
fn space_that_was_never_filled_is_an_unfinished_write() {
    let (_folder, path) = filled();
    let objects = open(&path).unwrap().objects;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.resize(bytes.len() + 5000, 0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(open(&path).unwrap().objects, objects);
}

#[test]
fn many_writes_are_all_there_and_complete_in_order() {
    let (_folder, path) = file();
    let storage = LogStorage::open(&path, Sync::System).unwrap();
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
    drop(storage);
    assert_eq!(open(&path).unwrap().objects.len(), 500);
}

#[test]
fn a_log_full_of_outdated_states_is_rewritten_and_says_the_same() {
    let (_folder, path) = file();
    let storage = LogStorage::open(&path, Sync::System).unwrap();
    let text = "x".repeat(1024 * 1024);
    let rounds = 2 + log::REWRITE_AFTER_BYTES / text.len() as u64;
    for revision in 1..=rounds {
        let json = format!("{{\"count\":{revision},\"text\":\"{text}\"}}");
        write(
            &storage,
            put(
                revision,
                if revision % 2 == 0 { "even" } else { "odd" },
                &json,
            ),
        );
    }
    write(&storage, put(rounds + 1, "gone", "{}"));
    write(&storage, remove(rounds + 2, "gone"));
    drop(storage);
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(
        length < log::REWRITE_AFTER_BYTES / 2,
        "{length} bytes are left"
    );
    let loaded = open(&path).unwrap();
    let counts: Vec<_> = loaded
        .objects
        .iter()
        .map(|(key, json)| (key.name.as_str(), json[9..11].to_vec()))
        .collect();
    let text = |number: u64| number.to_string().into_bytes();
    let (even, odd) = if rounds.is_multiple_of(2) {
        (rounds, rounds - 1)
    } else {
        (rounds - 1, rounds)
    };
    assert_eq!(counts, [("even", text(even)), ("odd", text(odd))]);
    assert_eq!(loaded.last_written, rounds + 2);
}

#[test]
fn memory_starts_empty() {
    let loaded = MemoryStorage.load().unwrap();
    assert_eq!((loaded.revision, loaded.objects.len()), (0, 0));
}
