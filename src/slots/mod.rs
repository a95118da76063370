//! Slots: Postings → Slots. Every minute of every service and region is somewhere: up, degraded, down or unobserved.
