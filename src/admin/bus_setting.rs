//! The bus's parameters of `python.conf`, of which some are secret.

use std::path::PathBuf;
use std::time::Duration;

use freeswitch::core;

use crate::aio::bus::setting::{CallRecords, Setting, is_node, is_url, node_of, shown};

/// How many bytes of records wait on the disk, where nothing else is said.
const RECORDS_LIMIT: u64 = 256 << 20;

/// What was read so far.
#[derive(Default)]
pub(super) struct BusSetting {
    setting: Setting,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// How a server is named.
const SERVER: &str = "must be nats://HOST:PORT or tls://HOST:PORT";

/// What the log may have of a value, and what is wrong with it.
type Wrong = (String, &'static str);

impl BusSetting {
    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        let secret = |why| ("...".to_owned(), why);
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "bus-url" => {
                let urls = value.split([',', ' ']).filter(|url| !url.is_empty());
                let (urls, wrong): (Vec<_>, Vec<_>) = urls.partition(|url| is_url(url));
                self.setting
                    .servers
                    .extend(urls.iter().copied().map(str::to_owned));
                if let Some(wrong) = wrong.first() {
                    return Err((shown(wrong), SERVER));
                }
                if urls.is_empty() {
                    return Err((String::new(), SERVER));
                }
            }
            "bus-user" => self.setting.user = text(),
            "bus-password" => self.setting.password = text(),
            "bus-token" => self.setting.token = text(),
            "bus-credentials" => self.setting.credentials = file(value)?,
            "bus-ca" => self.setting.authority = file(value)?,
            "bus-certificate" => self.certificate = file(value)?,
            "bus-key" => self.key = file(value)?,
            "bus-node" if is_node(value) => value.clone_into(&mut self.setting.node),
            "bus-node" => {
                return Err((
                    value.to_owned(),
                    "must be letters, digits, - and _, 64 at most",
                ));
            }
            "bus-replicas" => match value.parse() {
                Ok(count @ 1..=5) => self.setting.replicas = count,
                _ => return Err((value.to_owned(), "must be 1 to 5")),
            },
            "bus-call-records" if is_node(value) => self.records_of_calls().name = value.to_owned(),
            "bus-call-records" => {
                return Err((
                    value.to_owned(),
                    "must be a name: letters, digits, - and _, 64 at most",
                ));
            }
            "bus-call-record-headers" => {
                let headers = value.split([',', ' ']).filter(|name| !name.is_empty());
                let headers: Vec<_> = headers.map(str::to_owned).collect();
                self.records_of_calls().headers = headers;
            }
            "bus-worker-patience" => match value.parse::<f64>() {
                Ok(seconds) if (0.3..=60.0).contains(&seconds) => {
                    self.setting.worker_patience = Some(Duration::from_secs_f64(seconds));
                }
                _ => return Err((value.to_owned(), "must be 0.3 to 60 seconds")),
            },
            "bus-records-limit" => match value.parse::<u64>() {
                Ok(megabytes @ 1..=1_000_000) => self.setting.records_limit = megabytes << 20,
                _ => return Err((value.to_owned(), "must be 1 to 1000000 MiB")),
            },
            _ => return Err(secret("there is no such parameter")),
        }
        Ok(())
    }

    fn records_of_calls(&mut self) -> &mut CallRecords {
        self.setting.call_records.get_or_insert_default()
    }

    /// The setting; none where no server is named, or where one cannot be reached as it stands. `wrong` gets the name
    /// of each parameter that lacks another, and what it lacks.
    pub(super) fn finish(
        mut self,
        mut wrong: impl FnMut(&'static str, &'static str),
    ) -> Option<Setting> {
        if self
            .setting
            .call_records
            .take_if(|records| records.name.is_empty())
            .is_some()
        {
            wrong("bus-call-record-headers", "needs bus-call-records");
        }
        if self.setting.servers.is_empty() {
            if self.setting.call_records.is_some() {
                wrong("bus-call-records", "needs bus-url");
            }
            return None;
        }
        self.setting.certificate = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let why = "name bus-key, too: one without the other leaves no bus";
                wrong("bus-certificate", why);
                return None;
            }
        };
        if self.setting.password.is_some() && self.setting.user.is_none() {
            let why = "name bus-user, too: there is no bus until then";
            wrong("bus-password", why);
            return None;
        }
        if self.setting.node.is_empty() {
            let host = core::global(c"hostname").unwrap_or_default();
            self.setting.node = node_of(&String::from_utf8_lossy(&host));
        }
        self.setting.replicas = self.setting.replicas.max(1);
        if self.setting.records_limit == 0 {
            self.setting.records_limit = RECORDS_LIMIT;
        }
        Some(self.setting)
    }
}

fn file(value: &str) -> Result<Option<PathBuf>, Wrong> {
    let file = PathBuf::from(value);
    if !file.is_absolute() {
        return Err((value.to_owned(), "must be a full path, from / on"));
    }
    // Whether it can be read is looked at when it is: it may be written later.
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_said_of_what_is_wrong() {
        let mut setting = BusSetting::default();
        let (said, _) = setting
            .take("bus-url", "http://joe:secret@host")
            .unwrap_err();
        assert_eq!(said, "http://host");
        let (said, _) = setting.take("bus-pasword", "secret").unwrap_err();
        assert_eq!(said, "...");
    }

    #[test]
    fn what_goes_together_comes_together() {
        let with = |pairs: &[(&str, &str)]| {
            let mut setting = BusSetting::default();
            for (name, value) in pairs {
                setting.take(name, value).unwrap();
            }
            let mut wrong = Vec::new();
            let setting = setting.finish(|name, _| wrong.push(name));
            (setting, wrong)
        };
        let url = ("bus-url", "nats://a:4222, tls://b");
        let node = ("bus-node", "one");
        assert_eq!(with(&[node]), (None, vec![]));
        let (whole, wrong) = with(&[url, node, ("bus-user", "u"), ("bus-password", "p")]);
        assert!(wrong.is_empty());
        let whole = whole.unwrap();
        assert_eq!(whole.servers, ["nats://a:4222", "tls://b"]);
        assert_eq!((whole.node.as_str(), whole.replicas), ("one", 1));
        let without = [url, node, ("bus-password", "p")];
        assert_eq!(with(&without), (None, vec!["bus-password"]));
        let without = [url, node, ("bus-key", "/k")];
        assert_eq!(with(&without), (None, vec!["bus-certificate"]));
        // The bus is there all the same.
        let (setting, wrong) = with(&[url, node, ("bus-call-record-headers", "a")]);
        assert_eq!(wrong, ["bus-call-record-headers"]);
        assert_eq!(setting.unwrap().call_records, None);
    }
}
