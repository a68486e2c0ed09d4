//! The `Range` header, single ranges only.

/// Which bytes of a file are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it.
    Whole,
    /// From the first to the last, both included.
    Part { first: u64, last: u64 },
    /// Bytes that the file does not have.
    Outside,
}

/// Reads the header. What is no single range of bytes is passed over, as the
/// standard allows, and the whole file is sent.
pub(crate) fn asked(header: Option<&str>, size_bytes: u64) -> Asked {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", length) => number(length).map_or(Asked::Whole, |length| suffix(length, size_bytes)),
        (first, "") => {
            number(first).map_or(Asked::Whole, |first| part(first, u64::MAX, size_bytes))
        }
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => part(first, last, size_bytes),
            _ => Asked::Whole,
        },
    }
}

fn suffix(length: u64, size_bytes: u64) -> Asked {
    if length == 0 || size_bytes == 0 {
        return Asked::Outside;
    }
    Asked::Part {
        first: size_bytes.saturating_sub(length),
        last: size_bytes - 1,
    }
}

fn part(first: u64, last: u64, size_bytes: u64) -> Asked {
    if first >= size_bytes {
        return Asked::Outside;
    }
    Asked::Part {
        first,
        last: last.min(size_bytes - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |first, last| Asked::Part { first, last };
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=5-100", part(5, 9)),
            ("bytes=10-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=x-", Asked::Whole),
            ("lines=1-2", Asked::Whole),
        ] {
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!(asked(None, 10), Asked::Whole);
    }
}
