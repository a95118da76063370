//! Words: what is said about an error of a store.
//!
//! Answers of stores repeat what was sent to them (signed headers, tokens in addresses), so nothing
//! of an answer is shown but its status and its code.

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};

use crate::redact::redacted;
use crate::store::StoreError;

/// Longest text of others that is shown, in characters.
const SHOWN: usize = 160;

/// Returns an error of the client as one of ours.
pub fn error(error: &object_store::Error) -> StoreError {
    let all = chain(error);
    match error {
        object_store::Error::NotFound { .. } if !all.contains("<Code>NoSuchBucket</Code>") => {
            StoreError::Absent
        }
        object_store::Error::Precondition { .. } => StoreError::Rewritten,
        // A range beyond the end: the object was longer when it was listed.
        _ if all.contains("status code: 416") => StoreError::Rewritten,
        _ => StoreError::Other(words(error, &all)),
    }
}

/// Returns the texts of an error and of its causes, which are never shown as they are.
fn chain(error: &dyn Error) -> String {
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        all.push('\n');
        all.push_str(&inner.to_string());
        cause = inner.source();
    }
    all
}

fn words(error: &(dyn Error + 'static), all: &str) -> String {
    if all.contains("Received redirect without LOCATION") {
        return "the bucket lies in another region; set AWS_REGION".to_owned();
    }
    let code =
        between(all, "<Code>", "</Code>").filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let code = code.map_or_else(String::new, |code| format!(" ({code})"));
    if let Some(status) = between(all, "status code: ", ":").filter(|status| status.len() <= 40) {
        let remedy = match &status[..status.len().min(3)] {
            "401" | "403" => "; check the credentials, and that they may list and read there",
            "404" => "; check the name of the bucket",
            _ => "",
        };
        return format!("the store answered {}{code}{remedy}", redacted(status.as_bytes(), 40));
    }
    if !code.is_empty() {
        return format!("the store answered with an error{code}");
    }
    let is_metadata = ["169.254.169.254", "169.254.170.2", "metadata.google.internal"];
    if is_metadata.iter().any(|host| all.contains(host)) {
        return "no credentials were found: neither in the environment, nor in the files of the cloud's tools, nor at this \
            machine's metadata service"
            .to_owned();
    }
    let kind = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind);
    let said = causes(error).last().map_or_else(String::new, |last| {
        redacted(last.to_string().lines().next().unwrap_or_default().as_bytes(), SHOWN)
    });
    match kind {
        Some(HttpErrorKind::Timeout) => "the store did not answer in time".to_owned(),
        Some(HttpErrorKind::Connect) => format!("the store cannot be reached: {said}"),
        Some(HttpErrorKind::Interrupted) => format!("the connection broke off: {said}"),
        _ => said,
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(behind)?;
    Some(found.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> StoreError {
        error(&object_store::Error::Generic { store: "S3", source: text.to_owned().into() })
    }

    #[test]
    fn an_answer_is_told_by_its_status_and_code_alone() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA1</AWSAccessKeyId>\
            <StringToSign>x-amz-security-token:hunter2</StringToSign></Error>";
        let text = format!(
            "Error performing GET https://h/b?sig=hunter2 in 3ms - Server returned non-2xx status code: 403 Forbidden: {body}"
        );
        assert_eq!(
            generic(&text),
            StoreError::Other(
                "the store answered 403 Forbidden (SignatureDoesNotMatch); check the credentials, and that they may list and read there"
                    .to_owned()
            )
        );
        let text = "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>";
        assert_eq!(
            generic(text),
            StoreError::Other("the store answered 503 Service Unavailable (SlowDown)".to_owned())
        );
        let StoreError::Other(told) = generic("bad address https://h/a?X-Amz-Signature=hunter2 of me") else {
            panic!()
        };
        assert!(!told.contains("hunter2"), "{told}");
        let beyond = "Server returned non-2xx status code: 416 Range Not Satisfiable: ";
        assert_eq!(generic(beyond), StoreError::Rewritten);
    }
}
