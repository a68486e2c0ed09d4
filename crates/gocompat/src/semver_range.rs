//! Version constraints as Go's Masterminds/semver library reads them, the one
//! behind Flux's `semver` fields and Helm's versions.

use regex::{Captures, Regex};
use semver::{BuildMetadata, Prerelease, Version};
use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

/// How long a version may be.
pub const MAX_VERSION_BYTES: usize = 256;

/// How long a constraint may be.
pub const MAX_RANGE_BYTES: usize = 1024;

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It does not look like one.
    #[error("invalid semantic version")]
    Invalid,
    /// A number of the pre-release starts with a zero.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// It is longer than [`MAX_VERSION_BYTES`].
    #[error("version is longer than {MAX_VERSION_BYTES} bytes")]
    TooLong,
}

/// Why a text is no constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A part between `||` that is no list of comparisons.
    #[error("improper constraint: {0:?}")]
    Improper(String),
    /// A comparison with something that is no version.
    #[error("constraint parser error: {0:?}")]
    Version(String),
    /// It is longer than [`MAX_RANGE_BYTES`].
    #[error("constraint is longer than {MAX_RANGE_BYTES} bytes")]
    TooLong,
}

/// A constraint on versions, such as `>=1.2 <2 || ^3.0-0`: alternatives
/// parted by `||`, each a list of comparisons parted by spaces or commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemverRange {
    text: String,
    alternatives: Vec<Alternative>,
}

/// Comparisons that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alternative {
    comparisons: Vec<Comparison>,
    /// Whether one of them names a pre-release; only then do pre-releases
    /// match.
    names_prerelease: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The first part of a version that a constraint leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// `1.2.3`: nothing.
    Nothing,
    /// `1.2` or `1.2.x`.
    Patch,
    /// `1` or `1.x`.
    Minor,
    /// `*`.
    Everything,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: Version,
    open: Open,
}

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const VERSION: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed and compiled by a test")
}

static ALTERNATIVE: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"^(\s*({OPERATORS})\s*({VERSION})\s*)((?:\s+|,\s*)({OPERATORS})\s*({VERSION})\s*)*$"
    ))
});
static EACH: LazyLock<Regex> = LazyLock::new(|| regex(&format!("({OPERATORS})\\s*({VERSION})")));
static COMPARISON: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!("^\\s*({OPERATORS})\\s*({VERSION})\\s*$")));
static HYPHEN: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"\s*({VERSION})\s+-\s+({VERSION})\s*")));
static LOOSE_VERSION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$",
    )
});

/// Reads a version, kindly as Go's `semver.NewVersion`: a `v` in front,
/// missing minor and patch numbers and zeros before a number are allowed.
pub fn parse_version(text: &str) -> Result<Version, VersionError> {
    if text.len() > MAX_VERSION_BYTES {
        return Err(VersionError::TooLong);
    }
    let parts = LOOSE_VERSION.captures(text).ok_or(VersionError::Invalid)?;
    let number = |group: usize| -> Result<u64, VersionError> {
        parts.get(group).map_or(Ok(0), |m| {
            m.as_str().parse().map_err(|_| VersionError::Invalid)
        })
    };
    let rest = |group: usize| parts.get(group).map_or("", |m| m.as_str());
    Ok(Version {
        major: number(1)?,
        minor: number(2)?,
        patch: number(3)?,
        pre: Prerelease::new(rest(4)).map_err(|_| VersionError::LeadingZero)?,
        build: BuildMetadata::new(rest(5)).map_err(|_| VersionError::Invalid)?,
    })
}

/// The order of versions; build metadata does not count.
#[must_use]
pub fn compare_versions(left: &Version, right: &Version) -> Ordering {
    left.cmp_precedence(right)
}

impl SemverRange {
    /// Reads a constraint of at most [`MAX_RANGE_BYTES`].
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        if text.len() > MAX_RANGE_BYTES {
            return Err(RangeError::TooLong);
        }
        let rewritten = HYPHEN.replace_all(text, |parts: &Captures<'_>| {
            format!(">= {}, <= {} ", &parts[1], &parts[11])
        });
        let alternatives = rewritten
            .split("||")
            .map(parse_alternative)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            alternatives,
        })
    }

    /// Whether the version satisfies the constraint. A pre-release does only
    /// where the alternative itself names one.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            (version.pre.is_empty() || alternative.names_prerelease)
                && alternative
                    .comparisons
                    .iter()
                    .all(|comparison| comparison.holds(version))
        })
    }
}

