//! Address of a Spark Connect server: `sc://host:port/;token=...;use_ssl=true;user_id=...`.
//!
//! The form is that of Spark's own clients. No error repeats the value of a parameter, because a
//! misspelt `token` is still a secret.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// Port of a Spark Connect server that was not told another one
/// (`spark.connect.grpc.binding.port`).
const DEFAULT_PORT: u16 = 15002;
/// User whose session it is, if the address names none. The server keeps sessions by user and id.
const DEFAULT_USER: &str = "uptime-ledger";

/// A server, how to talk to it, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    is_tls: bool,
    user: String,
    token: Option<Token>,
}

/// A secret that the server asks for. Its `Debug` says only that there is one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Token(not shown)")
    }
}

impl Token {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// The part of an address that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressMistake {
    #[error("it must begin with `sc://`, as in `sc://host:15002`")]
    Scheme,
    #[error("the host must be a name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    #[error("the port must be a number from 1 to 65535")]
    Port,
    #[error("only parameters may follow the port, as in `sc://host:15002/;use_ssl=true`")]
    Path,
    #[error("the parameter `{0}` has no value; write `name=value`, with `;` between parameters")]
    NoValue(String),
    #[error("the parameter `{0}` is not known; known are token, use_ssl and user_id")]
    Unknown(String),
    #[error("the parameter `{0}` stands there twice")]
    Twice(String),
    #[error("`use_ssl` must be true or false")]
    Truth,
    #[error("a token is sent over TLS only; remove `use_ssl=false`, or remove the token")]
    TokenInTheClear,
    #[error("the value of `{0}` is not valid: it must be text, percent-encoded where it is special")]
    Value(String),
}

impl Address {
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Says whether the link is encrypted: `use_ssl=true`, or a token.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }
}

/// The address without its parameters, as messages show it.
impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "sc://{}:{}", self.host, self.port)
    }
}

impl FromStr for Address {
    type Err = AddressMistake;

    fn from_str(text: &str) -> Result<Self, AddressMistake> {
        let rest = text.trim().strip_prefix("sc://").ok_or(AddressMistake::Scheme)?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(place)?;
        let mut user = None;
        let mut token = None;
        let mut use_ssl = None;
        if !path.is_empty() && !path.starts_with(';') {
            return Err(AddressMistake::Path);
        }
        for parameter in path.split(';').filter(|part| !part.is_empty()) {
            // A parameter without `=` may be a secret as a whole, so that only its beginning is
            // shown.
            let (key, value) = parameter
                .split_once('=')
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| AddressMistake::NoValue(shown(parameter.trim_end_matches('='))))?;
            let slot = match key {
                "token" => &mut token,
                "use_ssl" => &mut use_ssl,
                "user_id" => &mut user,
                _ => return Err(AddressMistake::Unknown(shown(key))),
            };
            if slot.replace(decoded(key, value)?).is_some() {
                return Err(AddressMistake::Twice(key.into()));
            }
        }
        let use_ssl = match use_ssl.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(AddressMistake::Truth),
        };
        if token.is_some() && use_ssl == Some(false) {
            return Err(AddressMistake::TokenInTheClear);
        }
        let is_tls = use_ssl.unwrap_or(token.is_some());
        let user = user.unwrap_or_else(|| DEFAULT_USER.into());
        Ok(Self { host, port, is_tls, user, token: token.map(Token) })
    }
}

fn host_and_port(place: &str) -> Result<(String, u16), AddressMistake> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(AddressMistake::Host)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(AddressMistake::Host);
            }
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(AddressMistake::Port)?),
            };
            (format!("[{host}]"), port)
        }
        None => {
            let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if host.is_empty() || !host.bytes().all(is_name) {
                return Err(AddressMistake::Host);
            }
            (host.to_owned(), port)
        }
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(AddressMistake::Port)?,
    };
    Ok((host, port))
}

/// Decodes a value. Both values that are text travel where only visible ASCII is safe (a token) or
/// wanted (a user that Spark writes to its log).
fn decoded(key: &str, value: &str) -> Result<String, AddressMistake> {
    let value = percent_decode_str(value).decode_utf8().map_err(|_| AddressMistake::Value(key.into()))?;
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AddressMistake::Value(key.into()));
    }
    Ok(value.into_owned())
}

/// Returns the beginning of a parameter's name: enough to find it, too little to give a secret
/// away.
fn shown(name: &str) -> String {
    const MOST: usize = 24; // characters; `x-databricks-cluster-id` has 23
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.len() <= MOST && name.chars().all(is_name) { name.into() } else { "...".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Address, AddressMistake> {
        text.parse()
    }

    #[test]
    fn an_address_has_defaults() {
        let address = parsed("sc://spark.example").unwrap();
        assert_eq!((address.host(), address.port(), address.is_tls()), ("spark.example", 15002, false));
        assert_eq!((address.user(), address.token()), (DEFAULT_USER, None));
        assert_eq!(parsed("sc://h:443/").unwrap().port(), 443);
        assert_eq!(parsed("sc://[::1]:7/").unwrap().to_string(), "sc://[::1]:7");
        assert_eq!(parsed("sc://[::1]").unwrap().port(), 15002);
    }

    #[test]
    fn a_token_implies_tls_and_is_never_shown() {
        let address = parsed("sc://h/;token=s3cr%2Bt;user_id=jo").unwrap();
        assert!(address.is_tls());
        assert_eq!(address.token().unwrap().reveal(), "s3cr+t");
        assert_eq!(address.user(), "jo");
        assert!(!format!("{address:?} {address}").contains("s3cr"));
        assert_eq!(parsed("sc://h/;token=a;use_ssl=false"), Err(AddressMistake::TokenInTheClear));
        assert!(parsed("sc://h/;use_ssl=true").unwrap().is_tls());
        assert!(!parsed("sc://h/;use_ssl=false;").unwrap().is_tls());
    }

    #[test]
    fn mistakes_name_the_part_and_no_value() {
        use AddressMistake::*;
        let cases = [
            ("http://h:1", Scheme),
            ("h:15002", Scheme),
            ("sc://", Host),
            ("sc://user:pw@h:1", Port),
            ("sc://user@h:1", Host),
            ("sc://::1", Host),
            ("sc://[zz]:1", Host),
            ("sc://h:0", Port),
            ("sc://h:", Port),
            ("sc://h:70000", Port),
            ("sc://h:1;token=secret", Port),
            ("sc://h:1/db;token=secret", Path),
            ("sc://h/;tokn=secret", Unknown("tokn".into())),
            ("sc://h/;session_id=1", Unknown("session_id".into())),
            ("sc://h/;token", NoValue("token".into())),
            ("sc://h/;token=", NoValue("token".into())),
            ("sc://h/;eyJhbGciOiJIUzI1NiJ9.eyJzZWNyZXQifQ.secret", NoValue("...".into())),
            ("sc://h/;token=secret;token=secret", Twice("token".into())),
            ("sc://h/;use_ssl=yes", Truth),
            ("sc://h/;token=sec%20ret", Value("token".into())),
            ("sc://h/;token=secret%0d%0a", Value("token".into())),
            ("sc://h/;token=secret%ff", Value("token".into())),
        ];
        for (text, mistake) in cases {
            let found = parsed(text).unwrap_err();
            assert_eq!(found, mistake, "{text}");
            assert!(!found.to_string().contains("secret"), "{text}");
        }
    }
}
