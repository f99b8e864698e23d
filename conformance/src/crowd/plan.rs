//! What one client is going to do.

use super::{Random, messages};

/// A thing that a client does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Send(Vec<u8>),
    /// Reads what is there, if anything is.
    Read,
    /// Waits for so many milliseconds, of the server's scale.
    Pause(u32),
    /// Sends nothing more.
    End,
    Reset,
    /// Closes, having read or not.
    Leave,
}

/// All that a client does. What does not end in an end is left to the server's patience.
pub(super) fn plan(random: &mut Random) -> Vec<Act> {
    let count = random.below(5);
    let mut bytes: Vec<_> = (0..count).flat_map(|_| messages::message(random)).collect();
    if random.once_in(3) {
        // Cut off somewhere.
        bytes.truncate(random.below(bytes.len() + 1));
    }
    let mut acts = Vec::new();
    let mut rest = bytes.as_slice();
    let most = [1 << 20, 1000, 30][random.below(3)];
    while !rest.is_empty() {
        let size = 1 + random.below(most.min(rest.len()));
        let (piece, more) = rest.split_at(size);
        rest = more;
        acts.push(Act::Send(piece.to_vec()));
        match random.below(12) {
            0..4 => acts.push(Act::Read),
            4 => acts.push(Act::Pause(50)),
            // Longer than some of the times of the server.
            5 if random.once_in(4) => acts.push(Act::Pause(2500)),
            _ => {}
        }
    }
    let reads = |acts: &mut Vec<Act>| acts.extend([Act::Pause(20), Act::Read]);
    match random.below(7) {
        0 => acts.push(Act::Reset),
        1 => acts.push(Act::Leave),
        2 => {
            reads(&mut acts);
            acts.push(Act::Reset);
        }
        3 => {
            acts.push(Act::End);
            reads(&mut acts);
            acts.push(Act::Leave);
        }
        4 => acts.push(Act::End),
        5 => {
            reads(&mut acts);
            acts.push(Act::Leave);
        }
        _ => reads(&mut acts),
    }
    acts
}
