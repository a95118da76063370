//! Fields: the webhook fields that a payload may name, and why nothing is read from most of them.

use crate::facts::FieldLine;

/// Why lines of a known field that hold no status of a message give nothing to the books.
///
/// Statuses are read from `messages` and `standby` alone. All other fields tell of something by
/// which no call is judged. A name that ends with `*` stands for all that begin with it.
const KNOWN: [(&str, &str); 22] = [
    ("messages", "inbound messages, or errors of the account"),
    ("standby", "messages and copies of other responders"),
    ("messaging_handovers", "changes of the responder"),
    ("calls", "voice calls, which are no messages"),
    ("smb_message_echoes", "copies of messages that no call sent"),
    ("message_echoes", "copies of messages that no call sent"),
    ("smb_app_state_sync", "contacts of the Business app"),
    ("history", "messages from before the log"),
    ("automatic_events", "events of marketing"),
    ("tracking_events", "events of marketing"),
    ("user_preferences", "wishes of recipients"),
    ("group_*", "changes of groups"),
    ("message_template_*", "changes of templates"),
    ("template_*", "changes of templates"),
    ("flows", "changes of flows"),
    ("account_*", "changes of the account"),
    ("business_*", "changes of the account"),
    ("phone_number_*", "changes of the account"),
    ("username_*", "changes of the account"),
    ("security", "changes of the account"),
    ("partner_solutions", "changes of the account"),
    ("payment_configuration_update", "changes of the account"),
];
/// Why a `value` alone, which names no field, gives nothing.
const NO_FIELD: &str = "a value without a field and without a status";

/// Returns why lines of a field without a status give nothing; the empty name stands for no field.
pub fn why_ignored(field: &str) -> &'static str {
    if field.is_empty() {
        return NO_FIELD;
    }
    let is_it = |name: &str| match name.strip_suffix('*') {
        Some(prefix) => field.starts_with(prefix),
        None => field == name,
    };
    KNOWN.iter().find(|(name, _)| is_it(name)).map_or(FieldLine::UNKNOWN, |(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_by_its_name_or_by_its_beginning() {
        for field in ["messages", "account_update", "group_status_update", "template_status_update"] {
            assert_ne!(why_ignored(field), FieldLine::UNKNOWN, "{field}");
        }
        for field in ["mesages", "calls_update", "groups", "user_id_update"] {
            assert_eq!(why_ignored(field), FieldLine::UNKNOWN, "{field}");
        }
        assert_eq!(why_ignored(""), NO_FIELD);
    }
}
