use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{EntryType, Header};

use crate::{
    ArchiveError, ArchiveLimits, Digest, Entry, FileTree, MemoryTree, TreePath, read_archive,
    write_archive,
};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn archive_of(tree: &MemoryTree) -> Vec<u8> {
    let mut archive = Vec::new();
    let summary = write_archive(tree, &mut archive).unwrap();
    assert_eq!(summary.digest, Digest::of(&archive));
    assert_eq!(summary.size_bytes, archive.len() as u64);
    archive
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// An archive with names and kinds that a well-meaning writer would refuse.
fn hostile(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn refused(archive: &[u8]) -> String {
    let limits = ArchiveLimits {
        max_entries: 3,
        max_file_bytes: 10_000,
        max_total_bytes: 100_000,
        max_ratio: 200,
        ..ArchiveLimits::foreign()
    };
    read_archive(archive, &limits).unwrap_err().to_string()
}

fn sample() -> MemoryTree {
    let mut tree = MemoryTree::from_files([
        ("apps/web/deployment.yaml", "kind: Deployment\n"),
        ("apps.yaml", "kind: List\n"),
        ("apps/a", ""),
    ])
    .unwrap();
    tree.add_executable(&path("run.sh"), "#!/bin/sh\n".into())
        .unwrap();
    tree.add_symlink(&path("apps/link"), "../run.sh").unwrap();
    tree
}

#[test]
fn the_archive_of_a_tree_has_fluxs_shape() {
    let archive = archive_of(&sample());
    let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    let listed: Vec<(String, u32, u64)> = unpacked
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!(header.uid().unwrap(), 0);
            assert_eq!(header.gid().unwrap(), 0);
            assert_eq!(header.mtime().unwrap(), 0);
            assert_eq!(header.username().unwrap(), Some(""));
            let name = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
            (name, header.mode().unwrap(), header.size().unwrap())
        })
        .collect();
    let expected = [
        (".", 0o750, 0),
        ("apps", 0o750, 0),
        ("apps/a", 0o600, 0),
        ("apps/web", 0o750, 0),
        ("apps/web/deployment.yaml", 0o600, 17),
        ("apps.yaml", 0o600, 11),
        ("run.sh", 0o700, 10),
    ];
    let expected: Vec<_> = expected
        .map(|(name, mode, size)| (name.to_owned(), mode, size))
        .into();
    assert_eq!(listed, expected);
}

fn tar_digest(archive: &[u8]) -> String {
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(archive), &mut tar).unwrap();
    Digest::of(&tar).to_string()
}

/// A changed digest makes every consumer fetch and apply once more: let no
/// dependency change it unnoticed. The unpacked digests are those of Go's
/// `archive/tar` over the same files.
#[test]
fn the_archive_of_a_tree_is_the_same_everywhere() {
    let archive = archive_of(&sample());
    assert_eq!(
        tar_digest(&archive),
        "sha256:ed13fc339e09f7d38650901ecd9af297f70de7e4d2ada3d1049b0c4d0afc32d3"
    );
    assert_eq!(
        Digest::of(&archive).to_string(),
        "sha256:d3d2078316e137b4f79a95e465be98865906ba43fd57df05300c571609f57754"
    );

    let mut tree = sample();
    for name in [
        format!("{}/{}", "d".repeat(120), "f".repeat(200)),
        format!("{}/{}", "e".repeat(60), "g".repeat(60)),
        "ä/ö".to_owned(),
    ] {
        tree.add_file(&path(&name), "content".into()).unwrap();
    }
    assert_eq!(
        tar_digest(&archive_of(&tree)),
        "sha256:baeb001730f9ea5fc7cd46aafe18934cf84e057bc92ba751353940a6662a7943"
    );
}

#[test]
fn long_and_foreign_names_come_back_whole() {
    let names = [
        "ä/ö/ü.yaml".to_owned(),
        format!("{}/{}", "d".repeat(120), "f".repeat(200)),
        format!("deep/{}", "x/".repeat(60) + "end"),
        "with space/and \"quotes\"".to_owned(),
    ];
    let tree = MemoryTree::from_files(names.iter().map(|name| (name, "content"))).unwrap();
    let back = read_archive(&archive_of(&tree), &ArchiveLimits::default()).unwrap();
    for name in &names {
        assert_eq!(back.read(&path(name)).unwrap(), "content", "{name}");
    }
    assert_eq!(
        back.entry(&TreePath::root()).unwrap(),
        tree.entry(&TreePath::root()).unwrap()
    );
}

