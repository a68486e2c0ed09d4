//! What a demo says first: where everything is and what to try.

use crate::terminal::{Terminal, Tone};
use std::io::Write;

/// Where everything is.
#[derive(Debug)]
pub struct Place {
    /// Path of the kubeconfig.
    pub kubeconfig: String,
    /// Address of the repository.
    pub git_url: String,
    /// Address of metrics and health.
    pub web_url: String,
    /// Address of the web application.
    pub shop_url: String,
    /// The folder that keeps it all; `None` when nothing is kept.
    pub folder: Option<String>,
    /// How long it took to get here.
    pub started_ms: u128,
}

/// Prints the welcome, 80 columns wide where paths allow it.
pub fn print<W: Write>(place: &Place, terminal: &mut Terminal<W>) {
    let kept = place
        .folder
        .as_deref()
        .unwrap_or("nothing: all is gone when this ends");
    let started = format!(
        "A cluster kept true to Git, on this machine. Started in {} ms.",
        place.started_ms
    );
    terminal.line(&[(Tone::Strong, "Trueup demo")]);
    terminal.line(&[(Tone::Plain, &started)]);
    blank(terminal);
    let web = format!("{}/metrics, /healthz, /readyz", place.web_url);
    for (name, value) in [
        ("Cluster", place.kubeconfig.as_str()),
        ("Git", &place.git_url),
        ("Web", &web),
        ("Shop", &place.shop_url),
        ("Keeps", kept),
    ] {
        terminal.line(&[(Tone::Faint, &format!("  {name:<9}")), (Tone::Plain, value)]);
    }
    blank(terminal);
    terminal.line(&[(Tone::Strong, "Try, in another terminal:")]);
    blank(terminal);
    for (about, commands) in tries(place) {
        terminal.line(&[(Tone::Faint, &format!("  # {about}"))]);
        for command in commands {
            terminal.line(&[(Tone::Plain, &format!("  {command}"))]);
        }
    }
    blank(terminal);
    terminal.line(&[(
        Tone::Strong,
        "What happens is told here, a line each. Ctrl-C ends the demo.",
    )]);
    blank(terminal);
}

/// What to try: what it is about, and the commands.
fn tries(place: &Place) -> [(&'static str, Vec<String>); 5] {
    let kubeconfig = format!("export KUBECONFIG={}", quoted(&place.kubeconfig));
    let clone = format!("git clone {} && cd fleet", place.git_url);
    let own = |command: &str| command.to_owned();
    [
        (
            "see the cluster (`trueup get all -A` needs no kubectl)",
            vec![
                kubeconfig,
                own("kubectl get gitrepositories,kustomizations,deployments,pods -A"),
            ],
        ),
        (
            "change something in Git",
            vec![
                clone,
                own("sed -i.bak 's/replicas: 1/replicas: 3/' dev/web.yaml"),
                own("git commit -am 'Scale web in dev' && git push"),
            ],
        ),
        (
            "change something by hand: it is undone at once",
            vec![own("kubectl -n dev scale deployment web --replicas=9")],
        ),
        (
            "a new version of the shop: first a little traffic, then all of it",
            vec![
                own("sed -i.bak 's/1\\.0\\.0/1.1.0/' shop/shop.yaml"),
                own("git commit -am 'Shop 1.1.0' && git push"),
            ],
        ),
        (
            "a bad one, half of whose answers are errors: it is taken back",
            vec![
                own("sed -i.bak 's/1\\.1\\.0/1.2.0/; s/\"0\"/\"0.5\"/' shop/shop.yaml"),
                own("git commit -am 'Shop 1.2.0' && git push"),
            ],
        ),
    ]
}

/// A path as the shell reads it back.
fn quoted(path: &str) -> String {
    let is_plain = path
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "/._-+".contains(character));
    if is_plain {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn blank<W: Write>(terminal: &mut Terminal<W>) {
    terminal.line(&[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_quoted_for_the_shell() {
        assert_eq!(quoted("/home/ann/kubeconfig"), "/home/ann/kubeconfig");
        assert_eq!(quoted("/home/ann o'x/k"), r"'/home/ann o'\''x/k'");
    }
}
