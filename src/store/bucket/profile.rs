//! Profile: the files in which the AWS tools keep keys and regions, by `AWS_PROFILE`.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::store::StoreError;

/// Settings of one profile; nothing of it is ever shown.
#[derive(Default)]
pub struct Profile {
    pub key_id: Option<String>,
    pub secret: Option<String>,
    pub token: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    /// What to do if the profile gets its keys in a way that only the AWS tools know.
    pub foreign: Option<String>,
}

/// Reads the profile that `AWS_PROFILE` names, or else `default`, from `~/.aws`.
///
/// # Errors
/// `AWS_PROFILE` names a profile that is in neither file.
pub fn read() -> Result<Profile, StoreError> {
    let named = env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let name = named.as_deref().unwrap_or("default");
    let file = |variable: &str, usual: &str| {
        let named = env::var_os(variable).map(PathBuf::from);
        let path = named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".aws").join(usual)));
        path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
    };
    let (config, credentials) =
        (file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials"));
    match of_texts(name, &config, &credentials) {
        Some(profile) => Ok(profile),
        None if named.is_some() => {
            let why =
                format!("AWS_PROFILE names `{name}`, which neither ~/.aws/config nor ~/.aws/credentials has");
            Err(StoreError::Other(why))
        }
        None => Ok(Profile::default()),
    }
}

fn of_texts(name: &str, config: &str, credentials: &str) -> Option<Profile> {
    // The config file writes `[profile x]` for all but the default one.
    let long = format!("profile {name}");
    let mut settings = section(config, &[name, &long]);
    // Of keys that stand in both files, those of the credentials count.
    let of_credentials = section(credentials, &[name]);
    if settings.is_none() && of_credentials.is_none() {
        return None;
    }
    settings.get_or_insert_default().extend(of_credentials.unwrap_or_default());
    let settings = settings.unwrap_or_default();
    let value = |key: &str| {
        let found = settings.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        found.filter(|value| !value.is_empty())
    };
    let ways = ["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"];
    let foreign = ways.into_iter().find(|way| value(way).is_some()).map(|way| {
        format!(
            "profile `{name}` gets its keys by `{way}`, which only the AWS tools know; put them into the environment with `aws \
             configure export-credentials --format env`"
        )
    });
    Some(Profile {
        key_id: value("aws_access_key_id"),
        secret: value("aws_secret_access_key"),
        token: value("aws_session_token"),
        region: value("region"),
        endpoint: value("endpoint_url"),
        foreign,
    })
}

/// Returns the settings of all sections with one of the names; `None` if there is no such section.
fn section(text: &str, names: &[&str]) -> Option<Vec<(String, String)>> {
    let mut found = None;
    let mut is_inside = false;
    for line in text.lines() {
        let plain = line.trim();
        if let Some(title) = plain.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
            is_inside = names.contains(&title.as_str());
            if is_inside {
                found.get_or_insert_with(Vec::new);
            }
        } else if plain.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            // A comment, or a setting of a nested table.
        } else if let (true, Some((key, value))) = (is_inside, plain.split_once('=')) {
            let setting = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
            found.get_or_insert_with(Vec::new).push(setting);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_put_together_from_both_files() {
        let config = "[default]\nregion = eu-west-1\ns3 =\n  endpoint_url = nested\n[profile  night]\n# no\nregion=us-east-2\n";
        let keys =
            "[night]\naws_access_key_id = A\naws_secret_access_key = a=b\n[other]\naws_session_token = t\n";
        let night = of_texts("night", config, keys).unwrap();
        assert_eq!((night.key_id.as_deref(), night.secret.as_deref()), (Some("A"), Some("a=b")));
        assert_eq!((night.region.as_deref(), night.token), (Some("us-east-2"), None));
        let usual = of_texts("default", config, keys).unwrap();
        assert_eq!((usual.region.as_deref(), usual.endpoint, usual.key_id), (Some("eu-west-1"), None, None));
        assert!(of_texts("night2", config, keys).is_none());
        let sso = of_texts("default", "[default]\nsso_session = x\n", "").unwrap();
        assert!(sso.foreign.unwrap().contains("`sso_session`"));
    }
}