#[test]
fn hostile_archives_are_refused() {
    let file = EntryType::Regular;
    for (archive, expected) in [
        (hostile(&[("../x", file, b"")]), "leads out"),
        (hostile(&[("a/../../x", file, b"")]), "leads out"),
        (hostile(&[("a/../x", file, b"")]), "leads out"),
        (hostile(&[("/etc/x", file, b"")]), "absolute"),
        (
            hostile(&[("x", EntryType::Symlink, b"")]),
            "leads out of it",
        ),
        (
            hostile(&[("x", EntryType::Symlink, b""), ("x/y", file, b"")]),
            "leads out of it",
        ),
        (hostile(&[("x", EntryType::Link, b"")]), "hard link"),
        (hostile(&[("x", EntryType::Char, b"")]), "special file"),
        (hostile(&[("x", EntryType::Fifo, b"")]), "special file"),
        (hostile(&[("x", file, b""), ("./x", file, b"")]), "twice"),
        (
            hostile(&[("x", file, b""), ("x/y", file, b"")]),
            "below a file",
        ),
        (
            hostile(&[("x", file, b""), ("x", EntryType::Directory, b"")]),
            "twice",
        ),
        (hostile(&[(".", file, b"")]), "twice"),
        (
            hostile(&[
                ("a", file, b""),
                ("b", file, b""),
                ("c", file, b""),
                ("d", file, b""),
            ]),
            "3 entries",
        ),
        (
            hostile(&[("big", file, &[7; 10_001])]),
            "10000 bytes in the file \"big\"",
        ),
        (b"not gzip".to_vec(), "cannot be read"),
        (Vec::new(), "cannot be read"),
        (gzip(&[b'x'; 600]), "cannot be read"),
    ] {
        let message = refused(&archive);
        assert!(message.contains(expected), "{message} / {expected}");
    }
}

/// Keys and values of an extended header.
type Records<'a> = &'a [(&'a str, &'a [u8])];

/// Name, target of a link, extended header and content of an entry.
type Extended<'a> = (&'a str, Option<&'a str>, Records<'a>, &'a [u8]);

