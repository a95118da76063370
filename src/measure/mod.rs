//! Measure: editions → figures over any window. Outages, availability, months.
