//! Report: figures → files that people open.
