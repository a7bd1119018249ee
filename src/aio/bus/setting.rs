//! How the bus is reached, as `python.conf` or a program says.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Why what needs the bus fails where none is configured.
pub const NO_BUS: &str = "no bus is configured: set bus-url in python.conf";

/// Where the servers are, who we are, and what proves it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Setting {
    /// `nats://host:port` or `tls://host:port`, one or more.
    pub servers: Vec<String>,
    /// The name of this switch or worker on the bus.
    pub node: String,
    /// With a password, who we are.
    pub user: Option<String>,
    /// The user's.
    pub password: Option<String>,
    /// In place of user and password.
    pub token: Option<String>,
    /// A file of user and key, as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// Who has signed the servers' certificates; the system's list otherwise.
    pub authority: Option<PathBuf>,
    /// Our own certificate, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// How many servers keep what is kept.
    pub replicas: usize,
    /// How many bytes of records wait on the disk at most.
    pub records_limit: u64,
    /// How long a worker may say nothing until it is taken for dead; 1.25 s otherwise.
    pub worker_patience: Option<Duration>,
    /// Whether each call leaves a record.
    pub call_records: Option<CallRecords>,
}

/// A record of each call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRecords {
    /// What they are put under.
    pub name: String,
    /// Headers of `CHANNEL_HANGUP_COMPLETE` that stand in them, too.
    pub headers: Vec<String>,
}

impl Setting {
    /// The servers, without what is secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let servers: Vec<_> = self.servers.iter().map(|url| shown(url)).collect();
        servers.join(",")
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may come into a log: nothing that is secret stands in it.
        f.debug_struct("Setting")
            .field("servers", &self.shown())
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// A URL without user and password.
#[must_use]
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    // A password may have an @ of its own.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Is it a server's address? What can be told without asking anybody; the rest the connection says.
#[must_use]
pub fn is_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    matches!(scheme, "nats" | "tls") && is_place(place)
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn is_place(place: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if let Some(rest) = place.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else {
            return false;
        };
        let is_end = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().is_ok() && is_end;
    }
    let (host, port) = place
        .split_once(':')
        .map_or((place, None), |(host, port)| (host, Some(port)));
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !host.is_empty() && host.chars().all(sound) && port.is_none_or(is_port)
}

/// May it be a node's name? It stands in subjects, where dots and stars mean something.
#[must_use]
pub fn is_node(name: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(sound)
}

/// A node's name out of a host's.
#[must_use]
pub fn node_of(host: &str) -> String {
    let name: String = host
        .chars()
        .take(64)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        "switch".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let setting = Setting {
            servers: vec!["nats://joe:p@ss@10.0.0.1:4222".to_owned(), "b".to_owned()],
            password: Some("hidden".to_owned()),
            token: Some("hidden".to_owned()),
            ..Setting::default()
        };
        assert_eq!(setting.shown(), "nats://10.0.0.1:4222,nats://b");
        let debug = format!("{setting:?}");
        assert!(
            !debug.contains("hidden") && !debug.contains("p@ss"),
            "{debug}"
        );
    }

    #[test]
    fn an_address_has_a_host_and_may_have_a_port() {
        for right in [
            "a",
            "nats://10.0.0.1:4222",
            "tls://nats-1.example.org",
            "nats://joe:p@:/ss@b_c:1",
            "[::1]",
            "nats://[fe80::1]:4222",
        ] {
            assert!(is_url(right), "{right}");
        }
        for wrong in [
            "",
            "nats://",
            "http://a",
            "a:",
            "a:0",
            "a:99999",
            "a:b",
            "a:1:2",
            "a/b",
            "ü",
            "a b",
            "[::1",
            "[::1]4222",
            "[::1]:0",
            "[a]",
            "::1",
        ] {
            assert!(!is_url(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_node_is_one_word() {
        assert!(is_node("sw-1_a"));
        for wrong in ["", "a.b", "a b", "*", ">", "ü"] {
            assert!(!is_node(wrong), "{wrong}");
        }
        assert_eq!(node_of("sw1.example.org"), "sw1_example_org");
        assert!(is_node(&node_of("")));
    }
}