/// The constraint as it was written.
impl fmt::Display for SemverRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn parse_alternative(text: &str) -> Result<Alternative, RangeError> {
    if !ALTERNATIVE.is_match(text) {
        return Err(RangeError::Improper(text.to_owned()));
    }
    let comparisons: Vec<Comparison> = EACH
        .find_iter(text)
        .map(|found| parse_comparison(found.as_str()))
        .collect::<Result<_, _>>()?;
    let names_prerelease = comparisons.iter().any(|c| !c.version.pre.is_empty());
    Ok(Alternative {
        comparisons,
        names_prerelease,
    })
}

fn parse_comparison(text: &str) -> Result<Comparison, RangeError> {
    let parts = COMPARISON
        .captures(text)
        .ok_or_else(|| RangeError::Improper(text.to_owned()))?;
    let part = |group: usize| parts.get(group).map_or("", |m| m.as_str());
    let (major, minor, patch, prerelease) = (part(3), part(4), part(5), part(6));
    let (written, open) = if is_open(major) {
        (format!("0.0.0{prerelease}"), Open::Everything)
    } else if is_open(minor) {
        (format!("{major}.0.0{prerelease}"), Open::Minor)
    } else if is_open(patch) {
        (format!("{major}{minor}.0{prerelease}"), Open::Patch)
    } else {
        (part(2).to_owned(), Open::Nothing)
    };
    let version = parse_version(&written).map_err(|_| RangeError::Version(text.to_owned()))?;
    Ok(Comparison {
        operator: operator(part(1)),
        version,
        open,
    })
}

fn is_open(part: &str) -> bool {
    matches!(part.trim_start_matches('.'), "" | "x" | "X" | "*")
}

fn operator(text: &str) -> Operator {
    match text {
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        "<" => Operator::Less,
        ">=" | "=>" => Operator::GreaterOrEqual,
        "<=" | "=<" => Operator::LessOrEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => Operator::Equal,
    }
}

impl Comparison {
    fn holds(&self, version: &Version) -> bool {
        let order = compare_versions(version, &self.version);
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => order.is_eq(),
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual => self.less_or_equal(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn tilde(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if compare_versions(version, wanted).is_lt() {
            return false;
        }
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if zero && matches!(self.open, Open::Nothing | Open::Everything) {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.open == Open::Minor)
    }

    fn not_equal(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let numbers = (version.major, version.minor);
        match self.open {
            Open::Minor => version.major != wanted.major,
            Open::Patch if numbers == (wanted.major, wanted.minor) => version.pre != wanted.pre,
            Open::Patch => true,
            Open::Nothing | Open::Everything => compare_versions(version, wanted).is_ne(),
        }
    }

    fn greater(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match (self.open, version.major.cmp(&wanted.major)) {
            (Open::Nothing, _) => compare_versions(version, wanted).is_gt(),
            (_, Ordering::Greater) => true,
            (_, Ordering::Less) | (Open::Minor, _) => false,
            (Open::Patch, _) => version.minor > wanted.minor,
            (Open::Everything, _) => compare_versions(version, wanted).is_gt(),
        }
    }

    fn less_or_equal(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => compare_versions(version, wanted).is_le(),
            Open::Minor => version.major <= wanted.major,
            Open::Patch | Open::Everything => {
                (version.major, version.minor) <= (wanted.major, wanted.minor)
            }
        }
    }

    fn caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if compare_versions(version, wanted).is_lt() {
            return false;
        }
        if wanted.major > 0 || self.open == Open::Minor {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return self.open == Open::Everything;
        }
        if wanted.minor > 0 || self.open == Open::Patch {
            return version.minor == wanted.minor;
        }
        if self.open == Open::Everything {
            return true;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

#[cfg(test)]
mod tests;
