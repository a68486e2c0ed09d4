use std::sync::Arc;

use super::*;
use crate::{FilteredTree, MemoryTree};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn tree(files: &[(&str, &str)]) -> Arc<dyn FileTree> {
    let files = files
        .iter()
        .map(|(path, content)| (*path, (*content).to_owned()));
    Arc::new(MemoryTree::from_files(files).unwrap())
}

fn seen(tree: &dyn FileTree) -> Vec<String> {
    let mut seen = Vec::new();
    walk::<TreeError>(tree, &TreePath::root(), &mut |path, entry| {
        let slash = matches!(entry, Entry::Directory { .. });
        seen.push(format!("{path}{}", if slash { "/" } else { "" }));
        Ok(())
    })
    .unwrap();
    seen
}

#[test]
fn patterns_decide_as_in_flux() {
    // Pattern, path (a folder with `/` at its end), left out.
    for (pattern, subject, expected) in [
        ("*.txt", "a.txt", true),
        ("*.txt", "deep/er/a.txt", true),
        ("*.txt", "a.yaml", false),
        ("build", "build/", true),
        ("build", "x/build/y", true),
        ("build/", "build", false),
        ("build/", "build/", true),
        ("build/", "build/x", true),
        ("/build", "build/x", true),
        ("/build", "x/build", false),
        ("/*", "anything/", true),
        ("a/b", "a/b", true),
        ("a/b", "a/b/c", true),
        ("a/b", "x/a/b", false),
        ("a/*.yaml", "a/x.yaml", true),
        ("a/*.yaml", "a/b/x.yaml", false),
        ("**/x", "x", true),
        ("**/x", "a/b/x", true),
        ("**/x", "a/b/x/y", true),
        ("a/**/x", "a/x", true),
        ("a/**/x", "a/b/c/x", true),
        ("a/**/x", "b/x", false),
        ("a/**", "a/b", true),
        ("a/**", "a/b/c", true),
        ("a/**/", "a/b/", true),
        ("a**/x", "ab/x", false),
        ("a/", "a/b", true),
        ("[", "[", false),
        ("\\#x", "#x", true),
        ("#x", "#x", false),
        ("trailing   ", "trailing", true),
        ("x\r", "x", true),
    ] {
        let rules = IgnoreRules::from_text(Some(pattern));
        let actual = match subject.strip_suffix('/') {
            Some(folder) => rules.excludes_directory(&path(folder)),
            None => rules.excludes_file(&path(subject)),
        };
        assert_eq!(actual, expected, "{pattern:?} on {subject:?}");
    }
}

/// Random patterns and paths with the answers of go-git's matcher, which is
/// Flux's: 0 no match, 1 left out, 2 taken back in.
#[test]
fn patterns_match_as_go_git_recorded() {
    for line in include_str!("ignore_cases.tsv").lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap();
        let (pattern, subject, expected) = (field(), field(), field());
        let (subject, kind) = match subject.strip_suffix('/') {
            Some(folder) => (path(folder), SubjectKind::Directory),
            None => (path(subject), SubjectKind::Other),
        };
        let pattern = Pattern::parse(pattern, &TreePath::root());
        let matches = pattern.matches(&Subject::new(&subject, kind));
        let actual = match (matches, pattern.sense) {
            (false, _) => "0",
            (true, Sense::Exclude) => "1",
            (true, Sense::Include) => "2",
        };
        assert_eq!(actual, expected, "{line}");
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    let rules = IgnoreRules::from_text(Some("*.yaml\n!keep.yaml\n/private/keep.yaml"));
    assert!(rules.excludes_file(&path("x.yaml")));
    assert!(!rules.excludes_file(&path("a/keep.yaml")));
    assert!(rules.excludes_file(&path("private/keep.yaml")));
}

