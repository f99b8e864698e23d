//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The connections of each address, where their number is limited.
#[derive(Debug)]
pub(crate) struct Guests {
    most: usize,
    here: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address. Dropping it counts it out.
#[derive(Debug)]
pub(crate) struct Guest {
    guests: Arc<Guests>,
    from: IpAddr,
}

impl Guests {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Guests {
            most,
            here: Mutex::default(),
        })
    }

    /// Lets one more of this address in, if it has not too many.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Guest> {
        let from = household(from);
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(from).or_default();
        if *count >= self.most {
            if *count == 0 {
                here.remove(&from);
            }
            return None;
        }
        *count += 1;
        Some(Guest {
            guests: Arc::clone(self),
            from,
        })
    }
}

/// Who has one IPv6 address has 2^64 of them: the network is what counts. An IPv4 address in IPv6 clothes
/// is itself.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let here = &self.guests.here;
        let mut here = here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.from) {
            *count -= 1;
            // Addresses that have gone take no memory.
            if *count == 0 {
                here.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Guests;

    #[test]
    fn each_address_has_its_own_limit_and_leaves_nothing_behind() {
        let guests = Guests::new(2);
        let enter = |from: &str| guests.enter(from.parse().unwrap());
        let (one, two) = (enter("10.0.0.1"), enter("::ffff:10.0.0.1"));
        assert!(one.is_some() && two.is_some());
        assert!(enter("10.0.0.1").is_none(), "a third of one address");
        let other = enter("10.0.0.2");
        assert!(other.is_some(), "another address");
        drop(two);
        assert!(enter("10.0.0.1").is_some(), "one has left");
        let (a, b) = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(a.is_some() && b.is_some());
        assert!(enter("2001:db8::3").is_none(), "the same network");
        assert!(enter("2001:db8:0:1::1").is_some(), "another network");
        drop((one, other, a, b));
        assert!(guests.here.lock().unwrap().is_empty());
        assert!(Guests::new(0).enter("10.0.0.1".parse().unwrap()).is_none());
    }
}
