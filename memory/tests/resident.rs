//! What is resident goes down. In a program of its own: nobody else allocates meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::thread;

use http_server_memory::give_back;

/// How many bytes of this process are resident.
fn resident() -> usize {
    let told = fs::read_to_string("/proc/self/status").unwrap();
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

/// What a crowd is made of, and something small behind it that stays: the end of the heap cannot be given back then.
fn crowd() -> (usize, usize, Vec<u8>) {
    let one = |number: usize| [300 + number % 500, 600, 180, 100, 40].map(|size| vec![1_u8; size]);
    let crowd: Vec<_> = (0..20_000).map(one).collect();
    let behind = vec![1; 200];
    let with = resident();
    drop(crowd);
    assert!(give_back(), "there is something to give back");
    (with, resident(), behind)
}

#[test]
fn what_a_crowd_had_goes_back() {
    for (with, without, _behind) in [crowd(), thread::spawn(crowd).join().unwrap()] {
        let given = with.saturating_sub(without);
        assert!(given > 16 << 20, "{given} bytes of {with} were given back");
    }
}
