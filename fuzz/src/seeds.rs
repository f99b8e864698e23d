//! Where a fuzzer begins.

/// Conversations, and pieces of some.
pub const SEEDS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\0GET /a?b HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "\x01POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "\x02POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 70\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    "GET http://a/b HTTP/1.1\r\nHost: c\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "GET /a-path-that-is-about-as-long-as-the-shortest-limit?of-a-request-line HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=0123456789; b=0123456789; c=0123456789; d=0123456789; e=0123456789; f=0123456789; g=0123456789; h=0123456789; i=0123456789; j=0123456789; k=0123456789; l=012345\r\n\r\n",
    "5\r\nhello\r\n00a;b\r\n0123456789\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "0\r\nTrailer-One: 1\r\nContent-Length: 2\r\n\r\n",
    "a\tvalue \u{e9} of a field",
    "\r\nGET /%20%zz HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
];

/// xorshift64: the same choices everywhere.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Choices of this seed.
    pub fn new(seed: u64) -> Self {
        Choices(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    /// A seed, changed here and there, or two of them mixed.
    pub fn input(&mut self) -> Vec<u8> {
        const BYTES: &[u8] = b" \t\r\n\0:/?#%[]@,;=\"\\aZ0195fF*.-+\x7f\xc3\xff";
        let mut bytes = SEEDS[self.below(SEEDS.len())].as_bytes().to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes.insert(at, BYTES[self.below(BYTES.len())]),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                3 => {
                    let other = SEEDS[self.below(SEEDS.len())].as_bytes();
                    let from = self.below(other.len());
                    bytes.splice(at..at, other[from..].iter().copied());
                }
                4 => {
                    // A piece once more: fields twice, chunks twice.
                    let end = at + self.below(bytes.len() - at);
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ if !bytes.is_empty() => bytes[at] = BYTES[self.below(BYTES.len())],
                _ => {}
            }
            if bytes.is_empty() {
                bytes.push(b'\n');
            }
        }
        bytes
    }
}
