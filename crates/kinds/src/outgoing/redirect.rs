//! Where a request may be led by its answer.

use super::{HttpAddress, Method, OutgoingRequest, ReceivedAnswer, Scheme};

/// How many redirects of one request are followed.
pub const MAX_OUTGOING_REDIRECTS: u32 = 5;

/// What an answer says about redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// Nothing: it is the answer.
    None,
    /// This is to be sent instead.
    Follow(Box<OutgoingRequest>),
    /// It leads where the request must not go; the words name the host only.
    Refused(String),
}

impl OutgoingRequest {
    /// Where an answer leads after so many redirects. They stay on their host
    /// and never leave TLS, since a request carries credentials and is let out
    /// of a cluster to one place only. 301, 302 and 303 make a `GET` without
    /// body of it, as Go's client does.
    #[must_use]
    pub fn redirect(&self, answer: &ReceivedAnswer, followed: u32) -> Redirect {
        let keeps_method = match answer.status {
            301..=303 => false,
            307 | 308 => true,
            _ => return Redirect::None,
        };
        let Some(location) = &answer.location else {
            return Redirect::None;
        };
        if followed >= MAX_OUTGOING_REDIRECTS {
            return Redirect::Refused(format!("stopped after {followed} redirects"));
        }
        let Ok(address) = self.address.resolve(location) else {
            return Redirect::Refused("a redirect leads to no address".to_owned());
        };
        if !stays(&self.address, &address) {
            let host = address.authority();
            return Redirect::Refused(format!("a redirect to {host} is not followed"));
        }
        let mut next = self.clone();
        next.address = address.without_user().0;
        if !keeps_method && self.method != Method::Get {
            next.method = Method::Get;
            next.body.clear();
            next.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        Redirect::Follow(Box::new(next))
    }
}

/// Whether both are the same host and port; from `http` to `https` the default
/// ports count as the same.
fn stays(from: &HttpAddress, to: &HttpAddress) -> bool {
    let same_port = match (from.scheme(), to.scheme()) {
        (Scheme::Https, Scheme::Http) => return false,
        (Scheme::Http, Scheme::Https) if from.port() == 80 => to.port() == 443,
        _ => from.port() == to.port(),
    };
    from.host() == to.host() && same_port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(from: &str, status: u16, location: &str, followed: u32) -> Redirect {
        let address = HttpAddress::parse(from).unwrap();
        let request = OutgoingRequest::post(address, "application/json", b"{}".to_vec(), 1);
        let answer = ReceivedAnswer {
            location: Some(location.to_owned()),
            ..ReceivedAnswer::new(status, "")
        };
        request.redirect(&answer, followed)
    }

    #[test]
    fn redirects_on_the_same_host_are_followed() {
        for (from, location, to) in [
            ("http://a/x", "/y?z=1", "http://a/y?z=1"),
            ("http://a/x", "https://A/y", "https://a/y"),
            ("http://a:8080/x", "http://a:8080/y", "http://a:8080/y"),
            ("https://a/x", "https://u:p@a:443/y", "https://a:443/y"),
        ] {
            let Redirect::Follow(next) = redirect(from, 307, location, 0) else {
                panic!("{from} to {location}");
            };
            assert_eq!(next.address.to_url(), to);
            assert_eq!(
                (next.method, next.body.as_slice()),
                (Method::Post, &b"{}"[..])
            );
        }
    }

    #[test]
    fn redirects_elsewhere_are_refused_by_the_name_of_the_host() {
        for (from, location) in [
            ("https://a/x", "http://a/x"),
            ("http://a/x", "http://b/secret-path"),
            ("http://a/x", "http://169.254.169.254/latest"),
            ("http://a/x", "http://a:6443/"),
            ("http://a/x", "//b/secret-path"),
            ("http://a/x", "http://a@b/secret-path"),
        ] {
            let Redirect::Refused(words) = redirect(from, 302, location, 0) else {
                panic!("{from} to {location}");
            };
            assert!(!words.contains("secret-path"), "{words}");
        }
    }

    #[test]
    fn older_redirects_become_a_get() {
        let Redirect::Follow(next) = redirect("http://a/x", 302, "/y", 0) else {
            panic!("not followed");
        };
        assert_eq!((next.method, next.body.len()), (Method::Get, 0));
        assert_eq!(next.header("content-type"), None);
    }

    #[test]
    fn redirects_come_to_an_end() {
        let last = redirect("http://a/x", 307, "/x", MAX_OUTGOING_REDIRECTS);
        assert!(matches!(last, Redirect::Refused(_)));
        assert_eq!(redirect("http://a/x", 200, "/x", 0), Redirect::None);
    }
}
