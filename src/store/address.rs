//! Addresses: `s3://bucket/logs/{date}/*.gz`, read from text and written without secrets.

use std::fmt;

/// Kinds of stores, by the scheme of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreKind {
    S3,
    Google,
    Azure,
    Https,
    /// Without encryption, which only a server on this machine may have.
    Http,
}

impl StoreKind {
    const ALL: [(&str, Self); 5] = [
        ("s3", Self::S3),
        ("gs", Self::Google),
        ("az", Self::Azure),
        ("https", Self::Https),
        ("http", Self::Http),
    ];

    /// Returns the scheme of addresses.
    pub fn scheme(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(scheme, _)| scheme)
    }

    /// True if the store is a web server, which has no buckets.
    pub const fn is_web(self) -> bool {
        matches!(self, Self::Https | Self::Http)
    }
}

/// A bucket, a container or a web server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreRoot {
    pub kind: StoreKind,
    /// Bucket, container, or host with port.
    pub name: String,
}

impl fmt::Display for StoreRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.scheme(), self.name)
    }
}

/// Address of an object, of a folder of objects, or of all objects that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress {
    pub root: StoreRoot,
    /// Name of the object in the store, or a pattern, without a slash at its beginning.
    pub key: String,
}

impl StoreAddress {
    /// Reads an address; `None` if the text is the path of a file.
    ///
    /// # Errors
    /// The text is an address that cannot be used. The reason quotes nothing of it, because it may
    /// have a secret.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = text.split_once("://")?;
        let kind = StoreKind::ALL.iter().find(|(name, _)| *name == scheme).map(|(_, kind)| *kind)?;
        let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self::of(kind, name, key))
    }

    fn of(kind: StoreKind, name: &str, key: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(why.to_owned());
        if name.contains('@') {
            return wrong("a name or password stands before the host; the store's own settings hold them");
        }
        let is_query = |at: usize| key[at..].contains('=');
        if kind.is_web() && (key.contains('#') || key.find('?').is_some_and(is_query)) {
            return wrong("it has a query, which may hold a secret; only the path may be given");
        }
        let is_bracket = name.contains(['[', ']']) && !kind.is_web();
        if name.is_empty() || is_bracket || name.contains(['*', '?', '{', '}', ' ']) {
            return wrong("the bucket or host must be named, without wildcards");
        }
        if kind == StoreKind::Http && !is_loopback(name) {
            return wrong("without encryption only a server on this machine can be read; write https://");
        }
        Ok(Self { root: StoreRoot { kind, name: name.to_owned() }, key: key.to_owned() })
    }

    /// Returns whether a path is an address of a store.
    pub fn is_one(text: &str) -> bool {
        Self::parse(text).is_some()
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.key)
    }
}

/// Returns whether a host, with or without a port, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = if host.starts_with('[') {
        host.split_once(']').map_or(host, |(name, _)| name).trim_start_matches('[')
    } else {
        host.split(':').next().unwrap_or(host)
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        StoreAddress::parse(text).unwrap().map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_read_and_paths_are_not() {
        for text in
            ["s3://b/logs/{date}/*.gz", "gs://b/", "az://c/a?b", "https://h:8/a/b.csv", "s3://b/a=b/c"]
        {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
        assert_eq!(parsed("s3://b").as_deref(), Ok("s3://b/"));
        for text in ["logs/a.csv", "/s3://b", "s3:/b/a", "ftp://h/a", "C://x", ""] {
            assert!(StoreAddress::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn addresses_with_secrets_are_refused_without_quoting_them() {
        let bad = [
            "https://me:hunter2@h/a",
            "https://h/a?X-Amz-Signature=hunter2",
            "https://h/a#hunter2",
            "s3://key:hunter2@b/a",
            "s3:///a",
            "s3://b*/a",
            "s3://logs-{date}/a",
            "http://example.com/hunter2",
        ];
        for text in bad {
            let why = parsed(text).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        for text in ["http://127.0.0.1:9/a", "http://localhost/a", "http://[::1]:80/a"] {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
    }
}