/// An archive of links and files, with an extended header before each entry
/// that has one.
fn extended(entries: &[Extended<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, target, records, content) in entries {
        builder
            .append_pax_extensions(records.iter().copied())
            .unwrap();
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if let Some(target) = target {
            header.set_entry_type(EntryType::Symlink);
            header.set_link_name(target).unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

#[test]
fn links_inside_are_left_out_and_nothing_is_written_through_them() {
    let inside = extended(&[
        ("apps/real", None, &[], b"text"),
        ("apps/link", Some("../apps/real"), &[], b""),
        ("up", Some("./apps/.."), &[], b""),
    ]);
    let tree = read_archive(&inside, &ArchiveLimits::foreign()).unwrap();
    assert_eq!(tree.read(&path("apps/real")).unwrap(), "text");
    assert_eq!(tree.entry(&path("apps/link")).unwrap(), None);
    assert_eq!(tree.entry(&path("up")).unwrap(), None);
    assert_eq!(tree.content_bytes(), 4);
    for (target, below, words) in [
        ("real", "link/x", "below a file"),
        ("real", "link", "twice"),
        ("..", "link/x", "leads out of it"),
        ("/tmp", "link/x", "leads out of it"),
        ("a/../../b", "other", "leads out of it"),
    ] {
        let archive = extended(&[("link", Some(target), &[], b""), (below, None, &[], b"x")]);
        let message = refused(&archive);
        assert!(message.contains(words), "{target} {below}: {message}");
    }
}

#[test]
fn extended_headers_that_lie_deceive_nobody() {
    let huge = u64::MAX.to_string();
    let cases: [(Records<'_>, &str); 5] = [
        (&[("size", b"20000")], "10000 bytes in the file"),
        (&[("size", b"9000")], "cannot be read"),
        (&[("size", huge.as_bytes())], ""),
        (&[("path", b"../outside")], "leads out"),
        (&[("path", b"/etc/passwd")], "absolute"),
    ];
    for (records, words) in cases {
        let message = refused(&extended(&[("x", None, records, b"content")]));
        assert!(message.contains(words), "{records:?}: {message}");
    }
    let link = extended(&[("x", Some("y"), &[("linkpath", b"/etc/passwd")], b"")]);
    assert!(refused(&link).contains("leads out of it"));
}

#[test]
fn names_and_depths_over_the_limit_are_refused() {
    let long_name = "n".repeat(256);
    let long_path = "p/".repeat(2048) + "x";
    let deep = "d/".repeat(130) + "x";
    for (name, words) in [
        (&long_name, "255 bytes in a name"),
        (&long_path, "4096 bytes in a path"),
        (&deep, "128 folders above a file"),
    ] {
        let record: [(&str, &[u8]); 1] = [("path", name.as_bytes())];
        let message = refused(&extended(&[("x", None, &record, b"")]));
        assert!(message.contains(words), "{message}");
    }
    let just = "d/".repeat(128) + "x";
    let record: [(&str, &[u8]); 1] = [("path", just.as_bytes())];
    let archive = extended(&[("x", None, &record, b"")]);
    let tree = read_archive(&archive, &ArchiveLimits::foreign()).unwrap();
    crate::walk::<crate::TreeError>(&tree, &TreePath::root(), &mut |_, _| Ok(())).unwrap();
}

#[test]
fn an_archive_of_too_many_entries_is_stopped_at_the_limit() {
    let limits = ArchiveLimits {
        max_entries: 5_000,
        max_ratio: u64::MAX,
        ..ArchiveLimits::foreign()
    };
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Directory);
    header.set_path("d").unwrap();
    header.set_size(0);
    header.set_cksum();
    let count = usize::try_from(limits.max_entries).unwrap() + 1;
    let tar: Vec<u8> = header.as_bytes().repeat(count);
    let error = read_archive(&gzip(&tar), &limits).unwrap_err();
    assert!(error.to_string().contains("5000 entries"), "{error}");
}

#[test]
fn a_cut_or_changed_archive_is_refused() {
    let archive = archive_of(&sample());
    let limits = ArchiveLimits::default();
    for length in 0..archive.len() {
        assert!(
            read_archive(&archive[..length], &limits).is_err(),
            "{length}"
        );
    }
    let mut changed = archive.clone();
    let checksum = archive.len() - 6;
    changed[checksum] ^= 1;
    assert!(read_archive(&changed, &limits).is_err());
}

#[test]
fn bombs_are_stopped() {
    let zeros = vec![0; 3 << 20];
    let bomb = hostile(&[("zeros", EntryType::Regular, &zeros)]);
    let by_ratio = read_archive(&bomb, &ArchiveLimits::default()).unwrap_err();
    assert!(
        matches!(by_ratio, ArchiveError::OverLimit { .. }),
        "{by_ratio}"
    );
    let by_total = ArchiveLimits {
        max_total_bytes: 1 << 20,
        max_ratio: u64::MAX,
        ..ArchiveLimits::default()
    };
    let by_total = read_archive(&bomb, &by_total).unwrap_err();
    assert!(by_total.to_string().contains("1048576"), "{by_total}");
    let generous = ArchiveLimits {
        max_ratio: u64::MAX,
        ..ArchiveLimits::default()
    };
    assert!(read_archive(&bomb, &generous).is_ok());
    // The tail after the end of the archive counts as well.
    let mut tar = vec![0; 1024];
    tar.resize(3 << 20, 0);
    assert!(read_archive(&gzip(&tar), &ArchiveLimits::default()).is_err());
}

fn any_tree() -> impl Strategy<Value = MemoryTree> {
    let name = "[a-c.äX-]{1,3}".prop_filter("plain", |name| name != "." && name != "..");
    let file = (
        proptest::collection::vec(name, 1..4),
        proptest::collection::vec(any::<u8>(), 0..700),
        any::<bool>(),
    );
    proptest::collection::vec(file, 0..12).prop_map(|files| {
        let mut tree = MemoryTree::new();
        for (segments, content, executable) in files {
            let path = path(&segments.join("/"));
            // What doesn't fit into the tree so far is left out.
            let _ = match executable {
                true => tree.add_executable(&path, content.into()),
                false => tree.add_file(&path, content.into()),
            };
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_tree_comes_back_from_its_archive(tree in any_tree()) {
        let archive = archive_of(&tree);
        let back = read_archive(&archive, &ArchiveLimits::default()).unwrap();
        prop_assert_eq!(
            back.entry(&TreePath::root()).unwrap(),
            tree.entry(&TreePath::root()).unwrap()
        );
        prop_assert_eq!(archive_of(&back), archive);
    }

    #[test]
    fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read_archive(&bytes, &ArchiveLimits::default());
        let _ = read_archive(&gzip(&bytes), &ArchiveLimits::default());
    }
}

#[test]
fn links_are_not_in_the_archive() {
    let back = read_archive(&archive_of(&sample()), &ArchiveLimits::default()).unwrap();
    assert_eq!(back.entry(&path("apps/link")).unwrap(), None);
    assert!(matches!(
        back.entry(&path("run.sh")).unwrap(),
        Some(Entry::File {
            executable: true,
            ..
        })
    ));
}

#[test]
fn folders_that_an_entry_implies_are_entries_and_what_is_said_of_all_is_none() {
    let deep = hostile(&[("a/b/c/file", EntryType::Regular, b"")]);
    assert_eq!(refused(&deep), "the archive exceeds the limit of 3 entries");
    let said = b"17 comment=hello\n";
    let archive = hostile(&[
        ("pax_global_header", EntryType::XGlobalHeader, said),
        ("a/file", EntryType::Regular, b"x"),
    ]);
    let tree = read_archive(&archive, &ArchiveLimits::foreign()).unwrap();
    assert!(tree.entry(&path("a/file")).unwrap().is_some());
    assert!(tree.entry(&path("pax_global_header")).unwrap().is_none());
    assert!(tree.held_bytes() > tree.content_bytes());
}
