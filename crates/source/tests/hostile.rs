//! Repositories, references and servers made to do harm.

use super::fixture::{Client, Repository, Rules, Server, main_of, path, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trueup_artifact::Entry;
use trueup_source::{
    FetchErrorKind, FetchOutcome, GitLimits, GitReference, GitRequest, WebFetch, WebFetcher,
};

async fn error_of(client: &Client, request: &GitRequest) -> (FetchErrorKind, String) {
    let error = client.try_fetch(request).await.unwrap_err();
    (error.kind.clone(), error.to_string())
}

/// Twenty bytes of an id.
fn raw_id(id: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap();
    (0..20).map(digits).collect()
}

/// Puts a commit on `main` whose root holds entries (mode, name, id) as they
/// are, which `git` itself would not add.
fn commit_raw(repository: &Repository, entries: &[(&str, &[u8], &str)]) {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.1);
    let mut tree = Vec::new();
    for (mode, name, id) in entries {
        tree.extend_from_slice(mode.as_bytes());
        tree.push(b' ');
        tree.extend_from_slice(name);
        tree.push(0);
        tree.extend_from_slice(&raw_id(id));
    }
    std::fs::write(repository.path().join("raw"), tree).unwrap();
    let tree = repository.git(&["hash-object", "-t", "tree", "-w", "--literally", "raw"]);
    let commit = repository.git(&["commit-tree", &tree, "-m", "hostile"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
}

fn blob(repository: &Repository, content: &str) -> String {
    repository.git_with(&["hash-object", "-w", "--stdin"], content)
}

#[tokio::test]
async fn a_commit_that_would_write_into_gits_own_folder_is_refused_in_every_disguise() {
    let repository = Repository::new();
    let file = blob(&repository, "[core]\nfsmonitor = touch /tmp/owned\n");
    let server = Server::start(&repository, Rules::default()).await;
    for name in [
        ".git",
        ".GIT",
        "git~1",
        ".g\u{200c}it",
        ".git ",
        ".git\\config",
        "..",
        ".",
    ] {
        commit_raw(&repository, &[("100644", name.as_bytes(), &file)]);
        let (kind, message) = error_of(&Client::new(), &main_of(&server)).await;
        assert_eq!(kind, FetchErrorKind::Protocol, "{name:?}: {message}");
        let words = format!("forbidden name {name:?}");
        assert!(message.contains(&words), "{message}");
    }
}

#[tokio::test]
async fn odd_names_are_names_like_others_and_lead_nowhere() {
    let repository = Repository::new();
    let (upper, lower) = (blob(&repository, "upper"), blob(&repository, "lower"));
    let long = "x".repeat(4096);
    let latin = b"caf\xe9";
    commit_raw(
        &repository,
        &[
            ("100644", b"README", &upper),
            ("100644", b"readmE", &upper),
            ("100644", b"readme", &lower),
            ("100644", b"..\\..\\etc", &lower),
            ("100644", b"-oProxyCommand=sh", &lower),
            ("100644", b"two\nlines", &lower),
            ("100644", long.as_bytes(), &lower),
            ("100644", latin, &lower),
        ],
    );
    let server = Server::start(&repository, Rules::default()).await;
    let fetched = Client::new().fetch(&main_of(&server)).await;
    for name in ["README", "readmE"] {
        assert_eq!(read(&fetched, name), "upper", "{name}");
    }
    for name in [
        "readme",
        "..\\..\\etc",
        "-oProxyCommand=sh",
        "two\nlines",
        &long,
        "caf\u{fffd}",
    ] {
        assert_eq!(read(&fetched, name), "lower", "{name:?}");
    }
    assert_eq!(fetched.tree.list(&path("")).unwrap().len(), 8);
}

#[tokio::test]
async fn submodules_are_empty_folders_whatever_their_urls_would_run() {
    let repository = Repository::new();
    let proof = repository.path().join("proof");
    let urls = [
        format!("ext::sh -c \"touch {}\"", proof.display()),
        format!("--upload-pack=touch {}", proof.display()),
        "file:///etc".to_owned(),
        "-oProxyCommand=sh".to_owned(),
    ];
    let sections = urls.iter().enumerate().map(|(at, url)| {
        format!("[submodule \"s{at}\"]\n\tpath = s{at}\n\turl = {url}\n\tupdate = !touch x\n")
    });
    let modules = blob(&repository, &sections.collect::<String>());
    let elsewhere = "1".repeat(40);
    let mut entries = vec![("100644", b".gitmodules".as_slice(), modules.as_str())];
    for name in [b"s0".as_slice(), b"s1", b"s2", b"s3"] {
        entries.push(("160000", name, &elsewhere));
    }
    commit_raw(&repository, &entries);
    let server = Server::start(&repository, Rules::default()).await;
    let fetched = Client::new().fetch(&main_of(&server)).await;
    for name in ["s0", "s1", "s2", "s3"] {
        let entry = fetched.tree.entry(&path(name)).unwrap();
        assert!(matches!(entry, Some(Entry::Directory { .. })), "{name}");
        assert_eq!(fetched.tree.list(&path(name)).unwrap(), []);
    }
    assert!(!proof.exists());
}

#[tokio::test]
async fn addresses_that_would_run_something_elsewhere_are_refused() {
    let client = Client::new();
    for url in [
        "--upload-pack=touch /tmp/owned",
        "-oProxyCommand=touch /tmp/owned",
        "ext::sh -c touch% /tmp/owned",
        "file:///etc",
        "git://example.com/x",
        "gopher://example.com/x",
        "unix:/var/run/docker.sock",
        "/etc",
        "https://",
        "",
    ] {
        let (kind, message) = error_of(&client, &GitRequest::new(url)).await;
        let field = "spec.url";
        assert_eq!(kind, FetchErrorKind::Invalid { field }, "{url}: {message}");
    }
}

#[tokio::test]
async fn references_that_climb_or_look_like_options_are_only_names_that_nobody_has() {
    let repository = Repository::new();
    repository.write("x", "1");
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let named = |name: &str| GitReference {
        name: Some(name.into()),
        ..GitReference::default()
    };
    let tag = |name: &str| GitReference {
        tag: Some(name.into()),
        ..GitReference::default()
    };
    for reference in [
        named("refs/heads/../../config"),
        named("../../HEAD"),
        named("--upload-pack=touch"),
        named("-"),
        GitReference::branch("--output=/tmp/owned"),
        GitReference::branch("main;id"),
        GitReference::branch("$(id)"),
        GitReference::branch("main main"),
        tag("../heads/main"),
        tag("-d"),
        GitReference::typed("../../config"),
    ] {
        let request = GitRequest {
            reference: reference.clone(),
            ..main_of(&server)
        };
        let (kind, message) = error_of(&client, &request).await;
        let is_unknown = matches!(kind, FetchErrorKind::UnknownReference { .. });
        assert!(is_unknown, "{reference:?}: {message}");
    }
    for reference in [
        GitReference::branch("main\n0000"),
        named("refs/heads/main\0"),
        tag("\u{1b}[2J"),
    ] {
        let request = GitRequest {
            reference,
            ..main_of(&server)
        };
        let (kind, message) = error_of(&client, &request).await;
        let field = "spec.ref";
        assert_eq!(kind, FetchErrorKind::Invalid { field }, "{message}");
    }
    for commit in ["--all", "HEAD~1", "1234", &"g".repeat(40), &"1".repeat(64)] {
        let reference = GitReference {
            commit: Some((*commit).to_owned()),
            ..GitReference::default()
        };
        let request = GitRequest {
            reference,
            ..main_of(&server)
        };
        let (kind, message) = error_of(&client, &request).await;
        let field = "spec.ref.commit";
        assert_eq!(kind, FetchErrorKind::Invalid { field }, "{message}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_the_identity_of_the_machine() {
    let metadata = "http://169.254.169.254/latest/meta-data";
    let client = Client::new();
    for url in [
        metadata,
        "http://2852039166/x",
        "http://[::ffff:169.254.169.254]/x",
        "http://[fe80::1]/x",
    ] {
        let (kind, message) = error_of(&client, &GitRequest::new(url)).await;
        assert_eq!(kind, FetchErrorKind::Unreachable);
        assert!(message.contains("link-local"), "{message}");
        let error = WebFetcher::new().unwrap().fetch(url).await.unwrap_err();
        assert!(error.to_string().contains("link-local"), "{error}");
    }
    let redirecting = serve(|_| {
        let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n";
        format!("{head}Location: http://169.254.169.254/x/info/refs\r\n\r\n").into()
    })
    .await;
    let (_, message) = error_of(&client, &GitRequest::new(&redirecting)).await;
    assert!(message.contains("link-local"), "{message}");
    let fetcher = WebFetcher::new().unwrap();
    let error = fetcher.fetch(&redirecting).await.unwrap_err();
    assert!(error.to_string().contains("link-local"), "{error}");
}

/// Names are looked up by what leaves such addresses out, which says so in
/// words of its own.
#[tokio::test]
async fn names_are_looked_up_where_link_local_addresses_are_left_out() {
    // Longer than a name may be: no server of names is asked.
    let url = format!("http://{}/fleet", "x".repeat(64));
    let (kind, message) = error_of(&Client::new(), &GitRequest::new(&url)).await;
    assert_eq!(kind, FetchErrorKind::Unreachable);
    assert!(message.contains("x\" is not looked up"), "{message}");
    let error = WebFetcher::new().unwrap().fetch(&url).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("x\" is not looked up"), "{message}");
}

/// A server that says what it is told, to whomever; its address.
async fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = vec![0; 65_536];
            let length = connection.read(&mut head).await.unwrap_or_default();
            let line = String::from_utf8_lossy(&head[..length]);
            let line = line.lines().next().unwrap_or_default().to_owned();
            let _closed = connection.write_all(&answer(&line)).await;
            let _closed = connection.shutdown().await;
        }
    });
    format!("http://{address}/fleet")
}

