//! docs/cli.md, made from the definition of the command line and held to it.

use crate::arguments::Arguments;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Command line\n\n\
    This page is made from the program; refresh it with\n\
    `UPDATE_GENERATED=1 cargo test --release -p trueup`.\n\n\
    ## Exit codes and output\n\n\
    | code | meaning |\n|---|---|\n\
    | 0 | done; for `diff`: no differences |\n\
    | 1 | failed; for `diff`: there are differences |\n\
    | 2 | the command line means nothing; for `diff` also: it failed |\n\n\
    What was asked for goes to standard output: tables, or documents with `-o`, which\n\
    scripts can rely on. Progress (`►`, `◎`, `✔`), failures (`✗`) and what may help\n\
    (`hint:`) go to standard error. Colours and moving lines appear on terminals only;\n\
    `NO_COLOR` turns colours off. Flags that are on or off may be written `--flag=true`\n\
    and `--flag=false`. `KUBECONFIG` and `FLUX_SYSTEM_NAMESPACE` stand for `--kubeconfig`\n\
    and `--namespace`.\n\n\
    Something isn't Ready? See [troubleshooting](troubleshooting.md).\n";

#[test]
fn the_page_of_the_command_line_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/cli.md is out of date: run UPDATE_GENERATED=1 cargo test --release -p trueup"
    );
}

fn page() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut page = HEAD.to_owned();
    for command in command
        .get_subcommands()
        .filter(|command| command.get_name() != "help" && !command.is_hide_set())
    {
        section(&mut page, "trueup", command);
    }
    page
}

fn section(page: &mut String, parents: &str, command: &Command) {
    let name = format!("{parents} {}", command.get_name());
    let children: Vec<&Command> = command
        .get_subcommands()
        .filter(|child| child.get_name() != "help")
        .collect();
    writeln!(page, "\n{} `{name}`\n\n{}.", heading(&name), about(command)).unwrap();
    let aliases: Vec<String> = command
        .get_visible_aliases()
        .map(|alias| format!("`{alias}`"))
        .collect();
    if !aliases.is_empty() {
        writeln!(page, "\nAlso: {}.", aliases.join(", ")).unwrap();
    }
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !is_inherited(argument, &name))
        .collect();
    if !arguments.is_empty() {
        writeln!(
            page,
            "\n| flag or argument | meaning | default |\n|---|---|---|"
        )
        .unwrap();
        arguments.iter().for_each(|argument| row(page, argument));
    }
    children
        .iter()
        .for_each(|child| section(page, &name, child));
}

/// Global flags are told once, at the command that they belong to.
fn is_inherited(argument: &Arg, name: &str) -> bool {
    ["help", "version"].contains(&argument.get_id().as_str())
        || (argument.is_global_set() && name.split(' ').count() > 2)
}

fn heading(name: &str) -> &'static str {
    if name.split(' ').count() > 2 {
        "###"
    } else {
        "##"
    }
}

fn about(command: &Command) -> String {
    let text = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    text.trim_end_matches('.').to_owned()
}

fn row(page: &mut String, argument: &Arg) {
    let value = argument
        .get_value_names()
        .unwrap_or_default()
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let spelled = match (argument.get_long(), argument.get_short()) {
        (Some(long), short) => {
            let short = short.map(|short| format!(", -{short}")).unwrap_or_default();
            let value = if takes_value {
                format!(" {value}")
            } else {
                String::new()
            };
            format!("--{long}{short}{value}")
        }
        (None, _) => value,
    };
    let help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let default: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    let default = if takes_value {
        default.join(" ")
    } else {
        String::new()
    };
    writeln!(
        page,
        "| `{spelled}` | {} | {default} |",
        help.replace('|', "\\|").replace('\n', " ")
    )
    .unwrap();
}
