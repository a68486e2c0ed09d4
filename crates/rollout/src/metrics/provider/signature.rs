//! AWS's Signature Version 4, as its reference describes it.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use trueup_kinds::outgoing::OutgoingRequest;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The block size of SHA-256.
const BLOCK_BYTES: usize = 64;

/// Who asks AWS.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// What goes with a key that is lent for a time.
    pub session_token: Option<String>,
}

/// Nothing of them.
impl std::fmt::Debug for AwsCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AwsCredentials")
    }
}

/// Signs a request for a region and service as of `now`: adds `X-Amz-Date`,
/// `X-Amz-Security-Token` where there is one, and `Authorization`. All headers
/// that are there already are signed, and `Host`.
pub fn sign_aws_request(
    request: &mut OutgoingRequest,
    credentials: &AwsCredentials,
    region: &str,
    service: &str,
    now: Timestamp,
) {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    request.set_header("X-Amz-Date", &time);
    if let Some(token) = &credentials.session_token {
        request.set_header("X-Amz-Security-Token", token);
    }
    let date = &time[..8];
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let headers = canonical_headers(request);
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let digest = hexadecimal(&Sha256::digest(
        canonical_request(request, &headers, &names).as_bytes(),
    ));
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{digest}");
    let key = signing_key(&credentials.secret_access_key, date, region, service);
    let signature = hexadecimal(&hmac_sha256(&key, text.as_bytes()));
    let id = &credentials.access_key_id;
    request.set_header(
        "Authorization",
        &format!(
            "{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ),
    );
}

fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let first = hmac_sha256(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    [region, service, "aws4_request"]
        .into_iter()
        .fold(first, |key, part| hmac_sha256(&key, part.as_bytes()))
}

/// Names in lower case in their order, values with single blanks.
fn canonical_headers(request: &OutgoingRequest) -> Vec<(String, String)> {
    let own = request.headers.iter().map(|(name, value)| {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        (name.to_ascii_lowercase(), words.join(" "))
    });
    let host = ("host".to_owned(), request.address.authority());
    let mut headers: Vec<(String, String)> = own.chain([host]).collect();
    headers.sort();
    headers
}

fn canonical_request(
    request: &OutgoingRequest,
    headers: &[(String, String)],
    names: &str,
) -> String {
    let path = match request.address.path() {
        "" => "/",
        path => path,
    };
    let mut pairs: Vec<&str> = request.address.query().split('&').collect();
    pairs.sort_unstable();
    let mut text = format!("{}\n{path}\n{}\n", request.method.name(), pairs.join("&"));
    for (name, value) in headers {
        writeln!(text, "{name}:{value}").expect("a string takes any text");
    }
    let body = hexadecimal(&Sha256::digest(&request.body));
    write!(text, "\n{names}\n{body}").expect("a string takes any text");
    text
}

/// HMAC of RFC 2104 over SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_kinds::outgoing::HttpAddress;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let long = [0xaa; 131];
        for (key, message, digest) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hexadecimal(&hmac_sha256(key, message)), digest);
        }
    }

    /// `get-vanilla` of the suite that AWS publishes for signers.
    #[test]
    fn a_request_is_signed_as_in_the_suite_of_aws() {
        let address = HttpAddress::parse("https://example.amazonaws.com/").unwrap();
        let mut request = OutgoingRequest::get(address, 1);
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        sign_aws_request(&mut request, &credentials, "us-east-1", "service", now);
        assert_eq!(
            request.header("authorization"),
            Some(
                "AWS4-HMAC-SHA256 \
                 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            )
        );
        assert!(!format!("{credentials:?}").contains("wJal"));
    }
}