fn packet(data: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", data.len() + 4).into_bytes();
    packet.extend_from_slice(data);
    packet
}

fn answered(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A server whose `main` is a commit that it answers with these bytes.
async fn serve_pack(pack: Vec<u8>) -> String {
    let capabilities = "side-band-64k ofs-delta thin-pack shallow";
    let reference = format!("{} refs/heads/main\0{capabilities}\n", "a".repeat(40));
    let mut references = packet(b"# service=git-upload-pack\n");
    references.extend_from_slice(b"0000");
    references.extend(packet(reference.as_bytes()));
    references.extend_from_slice(b"0000");
    let mut result = packet(b"NAK\n");
    for part in pack.chunks(60_000) {
        result.extend(packet(&[&[1], part].concat()));
    }
    result.extend_from_slice(b"0000");
    serve(move |line| match line.starts_with("GET") {
        true => answered("advertisement", &references),
        false => answered("result", &result),
    })
    .await
}

/// A pack of objects that claims to hold so many, with its true checksum.
fn pack(count: u32, objects: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = b"PACK".to_vec();
    pack.extend(2_u32.to_be_bytes());
    pack.extend(count.to_be_bytes());
    objects.iter().for_each(|object| pack.extend(object));
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(&pack);
    let checksum = hasher.try_finalize().unwrap();
    pack.extend_from_slice(checksum.as_bytes());
    pack
}

/// Type and length as a pack writes them.
fn header(kind: u8, mut size: u64) -> Vec<u8> {
    let mut bytes = vec![(kind << 4) | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((size & 0x7f) as u8);
        size >>= 7;
    }
    bytes
}

/// Data as zlib stores them uncompressed.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let mut bytes = vec![0x78, 0x01, 0x01];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend_from_slice(data);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    bytes.extend(((b << 16) | a).to_be_bytes());
    bytes
}

