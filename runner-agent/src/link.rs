//! Whether the network became another one, or the machine slept: what to compare is pure, what to
//! look at is the kernel's own files, so nothing is sent and no right is needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Between two looks while there is no tunnel.
pub const LOOK_DISCONNECTED: Duration = Duration::from_millis(100);
/// Between two looks while there is one and nothing changes.
pub const LOOK_CONNECTED: Duration = Duration::from_millis(500);
/// For so long after a change more changes are to be expected.
pub const SETTLES: Duration = Duration::from_secs(10);
/// Clocks that drift apart by more between two looks did not do so by themselves.
const SLEPT: Duration = Duration::from_secs(2);

/// What the network looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The routes of IPv4, without counters.
    pub routes: Vec<String>,
    /// The addresses of IPv6.
    pub addresses: Vec<String>,
    /// Whether each interface carries.
    pub interfaces: BTreeMap<String, bool>,
}

/// The machine's clocks. Those of a sleeping machine part: the monotonic one stands still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Stands still while the machine sleeps.
    pub monotonic: Duration,
    /// Does not.
    pub boot: Duration,
    /// Does not either, and jumps when a virtual machine is thawed.
    pub wall: Duration,
}

/// What happened between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A route, an address or a carrier came: a new dial may succeed, and an old socket may not
    /// know.
    Up,
    /// Something went: the socket may be dead.
    Down,
    /// The machine slept: the other side has long given up.
    Slept,
}

/// Compares two looks at the network.
pub fn changed(before: &Network, after: &Network) -> Option<Change> {
    let carried = |network: &Network, name: &str| network.interfaces.get(name) == Some(&true);
    let new = |before: &[String], after: &[String]| after.iter().any(|one| !before.contains(one));
    let came = new(&before.routes, &after.routes)
        || new(&before.addresses, &after.addresses)
        || after.interfaces.iter().any(|(name, up)| *up && !carried(before, name));
    match came {
        true => Some(Change::Up),
        false if before != after => Some(Change::Down),
        false => None,
    }
}

/// Compares two looks at the clocks.
pub fn slept(before: Clocks, after: Clocks) -> bool {
    let ran = after.monotonic.saturating_sub(before.monotonic);
    let ahead =
        |before: Duration, after: Duration| after.saturating_sub(before).saturating_sub(ran);
    ahead(before.boot, after.boot) > SLEPT || ahead(before.wall, after.wall) > SLEPT
}

/// Looks again and again.
#[derive(Debug)]
pub struct Watch {
    network: Network,
    clocks: Clocks,
}

impl Watch {
    /// Begins with how things are.
    pub fn begin() -> Self {
        Self { network: look(Path::new("/")), clocks: clocks() }
    }

    /// What happened since the last look.
    pub fn look(&mut self) -> Option<Change> {
        let network = look(Path::new("/"));
        let clocks = clocks();
        let change = match slept(self.clocks, clocks) {
            true => Some(Change::Slept),
            false => changed(&self.network, &network),
        };
        (self.network, self.clocks) = (network, clocks);
        change
    }
}

fn clocks() -> Clocks {
    let read = |id| Duration::try_from(clock_gettime(id)).unwrap_or_default();
    Clocks {
        monotonic: read(ClockId::Monotonic),
        boot: read(ClockId::Boottime),
        wall: read(ClockId::Realtime),
    }
}

/// A file that is not there (no IPv6, no `/sys`) says nothing, which is the same at every look.
fn look(root: &Path) -> Network {
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let routes = text("proc/net/route").lines().skip(1).map(route).collect();
    let addresses = text("proc/net/if_inet6").lines().map(str::to_owned).collect();
    let mut interfaces = BTreeMap::new();
    for entry in fs::read_dir(root.join("sys/class/net")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // An interface that is switched off has no carrier to read: that is an error, and a "no".
        let carrier = fs::read_to_string(entry.path().join("carrier")).unwrap_or_default();
        let state = fs::read_to_string(entry.path().join("operstate")).unwrap_or_default();
        let down = matches!(state.trim(), "down" | "lowerlayerdown" | "notpresent" | "dormant");
        interfaces.insert(name, carrier.trim() == "1" && !down);
    }
    Network { routes, addresses, interfaces }
}

/// Interface, destination, gateway, flags and mask: the rest are counters.
fn route(line: &str) -> String {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let named = [0, 1, 2, 3, 7].map(|index| fields.get(index).copied().unwrap_or_default());
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(routes: &[&str], interfaces: &[(&str, bool)]) -> Network {
        Network {
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            interfaces: interfaces.iter().map(|(name, up)| ((*name).to_owned(), *up)).collect(),
            ..Network::default()
        }
    }

    #[test]
    fn nothing_new_is_no_change() {
        let same = network(&["eth0 default"], &[("eth0", true)]);
        assert_eq!(changed(&same, &same.clone()), None);
    }

    #[test]
    fn a_carrier_that_comes_back_is_up_and_one_that_goes_is_down() {
        let up = network(&["eth0 default"], &[("eth0", true)]);
        let down = network(&["eth0 default"], &[("eth0", false)]);
        assert_eq!(changed(&down, &up), Some(Change::Up));
        assert_eq!(changed(&up, &down), Some(Change::Down));
    }

    #[test]
    fn another_gateway_is_a_new_network() {
        let home = network(&["wlan0 default 192.168.0.1"], &[("wlan0", true)]);
        let train = network(&["wlan0 default 10.0.0.1"], &[("wlan0", true)]);
        assert_eq!(changed(&home, &train), Some(Change::Up));
    }

    #[test]
    fn a_route_that_goes_is_down() {
        let before = network(&["eth0 default", "eth0 10.0.0.0"], &[("eth0", true)]);
        let after = network(&["eth0 10.0.0.0"], &[("eth0", true)]);
        assert_eq!(changed(&before, &after), Some(Change::Down));
    }

    #[test]
    fn counters_of_a_route_are_not_its_name() {
        let line = "eth0\t00000000\t0102A8C0\t0003\t0\t9\t0\t00000000\t0\t0\t0";
        assert_eq!(route(line), "eth0 00000000 0102A8C0 0003 00000000");
    }

    #[test]
    fn the_kernels_files_are_read_and_those_that_are_missing_say_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(look(root.path()), Network::default());
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/net/route", "Iface\tDestination\neth0\t0\t1\t3\t0\t9\t0\t0\t0\n");
        put("sys/class/net/eth0/carrier", "1\n");
        put("sys/class/net/eth0/operstate", "up\n");
        put("sys/class/net/tun0/carrier", "1\n");
        put("sys/class/net/tun0/operstate", "unknown\n");
        put("sys/class/net/wlan0/operstate", "down\n");
        let interfaces = [("eth0", true), ("tun0", true), ("wlan0", false)];
        assert_eq!(look(root.path()), network(&["eth0 0 1 3 0"], &interfaces));
    }

    #[test]
    fn a_clock_that_ran_on_while_the_other_stood_still_is_a_sleep() {
        let at = |monotonic, boot, wall| Clocks {
            monotonic: Duration::from_secs(monotonic),
            boot: Duration::from_secs(boot),
            wall: Duration::from_secs(wall),
        };
        assert!(!slept(at(10, 10, 1_000), at(11, 11, 1_001)));
        assert!(slept(at(10, 10, 1_000), at(11, 3_611, 4_601)));
        assert!(slept(at(10, 10, 1_000), at(11, 11, 1_061)), "a thawed virtual machine");
        assert!(!slept(at(10, 10, 1_000), at(11, 11, 900)), "a clock that was set back");
    }
}
