//! Reading `uptime-ledger.toml`: text in, [`Config`] or every mistake out.
