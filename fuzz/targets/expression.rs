//! `trueup_fuzzing::expression` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzzing::expression(data));
