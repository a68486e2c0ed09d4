//! Kubeconfigs that somebody else wrote: what is taken, what is refused, and
//! that no message quotes them.

use trueup_cluster::{
    BearerToken, ExecPlugins, KubeconfigError, KubeconfigPolicy, MAX_KUBECONFIG_BYTES,
    RemoteConfig, ServerCertificates,
};

const SECRET: &str = "hunter2";

fn file(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: main\n\
         contexts:\n- name: other\n  context: {{cluster: x, user: x}}\n\
         - name: main\n  context: {{cluster: c, user: u}}\n\
         clusters:\n- name: c\n  cluster: {{{cluster}}}\n\
         users:\n- name: u\n  user: {{{user}}}\n"
    )
}

fn read(text: &str) -> Result<RemoteConfig, KubeconfigError> {
    RemoteConfig::from_kubeconfig(text.as_bytes(), KubeconfigPolicy::default())
}

#[test]
fn the_current_context_is_taken_and_its_secrets_are_not_shown() {
    let config = read(&file(
        "server: 'https://me:pw@api.example:6443/?x=1'",
        &format!("token: {SECRET}"),
    ))
    .unwrap();
    assert_eq!(config.server(), "https://api.example:6443");
    assert_eq!(config.bearer_token().as_deref(), Some(SECRET));
    assert_eq!(
        format!("{config:?}"),
        "RemoteConfig(https://api.example:6443)"
    );
    let token = BearerToken::default();
    token.set(SECRET);
    assert_eq!(format!("{token:?}"), "BearerToken(***)");
}

#[test]
fn whatever_reads_files_or_runs_programs_is_refused_by_name() {
    let server = "server: 'https://x'";
    for (cluster, user, path) in [
        (server, "exec: {command: sh}", "users[u].user.exec"),
        (server, "tokenFile: /etc/passwd", "users[u].user.tokenFile"),
        (
            server,
            "client-certificate: /etc/passwd",
            "users[u].user.client-certificate",
        ),
        (
            server,
            "client-key: /etc/passwd",
            "users[u].user.client-key",
        ),
        (
            server,
            "auth-provider: {name: gcp, config: {cmd-path: sh}}",
            "users[u].user.auth-provider",
        ),
        (server, "as: root", "users[u].user.as"),
        (
            "server: 'https://x', certificate-authority: /etc/passwd",
            "",
            "clusters[c].cluster.certificate-authority",
        ),
        (
            "server: 'https://x', proxy-url: 'http://me:/etc/passwd@proxy'",
            "",
            "clusters[c].cluster.proxy-url",
        ),
        (
            "server: 'https://x', insecure-skip-tls-verify: true",
            "",
            "clusters[c].cluster.insecure-skip-tls-verify",
        ),
    ] {
        let error = read(&file(cluster, user)).unwrap_err();
        assert!(
            matches!(&error, KubeconfigError::Refused { path: found, .. } if found == path),
            "{error}"
        );
        assert!(!error.to_string().contains("/etc/passwd"), "{error}");
    }
}

#[test]
fn what_is_set_to_nothing_is_not_asked_for() {
    let cluster = "server: 'https://x', insecure-skip-tls-verify: false, certificate-authority: ''";
    read(&file(cluster, "exec: null, tokenFile: ''")).unwrap();
}

#[test]
fn flags_allow_what_they_name_and_nothing_else() {
    let policy = KubeconfigPolicy {
        exec: ExecPlugins::Allowed,
        tls: ServerCertificates::AsConfigured,
    };
    let read = |cluster: &str, user: &str| {
        RemoteConfig::from_kubeconfig(file(cluster, user).as_bytes(), policy)
    };
    let cluster = "server: 'https://x', insecure-skip-tls-verify: true";
    read(cluster, "exec: {command: sh}").unwrap();
    read(cluster, "tokenFile: /etc/passwd").unwrap_err();
}

#[test]
fn what_can_t_be_used_is_told_without_quoting_it() {
    let broken = format!("token: {SECRET}\n  - {{");
    let cases: [(&[u8], &str); 8] = [
        (b"\xff\xfe", "not readable"),
        (broken.as_bytes(), "not readable"),
        (b"", "current-context"),
        (b"current-context: main", "contexts"),
        (b"current-context: [1]", "current-context"),
        (
            b"current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]",
            "clusters has no entry \"c\"",
        ),
        (
            b"current-context: m\ncontexts: [{name: m, context: hunter2}]",
            "contexts[m].context",
        ),
        (
            b"current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\n\
              clusters: [{name: c, cluster: {server: 'file:///hunter2'}}]\nusers: [{name: u, user: {}}]",
            "clusters[c].cluster.server",
        ),
    ];
    for (content, words) in cases {
        let error = RemoteConfig::from_kubeconfig(content, KubeconfigPolicy::default());
        let text = error.unwrap_err().to_string();
        assert!(text.contains(words), "{words:?} in {text:?}");
        assert!(!text.contains(SECRET), "{text}");
    }
    let large = vec![b' '; MAX_KUBECONFIG_BYTES + 1];
    let error = RemoteConfig::from_kubeconfig(&large, KubeconfigPolicy::default());
    assert_eq!(error.unwrap_err(), KubeconfigError::TooLarge);
}

#[test]
fn tokens_are_sent_over_tls_only() {
    let with = |address: &str| RemoteConfig::with_token(address, None, BearerToken::default());
    assert_eq!(with("api:6443").unwrap().server(), "https://api:6443");
    assert_eq!(with("https://api/").unwrap().server(), "https://api");
    for address in ["http://api", "ftp://api", "https://", "https://a b"] {
        with(address).unwrap_err();
    }
}