/// A number as deltas write it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return bytes;
        }
    }
}

#[tokio::test]
async fn packs_made_to_do_harm_are_refused_and_leave_nothing_behind() {
    const BLOB: u8 = 3;
    const OFFSET_DELTA: u8 = 6;
    const REFERENCE_DELTA: u8 = 7;
    let object = |kind, size, rest: &[u8]| [header(kind, size), rest.to_vec()].concat();
    let delta = [varint(4), varint(1 << 40), vec![0x80 | 0x10, 4]].concat();
    let base = object(BLOB, 4, &stored(b"base"));
    let back = u8::try_from(base.len()).unwrap();
    let huge = [vec![back], stored(&delta)].concat();
    let nested = [vec![0x7f], stored(&delta)].concat();
    let itself = [vec![0], stored(&delta)].concat();
    let absent = [vec![0xaa; 20], stored(&delta)].concat();
    let length = delta.len() as u64;
    for (what, pack) in [
        ("no pack", b"HACK and more".to_vec()),
        (
            "four billion objects that aren't there",
            pack(u32::MAX, &[]),
        ),
        (
            "an object of an exabyte",
            pack(1, &[object(BLOB, 1 << 60, &stored(b"x"))]),
        ),
        (
            "a length that lies",
            pack(1, &[object(BLOB, 2, &stored(b"more than two"))]),
        ),
        (
            "a delta of itself",
            pack(1, &[object(OFFSET_DELTA, length, &itself)]),
        ),
        (
            "a delta of what is before the pack",
            pack(1, &[object(OFFSET_DELTA, length, &nested)]),
        ),
        (
            "a delta of what is nowhere",
            pack(1, &[object(REFERENCE_DELTA, length, &absent)]),
        ),
        (
            "a delta to a terabyte",
            pack(2, &[base, object(OFFSET_DELTA, length, &huge)]),
        ),
        ("no such type", pack(1, &[object(5, 1, &stored(b"x"))])),
        (
            "not what was asked for",
            pack(1, &[object(BLOB, 1, &stored(b"x"))]),
        ),
    ] {
        let client = Client::new();
        let request = GitRequest {
            reference: GitReference::branch("main"),
            ..GitRequest::new(&serve_pack(pack).await)
        };
        let (kind, message) = error_of(&client, &request).await;
        let is_named = matches!(kind, FetchErrorKind::Protocol | FetchErrorKind::Limit);
        assert!(is_named, "{what}: {kind:?} {message}");
        assert!(!message.contains("panicked"), "{what}: {message}");
        let repository = Repository::new();
        repository.write("x", "1");
        repository.commit("one");
        let honest = Server::start(&repository, Rules::default()).await;
        let fetched = client.try_fetch(&main_of(&honest)).await.unwrap();
        assert!(matches!(fetched, FetchOutcome::Fetched(_)), "{what}");
    }
}

