//! Flags that bound how fast a cluster is asked.

use clap::Args;
use trueup_cluster::RateLimit;

/// The client-side limit of requests, by Flux's names; Flagger's are taken too.
#[derive(Debug, Args)]
pub struct PaceArguments {
    /// Requests a second to the Kubernetes API in the long run; negative for no limit
    #[arg(
        long,
        alias = "kubeconfig-qps",
        value_name = "N",
        default_value_t = RateLimit::DEFAULT.per_second,
        allow_negative_numbers = true,
        value_parser = requests_per_second
    )]
    pub kube_api_qps: f64,
    /// Requests to the Kubernetes API that may go at once after a quiet time
    #[arg(
        long,
        alias = "kubeconfig-burst",
        value_name = "N",
        default_value_t = RateLimit::DEFAULT.burst,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub kube_api_burst: u32,
}

impl PaceArguments {
    /// The limit; `None` for none.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        (self.kube_api_qps > 0.0).then_some(RateLimit {
            per_second: self.kube_api_qps,
            burst: self.kube_api_burst,
        })
    }
}

fn requests_per_second(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if number.is_finite() && number != 0.0 {
        Ok(number)
    } else {
        Err("expected a number above zero, or a negative one for no limit".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_rate_is_no_limit_and_zero_is_refused() {
        assert_eq!(requests_per_second("-1"), Ok(-1.0));
        assert_eq!(requests_per_second("12.5"), Ok(12.5));
        for refused in ["0", "NaN", "inf", "many"] {
            assert!(requests_per_second(refused).is_err(), "{refused}");
        }
        let limit = |kube_api_qps| {
            let arguments = PaceArguments {
                kube_api_qps,
                kube_api_burst: 30,
            };
            arguments.rate_limit()
        };
        assert_eq!(limit(-1.0), None);
        let expected = RateLimit {
            per_second: 7.0,
            burst: 30,
        };
        assert_eq!(limit(7.0), Some(expected));
    }
}