#[test]
fn pictures_and_ci_files_go_only_as_long_as_nobody_gave_a_pattern() {
    let files = [
        ("a.png", ""),
        (".github/x.yml", ""),
        (".gitignore", ""),
        ("deep/.sops.yaml", ""),
        ("keep.yaml", ""),
        ("x.txt", ""),
    ];
    let unasked = FilteredTree::load(tree(&files), None).unwrap();
    assert_eq!(seen(&unasked), ["deep/", "keep.yaml", "x.txt"]);
    let blank = FilteredTree::load(tree(&files), Some("\n# nothing\n  \n")).unwrap();
    assert_eq!(seen(&blank), ["deep/", "keep.yaml", "x.txt"]);
    let asked = FilteredTree::load(tree(&files), Some("*.txt")).unwrap();
    assert_eq!(
        seen(&asked),
        [
            ".github/",
            ".github/x.yml",
            "a.png",
            "deep/",
            "deep/.sops.yaml",
            "keep.yaml"
        ]
    );
}

#[test]
fn an_ignore_file_holds_for_its_own_folder_and_the_objects_field_comes_last() {
    let files = [
        (".sourceignore", "*.md\n/only-root\n"),
        ("README.md", ""),
        ("only-root", ""),
        ("a/only-root", ""),
        ("a/.sourceignore", "*.json\n!README.md\n"),
        ("a/README.md", ""),
        ("a/x.json", ""),
        ("a/b/y.json", ""),
        ("b/x.json", ""),
    ];
    let filtered = FilteredTree::load(tree(&files), None).unwrap();
    let expected = [
        ".sourceignore",
        "a/",
        "a/.sourceignore",
        "a/README.md",
        "a/b/",
        "a/only-root",
        "b/",
        "b/x.json",
    ];
    assert_eq!(seen(&filtered), expected);
    let overruled = FilteredTree::load(tree(&files), Some("!y.json\n.sourceignore")).unwrap();
    let overruled = seen(&overruled);
    assert!(overruled.contains(&"a/b/y.json".to_owned()));
    assert!(!overruled.contains(&"a/x.json".to_owned()));
    assert!(!overruled.contains(&".sourceignore".to_owned()));
}

#[test]
fn a_file_below_an_excluded_folder_can_be_taken_back_in() {
    let files = [
        ("apps/web/x.yaml", ""),
        ("apps/readme", ""),
        ("docs/big", ""),
        ("infra/y", ""),
    ];
    let filtered = FilteredTree::load(tree(&files), Some("/*\n!/apps/web/")).unwrap();
    assert_eq!(seen(&filtered), ["apps/", "apps/web/", "apps/web/x.yaml"]);
    assert_eq!(filtered.entry(&path("docs")).unwrap(), None);
    assert_eq!(filtered.entry(&path("docs/big")).unwrap(), None);
    for hidden in [
        filtered.list(&path("docs")).unwrap_err(),
        filtered.read(&path("docs/big")).unwrap_err(),
    ] {
        assert!(matches!(hidden, TreeError::NotFound { .. }));
    }
}

#[test]
fn ids_of_folders_stand_for_the_rules_too() {
    let files = [("a/x.txt", "1"), ("a/y", "1"), ("b/z", "1")];
    let id = |extra: &str, at: &str| {
        let filtered = FilteredTree::load(tree(&files), Some(extra)).unwrap();
        filtered.entry(&path(at)).unwrap().unwrap()
    };
    assert_eq!(id("*.txt", "a"), id("*.txt", "a"));
    assert_ne!(id("*.txt", "a"), id("*.md", "a"));
    assert_eq!(id("*.txt", "a/y"), id("*.md", "a/y"), "files are files");

    let scoped = |rule: &str| {
        let files = [("a/.sourceignore", rule), ("a/x", "1"), ("b/z", "1")];
        let filtered = FilteredTree::load(tree(&files), None).unwrap();
        ["a", "b"].map(|at| filtered.entry(&path(at)).unwrap().unwrap())
    };
    let (one, two) = (scoped("x"), scoped("y"));
    assert_ne!(one[0], two[0]);
    assert_eq!(one[1], two[1], "another folder's rules don't matter");
}

#[test]
fn a_huge_ignore_file_is_refused() {
    let size = usize::try_from(MAX_IGNORE_FILE_BYTES).unwrap() + 1;
    let error = FilteredTree::load(tree(&[(IGNORE_FILE, &"x".repeat(size))]), None).unwrap_err();
    assert!(matches!(error, TreeError::OverLimit { .. }));
}
