#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bayonet_fuzz::head(bytes));
