//! Connect: the client of a store, with the credentials that the cloud's own tools would find.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::list::PaginatedListStore;
use object_store::{ClientOptions, HeaderValue, ObjectStore, RetryConfig};

use super::profile::{self, Profile};
use super::words::error;
use crate::store::StoreError;
use crate::store::address::{StoreKind, StoreRoot, is_loopback};

/// The client of one store.
pub struct Client {
    pub store: Arc<dyn ObjectStore>,
    /// For stores that list by any beginning of a name; `None` for web servers.
    pub pages: Option<Arc<dyn PaginatedListStore>>,
}

/// Limit on one request with its answer. A part has at most some 8 MiB.
const REQUEST: Duration = Duration::from_mins(1);
/// Limits on trying a request again; pauses grow from 0.1 to 15 seconds.
const RETRIES: usize = 8;
const RETRY_FOR: Duration = Duration::from_mins(2);

pub async fn connect(root: &StoreRoot) -> Result<Client, StoreError> {
    // Another part of the program may have chosen one already; both do.
    _ = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
    let options = ClientOptions::new()
        .with_timeout(REQUEST)
        .with_user_agent(HeaderValue::from_static(concat!("uptime-ledger/", env!("CARGO_PKG_VERSION"))));
    let both = |store: Arc<dyn ObjectStore>, pages| Client { store, pages: Some(pages) };
    match root.kind {
        StoreKind::S3 => {
            let s3 = s3(root, options).await?.with_retry(retry).build().map_err(|e| error(&e))?;
            let s3 = Arc::new(s3);
            Ok(both(s3.clone(), s3))
        }
        StoreKind::Google => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&root.name);
            let google =
                builder.with_client_options(options).with_retry(retry).build().map_err(|e| error(&e))?;
            let google = Arc::new(google);
            Ok(both(google.clone(), google))
        }
        StoreKind::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(&root.name);
            let azure =
                builder.with_client_options(options).with_retry(retry).build().map_err(|e| error(&e))?;
            let azure = Arc::new(azure);
            Ok(both(azure.clone(), azure))
        }
        StoreKind::Https | StoreKind::Http => {
            let options = options.with_allow_http(root.kind == StoreKind::Http);
            let builder = HttpBuilder::new().with_url(root.to_string()).with_client_options(options);
            let web = builder.with_retry(retry).build().map_err(|e| error(&e))?;
            Ok(Client { store: Arc::new(web), pages: None })
        }
    }
}

/// Returns the settings of a bucket in S3: from the environment, then from the profile files.
///
/// Without either, the machine's metadata service is asked for credentials, and S3 for the region.
async fn s3(root: &StoreRoot, options: ClientOptions) -> Result<AmazonS3Builder, StoreError> {
    let mut builder =
        AmazonS3Builder::from_env().with_bucket_name(&root.name).with_client_options(options.clone());
    let is_set =
        |builder: &AmazonS3Builder, key| builder.get_config_value(&key).is_some_and(|v| !v.is_empty());
    let profile = profile::read()?;
    let others = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ];
    if !others.into_iter().any(|key| is_set(&builder, key)) {
        match &profile {
            Profile { key_id: Some(id), secret: Some(secret), .. } => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                if let Some(token) = &profile.token {
                    builder = builder.with_token(token);
                }
            }
            Profile { foreign: Some(foreign), .. } => return Err(StoreError::Other(foreign.clone())),
            _ => {}
        }
    }
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = endpoint.into_iter().find_map(|key| env::var(key).ok()).filter(|url| !url.is_empty());
    let endpoint = endpoint.or_else(|| profile.endpoint.clone());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint);
        let host = endpoint.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(rest));
        if host.is_some_and(is_loopback) {
            builder = builder.with_allow_http(true);
        }
    }
    let has_region = [AmazonS3ConfigKey::Region, AmazonS3ConfigKey::DefaultRegion]
        .into_iter()
        .any(|key| is_set(&builder, key));
    if !has_region {
        if let Some(region) = &profile.region {
            builder = builder.with_region(region);
        } else if endpoint.is_none() {
            let region = resolve_bucket_region(&root.name, &options).await.map_err(|e| error(&e))?;
            builder = builder.with_region(region);
        }
    }
    Ok(builder)
}
