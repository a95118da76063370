//! Built-in formats: the files of `data/formats`, by name.

/// Name and text of every built-in format, by name.
pub const BUILTIN: [(&str, &str); 34] = [
    ("akamai", include_str!("../../data/formats/akamai.toml")),
    ("alb", include_str!("../../data/formats/alb.toml")),
    ("apache", include_str!("../../data/formats/apache.toml")),
    ("api-gateway", include_str!("../../data/formats/api-gateway.toml")),
    ("azure-app-gateway", include_str!("../../data/formats/azure-app-gateway.toml")),
    ("azure-front-door", include_str!("../../data/formats/azure-front-door.toml")),
    ("caddy", include_str!("../../data/formats/caddy.toml")),
    ("cloudflare", include_str!("../../data/formats/cloudflare.toml")),
    ("cloudfront", include_str!("../../data/formats/cloudfront.toml")),
    ("cloudtrail", include_str!("../../data/formats/cloudtrail.toml")),
    ("convoy", include_str!("../../data/formats/convoy.toml")),
    ("ecs", include_str!("../../data/formats/ecs.toml")),
    ("elb-classic", include_str!("../../data/formats/elb-classic.toml")),
    ("envoy", include_str!("../../data/formats/envoy.toml")),
    ("fastly", include_str!("../../data/formats/fastly.toml")),
    ("gcp-lb", include_str!("../../data/formats/gcp-lb.toml")),
    ("github-hooks", include_str!("../../data/formats/github-hooks.toml")),
    ("haproxy", include_str!("../../data/formats/haproxy.toml")),
    ("hookdeck", include_str!("../../data/formats/hookdeck.toml")),
    ("iis", include_str!("../../data/formats/iis.toml")),
    ("kong", include_str!("../../data/formats/kong.toml")),
    ("nginx", include_str!("../../data/formats/nginx.toml")),
    ("nlb", include_str!("../../data/formats/nlb.toml")),
    ("otlp-client-spans", include_str!("../../data/formats/otlp-client-spans.toml")),
    ("otlp-logs", include_str!("../../data/formats/otlp-logs.toml")),
    ("otlp-server-spans", include_str!("../../data/formats/otlp-server-spans.toml")),
    ("outpost", include_str!("../../data/formats/outpost.toml")),
    ("s3", include_str!("../../data/formats/s3.toml")),
    ("sns-delivery", include_str!("../../data/formats/sns-delivery.toml")),
    ("svix", include_str!("../../data/formats/svix.toml")),
    ("traefik", include_str!("../../data/formats/traefik.toml")),
    ("uwsgi", include_str!("../../data/formats/uwsgi.toml")),
    ("varnish", include_str!("../../data/formats/varnish.toml")),
    ("webhook-generic", include_str!("../../data/formats/webhook-generic.toml")),
];

/// Text of the built-in file of envelopes.
pub const ENVELOPES: &str = include_str!("../../data/formats/envelopes.toml");

/// Returns the text of a built-in format.
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::formats;

    #[test]
    fn every_file_is_built_in_and_without_a_mistake() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/formats");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .filter(|name| name != "envelopes")
            .collect();
        files.sort();
        assert_eq!(files, BUILTIN.map(|(name, _)| name));
        for (name, text) in BUILTIN {
            let document = Document::new(format!("{name}.toml"), text);
            let read = formats::format(&document).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
            assert_eq!(read.name, name);
            assert!(!read.samples.is_empty(), "{name} has no sample");
        }
        let document = Document::new("envelopes.toml", ENVELOPES);
        assert!(formats::envelopes(&document).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")).len() > 10);
    }
}
