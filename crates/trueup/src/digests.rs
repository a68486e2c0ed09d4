//! Digests in tables.

/// Cuts every hexadecimal digest in a text to its first eight digits, as the
/// flux CLI does.
pub fn shorten(text: &str) -> String {
    const KEPT: usize = 8;
    let mut short = String::new();
    let mut rest = text;
    while let Some(start) = rest
        .find("sha1:")
        .map(|at| at + 5)
        .or_else(|| rest.find("sha256:").map(|at| at + 7))
    {
        let digits = rest[start..]
            .bytes()
            .take_while(u8::is_ascii_hexdigit)
            .count();
        short.push_str(&rest[..start + digits.min(KEPT)]);
        rest = &rest[start + digits..];
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_cut_to_eight_digits_wherever_they_stand() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            shorten(&format!("main@sha1:{digest}")),
            "main@sha1:01234567"
        );
        assert_eq!(
            shorten(&format!(
                "Applied revision: main@sha1:{digest}, then sha1:{digest}!"
            )),
            "Applied revision: main@sha1:01234567, then sha1:01234567!"
        );
        assert_eq!(shorten("no digest"), "no digest");
    }
}
