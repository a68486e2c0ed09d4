//! `trueup_fuzzing::template` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzzing::template(data));