#[tokio::test]
async fn an_object_is_not_unpacked_beyond_what_a_pack_may_be() {
    const BLOB: u8 = 3;
    let zeros = vec![0; 1 << 20];
    let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut deflater, &zeros).unwrap();
    let bomb = [header(BLOB, 1 << 20), deflater.finish().unwrap()].concat();
    assert!(bomb.len() < 5_000);
    let request = GitRequest {
        reference: GitReference::branch("main"),
        limits: GitLimits {
            max_pack_bytes: 10_000,
            ..GitLimits::default()
        },
        ..GitRequest::new(&serve_pack(pack(1, &[bomb])).await)
    };
    let (_, message) = error_of(&Client::new(), &request).await;
    assert!(message.contains("the pack cannot be read"), "{message}");
}

#[tokio::test]
async fn a_server_that_never_stops_talking_is_stopped() {
    let flood = serve(|_| {
        let mut body = packet(b"# service=git-upload-pack\n");
        body.extend_from_slice(b"0000");
        for number in 0..2_000 {
            let line = format!("{} refs/heads/b{number}\n", "a".repeat(40));
            body.extend(packet(line.as_bytes()));
        }
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\
            Content-Type: application/x-git-upload-pack-advertisement\r\n\r\n";
        [head.as_bytes(), &body].concat()
    })
    .await;
    let request = GitRequest {
        limits: GitLimits {
            max_references_bytes: 10_000,
            ..GitLimits::default()
        },
        ..GitRequest::new(&flood)
    };
    let (kind, message) = error_of(&Client::new(), &request).await;
    assert_eq!(kind, FetchErrorKind::Limit, "{message}");
    assert!(message.contains("10000 bytes"), "{message}");
}

#[tokio::test]
async fn a_server_that_speaks_ever_so_slowly_holds_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fleet", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = "HTTP/1.1 200 OK\r\n\
                    Content-Type: application/x-git-upload-pack-advertisement\r\n\r\nfff0";
                let mut request = [0; 65_536];
                let _asked = connection.read(&mut request).await;
                let mut sent = connection.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    sent = connection.write_all(b"x").await;
                }
            });
        }
    });
    let request = GitRequest {
        timeout_ms: 300,
        ..GitRequest::new(&url)
    };
    let (kind, message) = error_of(&Client::new(), &request).await;
    assert_eq!(kind, FetchErrorKind::Timeout, "{message}");
    let fetcher = WebFetcher::new().unwrap().with_limits(1 << 20, 300);
    let error = fetcher.fetch(&url).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Timeout, "{error}");
}
